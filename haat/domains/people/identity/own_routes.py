"""What a person does with their own account over REST: its password, its proved address, its
sessions; and what staff see of anybody's."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from haat.domains.people.identity.api import (
    AppSetup,
    Challenge,
    Code,
    Credential,
    Evidence,
    FactorReset,
    LinkToken,
    MaybeCode,
    MaybePassword,
    Passkey,
    PasskeyAsked,
    PasskeyName,
    Password,
    Reason,
    RecoveryCodes,
    Sealed,
    SecondFactors,
    Session,
    SignedIn,
    SignInTry,
)
from haat.domains.people.identity.routes import Address, Service, router
from haat.engines.http import Ctx, from_this_machine
from haat.engines.http.context import claims_of
from haat.kernel.errors import Unauthenticated
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

__all__ = ["router"]

Cursor = Annotated[str | None, Query(max_length=500)]


class ForgotBody(Body):
    email: Address


class ResetBody(Body):
    token: LinkToken
    password: Password


class PasswordBody(Body):
    old: Password
    new: Password


class SecondStepBody(Body):
    challenge: Challenge
    code: Code


class ProofBody(Body):
    """The code of an app where there is one, the password otherwise."""

    password: MaybePassword = None
    code: MaybeCode = None


class CodeBody(Body):
    code: Code


class BlockBody(Body):
    reason: Reason


class VerifyBody(Body):
    token: LinkToken


def origin_of(request: Request) -> str:
    """Whom tries are counted for."""
    return request.client.host if request.client else ""


def session_of(request: Request) -> UUID | None:
    """The session that a request is made in."""
    claims = claims_of(request)
    return claims.session_id if claims else None


def here(request: Request) -> UUID:
    """The same, of somebody who is signed in."""
    found = session_of(request)
    if found is None:
        raise Unauthenticated
    return found


@router.post("/auth/forgot-password", status_code=204, summary="Ask for a link to set a password")
async def forgot(body: ForgotBody, request: Request, ctx: Ctx, identity: Service) -> None:
    """The answer is the same whether there is such an account or not."""
    await identity.ask_reset(ctx, email=body.email, origin=origin_of(request))


@router.post("/auth/reset-password", status_code=204, summary="Set a password by a link")
async def reset(body: ResetBody, ctx: Ctx, identity: Service) -> None:
    """Ends every session of the account."""
    await identity.reset_password(ctx, token=body.token, password=body.password)


@router.put("/me/password", status_code=204, summary="Change my password")
async def change(body: PasswordBody, request: Request, ctx: Ctx, identity: Service) -> None:
    """Ends every other session of the account."""
    await identity.change_password(
        ctx,
        old=body.old,
        new=body.new,
        session_id=session_of(request),
        origin=origin_of(request),
    )


@router.post("/me/verification", status_code=204, summary="Ask for a link to confirm my address")
async def ask_verification(ctx: Ctx, identity: Service) -> None:
    await identity.ask_verification(ctx)


@router.post("/auth/verify-email", status_code=204, summary="Confirm an address by a link")
async def verify(body: VerifyBody, ctx: Ctx, identity: Service) -> None:
    await identity.verify_email(ctx, token=body.token)


@router.get("/me/sessions", summary="Where I am signed in")
async def sessions(request: Request, ctx: Ctx, identity: Service) -> list[Session]:
    sitting = session_of(request)
    found = await identity.sessions(ctx)
    return [one.model_copy(update={"current": one.id == sitting}) for one in found]


@router.post("/auth/second-step", summary="Sign in: the second step")
async def second_step(body: SecondStepBody, ctx: Ctx, identity: Service) -> SignedIn:
    """After a sign-in that was answered `second_step_needed`."""
    return await identity.finish_sign_in(ctx, challenge=body.challenge, code=body.code)


@router.post("/auth/prove", summary="Prove again who I am")
async def prove(body: ProofBody, request: Request, ctx: Ctx, identity: Service) -> SignedIn:
    """What was answered `proof_needed` works with the access token that this answers."""
    return await identity.prove(
        ctx, session_id=here(request), password=body.password, code=body.code
    )


@router.get("/me/second-step", summary="What I have for the second step")
async def factors(ctx: Ctx, identity: Service) -> SecondFactors:
    return await identity.factors(ctx)


@router.post("/auth/second-step/app", summary="Set an authenticator app up")
async def set_up_app(ctx: Ctx, identity: Service) -> AppSetup:
    return await identity.set_up_app(ctx)


@router.put("/auth/second-step/app", summary="Confirm the authenticator app")
async def confirm_app(
    body: CodeBody, request: Request, ctx: Ctx, identity: Service
) -> RecoveryCodes:
    """Answers the recovery codes, this once."""
    return await identity.confirm_app(ctx, code=body.code, session_id=here(request))


@router.delete("/auth/second-step/app", status_code=204, summary="Remove the authenticator app")
async def remove_app(ctx: Ctx, identity: Service) -> None:
    await identity.remove_app(ctx)


@router.post("/auth/second-step/recovery-codes", summary="Take new recovery codes")
async def renew_codes(ctx: Ctx, identity: Service) -> RecoveryCodes:
    return await identity.renew_recovery_codes(ctx)


@router.delete("/me/sessions", status_code=204, summary="Sign out everywhere else")
async def end_others(request: Request, ctx: Ctx, identity: Service) -> None:
    await identity.end_other_sessions(ctx, but=here(request))


@router.delete("/me/sessions/{id}", status_code=204, summary="Sign out on one device")
async def end_one(id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.end_session(ctx, id=id)


@router.get("/me/sign-ins", summary="Who tried to sign in to my account")
async def sign_ins(
    ctx: Ctx, identity: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[SignInTry]:
    return await identity.sign_ins(ctx, limit=limit, cursor=cursor)


@router.get("/admin/people/{id}/sessions", summary="Where somebody is signed in")
async def sessions_of(id: UUID, ctx: Ctx, identity: Service) -> list[Session]:
    return await identity.sessions_of(ctx, person_id=id)


@router.get("/admin/people/{id}/sign-ins", summary="Who tried to sign in to an account")
async def sign_ins_of(
    id: UUID, ctx: Ctx, identity: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[SignInTry]:
    return await identity.sign_ins_of(ctx, person_id=id, limit=limit, cursor=cursor)


@router.post("/admin/people/{id}/block", status_code=204, summary="Keep somebody out")
async def block(id: UUID, body: BlockBody, ctx: Ctx, identity: Service) -> None:
    await identity.block(ctx, person_id=id, reason=body.reason)


@router.post("/admin/people/{id}/unblock", status_code=204, summary="Let somebody in again")
async def unblock(id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.unblock(ctx, person_id=id)


class EvidenceBody(Body):
    evidence: Evidence


class StopBody(Body):
    token: LinkToken


@router.post(
    "/admin/people/{id}/factor-resets",
    status_code=201,
    summary="Ask that somebody's second step be reset",
)
async def ask_reset(id: UUID, body: EvidenceBody, ctx: Ctx, identity: Service) -> FactorReset:
    """For who lost every factor. Another one of staff approves it; then a time runs in which its
    owner can stop it."""
    return await identity.ask_factor_reset(
        ctx, id=ctx.new_id(), person_id=id, evidence=body.evidence
    )


@router.get("/admin/people/{id}/factor-resets", summary="Resets of somebody's second step")
async def resets(id: UUID, ctx: Ctx, identity: Service) -> list[FactorReset]:
    return await identity.factor_resets(ctx, person_id=id)


@router.post("/admin/factor-resets/{id}/approve", summary="Approve a reset of a second step")
async def approve_reset(id: UUID, ctx: Ctx, identity: Service) -> FactorReset:
    return await identity.approve_factor_reset(ctx, id=id)


@router.post("/admin/factor-resets/{id}/withdraw", summary="Take back a reset of a second step")
async def withdraw_reset(id: UUID, ctx: Ctx, identity: Service) -> FactorReset:
    return await identity.withdraw_factor_reset(ctx, id=id)


@router.post("/auth/factor-reset/stop", status_code=204, summary="Stop the reset of my second step")
async def stop_reset(body: StopBody, ctx: Ctx, identity: Service) -> None:
    """By the link in the mail that told of it."""
    await identity.stop_factor_reset(ctx, token=body.token)


class PasskeyBody(Body):
    """`credential` is what the browser answered (`toJSON()`), `state` came with the options."""

    state: Sealed
    credential: Credential
    name: PasskeyName


class PasskeySignInBody(Body):
    state: Sealed
    credential: Credential
    vendor_id: UUID | None = None


@router.get("/me/passkeys", summary="My passkeys")
async def passkeys(ctx: Ctx, identity: Service) -> list[Passkey]:
    return await identity.passkeys(ctx)


@router.post("/auth/passkeys/new", summary="Ask for what a new passkey is made from")
async def ask_passkey(ctx: Ctx, identity: Service) -> PasskeyAsked:
    return await identity.ask_passkey(ctx)


@router.post("/auth/passkeys", status_code=201, summary="Add a passkey")
async def add_passkey(body: PasskeyBody, request: Request, ctx: Ctx, identity: Service) -> Passkey:
    return await identity.add_passkey(
        ctx,
        id=ctx.new_id(),
        state=body.state,
        credential=body.credential,
        name=body.name,
        session_id=here(request),
    )


@router.delete("/me/passkeys/{id}", status_code=204, summary="Remove a passkey")
async def remove_passkey(id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.remove_passkey(ctx, id=id)


@router.post("/auth/passkeys/challenge", summary="Ask for what a passkey signs in with")
async def ask_passkey_sign_in(request: Request, ctx: Ctx, identity: Service) -> PasskeyAsked:
    return await identity.ask_passkey_sign_in(ctx, origin=origin_of(request))


@router.post("/auth/passkeys/login", summary="Sign in with a passkey")
async def passkey_sign_in(
    body: PasskeySignInBody, request: Request, ctx: Ctx, identity: Service
) -> SignedIn:
    return await identity.sign_in_with_passkey(
        ctx,
        state=body.state,
        credential=body.credential,
        client=request.headers.get("user-agent", ""),
        local=from_this_machine(request),
        vendor_id=body.vendor_id,
        origin=origin_of(request),
    )
