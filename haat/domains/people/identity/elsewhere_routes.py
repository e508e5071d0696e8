"""Signing in at other providers, and telephone numbers, over REST.

An app begins with `POST /auth/with/{provider}`, opens the address in a browser, keeps `kept`, and
sends what came back to the redirect address with it. The address is the market's page, or the
provider's HAAT_SIGN_IN__…__REDIRECT_URI.
"""

from uuid import UUID

from fastapi import Request

from haat.domains.people.identity.api import (
    Answered,
    AskedElsewhere,
    Connection,
    Credential,
    HostToken,
    Kept,
    PasskeyAsked,
    Phone,
    PhoneCode,
    PhoneNumber,
    ProviderName,
    Sealed,
    SignedIn,
    Way,
    WaysIn,
)
from haat.domains.people.identity.key_routes import router
from haat.domains.people.identity.own_routes import here, origin_of
from haat.domains.people.identity.routes import Service
from haat.engines.http import Ctx, from_this_machine
from haat.kernel.model import Body

__all__ = ["router"]


class AnswerBody(Body):
    """`kept` as it was answered at the beginning, `answered` as it came to the redirect address."""

    kept: Kept
    answered: Answered


class SignInAnswerBody(AnswerBody):
    vendor_id: UUID | None = None


class TicketBody(Body):
    ticket: Kept


class HostTokenBody(Body):
    token: HostToken


class HostSignInBody(HostTokenBody):
    vendor_id: UUID | None = None


class NumberBody(Body):
    number: PhoneNumber


class PhoneCodeBody(Body):
    code: PhoneCode


@router.get("/auth/ways", summary="Where people may sign in besides here")
async def ways(ctx: Ctx, identity: Service) -> list[Way]:
    return await identity.ways(ctx)


@router.post("/auth/with/{provider}", summary="Begin to sign in at a provider")
async def ask(
    provider: ProviderName, request: Request, ctx: Ctx, identity: Service
) -> AskedElsewhere:
    return await identity.ask_elsewhere(ctx, provider=provider, origin=origin_of(request))


@router.post("/auth/with/{provider}/answer", summary="Sign in with a provider's answer")
async def sign_in(
    provider: ProviderName,
    body: SignInAnswerBody,
    request: Request,
    ctx: Ctx,
    identity: Service,
) -> SignedIn:
    """`second_step_needed` as after a password; `connect_first` where somebody has the address."""
    return await identity.sign_in_elsewhere(
        ctx,
        provider=provider,
        kept=body.kept,
        answered=body.answered,
        client=request.headers.get("user-agent", ""),
        local=from_this_machine(request),
        vendor_id=body.vendor_id,
        origin=origin_of(request),
    )


@router.post("/auth/host", summary="Sign in with the host system's token")
async def with_host(
    body: HostSignInBody, request: Request, ctx: Ctx, identity: Service
) -> SignedIn:
    return await identity.sign_in_with_host(
        ctx,
        token=body.token,
        client=request.headers.get("user-agent", ""),
        vendor_id=body.vendor_id,
        origin=origin_of(request),
    )


@router.post("/auth/prove/{provider}", summary="Begin to prove again who I am, at a provider")
async def ask_proof(provider: ProviderName, ctx: Ctx, identity: Service) -> AskedElsewhere:
    return await identity.ask_proof_elsewhere(ctx, provider=provider)


@router.post("/auth/prove/{provider}/answer", summary="Prove it with a provider's answer")
async def prove(
    provider: ProviderName, body: AnswerBody, request: Request, ctx: Ctx, identity: Service
) -> SignedIn:
    return await identity.prove_elsewhere(
        ctx,
        provider=provider,
        kept=body.kept,
        answered=body.answered,
        session_id=here(request),
    )


class PasskeyProofBody(Body):
    """`credential` is what the browser answered, `state` came with the options."""

    state: Sealed
    credential: Credential


@router.post("/auth/passkeys/proof", summary="Ask for what a passkey proves with who I am")
async def ask_passkey_proof(ctx: Ctx, identity: Service) -> PasskeyAsked:
    return await identity.ask_passkey_proof(ctx)


@router.post("/auth/passkeys/proof/answer", summary="Prove again who I am with a passkey")
async def prove_with_passkey(
    body: PasskeyProofBody, request: Request, ctx: Ctx, identity: Service
) -> SignedIn:
    return await identity.prove_with_passkey(
        ctx, state=body.state, credential=body.credential, session_id=here(request)
    )


@router.get("/me/connections", summary="How I get into my account")
async def ways_in(ctx: Ctx, identity: Service) -> WaysIn:
    return await identity.ways_in(ctx)


@router.post("/me/connections", status_code=201, summary="Connect by the ticket of a sign-in")
async def connect_by_ticket(body: TicketBody, ctx: Ctx, identity: Service) -> Connection:
    """After `connect_first`, and signing in as ever."""
    return await identity.connect_by_ticket(ctx, ticket=body.ticket)


@router.post("/me/connections/host", status_code=201, summary="Connect the host's account")
async def connect_host(body: HostTokenBody, ctx: Ctx, identity: Service) -> Connection:
    return await identity.connect_host(ctx, token=body.token)


@router.post("/me/connections/with/{provider}", summary="Begin to connect an account elsewhere")
async def ask_connection(provider: ProviderName, ctx: Ctx, identity: Service) -> AskedElsewhere:
    return await identity.ask_connection(ctx, provider=provider)


@router.post(
    "/me/connections/with/{provider}/answer",
    status_code=201,
    summary="Connect with a provider's answer",
)
async def connect(
    provider: ProviderName, body: AnswerBody, ctx: Ctx, identity: Service
) -> Connection:
    return await identity.connect(ctx, provider=provider, kept=body.kept, answered=body.answered)


@router.delete("/me/connections/{id}", status_code=204, summary="Remove a connection")
async def disconnect(id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.disconnect(ctx, id=id)


@router.get("/me/phone", summary="My telephone number")
async def phone(ctx: Ctx, identity: Service) -> Phone:
    return await identity.phone(ctx)


@router.post("/me/phone", summary="Send a code to a telephone number")
async def ask_code(body: NumberBody, request: Request, ctx: Ctx, identity: Service) -> Phone:
    return await identity.ask_phone_code(ctx, number=body.number, origin=origin_of(request))


@router.put("/me/phone", summary="Prove the number by its code")
async def verify_phone(body: PhoneCodeBody, ctx: Ctx, identity: Service) -> Phone:
    return await identity.verify_phone(ctx, code=body.code)


@router.delete("/me/phone", summary="Remove my telephone number")
async def forget_phone(ctx: Ctx, identity: Service) -> Phone:
    return await identity.forget_phone(ctx)
