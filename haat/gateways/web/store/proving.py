"""The second step of signing in as its owner sets it up, and proving again who one is."""

from base64 import b64encode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Json

from haat.domains.people.identity.api import (
    Code,
    Credential,
    Identity,
    MaybeCode,
    MaybePassword,
    PasskeyAsked,
    PasskeyName,
    Sealed,
    SecondFactors,
    SignedIn,
    Way,
    WaysIn,
)
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.security import HERE, here
from haat.gateways.web.store.shopping import Enrolling, PersonShopping
from haat.gateways.web.visit import REFRESH, Visit, form_of, safe_path, uuid_in
from haat.kernel.context import ENROL
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()


class ProofForm(Body):
    password: MaybePassword = None
    code: MaybeCode = None


class CodeForm(Body):
    code: Code


@router.get("/account/prove")
async def prove_page(visit: Enrolling, next: str = "") -> Response:
    return await _prove_page(visit, Form(), safe_path(next, "/account"))


@router.post("/account/prove")
async def prove(visit: Enrolling, request: Request) -> Response:
    values = await form_of(request)
    target = safe_path(values.pop("next", ""), "/account")
    try:
        wanted = read(ProofForm, values)
        signed_in: SignedIn = await visit.doors[Identity].prove(
            visit.ctx, session_id=here(visit), password=wanted.password, code=wanted.code
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 401:
            raise
        return await _prove_page(visit, Form(values, problem), target, problem.status)
    visit.enter(signed_in)
    return visit.redirect(target)


class PasskeyProofForm(Body):
    state: Sealed
    credential: Json[Credential]


@router.post("/account/prove/passkey/new")
async def ask_passkey_proof(visit: Enrolling) -> Response:
    """For the page's script."""
    asked: PasskeyAsked = await visit.doors[Identity].ask_passkey_proof(visit.ctx)
    return JSONResponse(asked.model_dump(mode="json"))


@router.post("/account/prove/passkey")
async def prove_with_passkey(visit: Enrolling, request: Request) -> Response:
    values = await form_of(request)
    target = safe_path(values.pop("next", ""), "/account")
    try:
        wanted = read(PasskeyProofForm, values)
        signed_in: SignedIn = await visit.doors[Identity].prove_with_passkey(
            visit.ctx, state=wanted.state, credential=wanted.credential, session_id=here(visit)
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 401:
            raise
        return await _prove_page(visit, Form({}, problem), target, problem.status)
    visit.enter(signed_in)
    return visit.redirect(target)


@router.get("/account/second-step")
async def enrol_page(visit: Enrolling, next: str = "") -> Response:
    """Where somebody is led who needs a second step for what they were about to do."""
    target = safe_path(next, "/account")
    if ENROL not in visit.ctx.scopes:
        return visit.redirect(target)
    found: SecondFactors = await visit.doors[Identity].factors(visit.ctx)
    return visit.page("store/second_step_first.html", factors=found, next=target)


@router.post("/account/security/app")
async def set_up(visit: Enrolling) -> Response:
    setup = await visit.doors[Identity].set_up_app(visit.ctx)
    picture = "data:image/svg+xml;base64," + b64encode(setup.qr_svg.encode()).decode()
    return visit.page("store/second_step_setup.html", setup=setup, qr=picture, form=Form())


@router.post("/account/security/app/confirm")
async def confirm(visit: Enrolling, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(CodeForm, values)
        made = await visit.doors[Identity].confirm_app(
            visit.ctx, code=wanted.code, session_id=here(visit)
        )
    except Problem as problem:
        if problem.code not in ("code_wrong", "invalid", "too_many_attempts"):
            raise
        form = Form({"code": ""}, problem)
        return visit.page("store/second_step_wrong.html", problem.status, form=form)
    await _renew(visit)  # staff may have their part back now
    return visit.page("store/recovery_codes.html", codes=made.codes)


@router.post("/account/security/app/remove")
async def remove(visit: PersonShopping) -> Response:
    await visit.doors[Identity].remove_app(visit.ctx)
    await _renew(visit)
    visit.flash("The second step is switched off.")
    return visit.redirect(HERE)


@router.post("/account/security/recovery-codes")
async def renew_codes(visit: PersonShopping) -> Response:
    made = await visit.doors[Identity].renew_recovery_codes(visit.ctx)
    return visit.page("store/recovery_codes.html", codes=made.codes)


class PasskeyForm(Body):
    state: Sealed
    credential: Json[Credential]
    name: PasskeyName


@router.post("/account/security/passkeys/new")
async def ask_passkey(visit: Enrolling) -> Response:
    """For the page's script."""
    asked: PasskeyAsked = await visit.doors[Identity].ask_passkey(visit.ctx)
    return JSONResponse(asked.model_dump(mode="json"))


@router.post("/account/security/passkeys")
async def add_passkey(visit: Enrolling, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(PasskeyForm, values)
        await visit.doors[Identity].add_passkey(
            visit.ctx,
            id=visit.ctx.new_id(),
            state=wanted.state,
            credential=wanted.credential,
            name=wanted.name,
            session_id=here(visit),
        )
    except Problem as problem:
        if problem.status >= 500 or problem.code == "proof_needed":
            raise
        visit.flash(problem.detail)
        return visit.redirect(f"{HERE}#passkeys")
    await _renew(visit)
    visit.flash("The passkey is added. You can sign in with it from now on.")
    return visit.redirect(f"{HERE}#passkeys")


@router.post("/account/security/passkeys/remove")
async def remove_passkey(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    await visit.doors[Identity].remove_passkey(visit.ctx, id=id)
    await _renew(visit)
    visit.flash("The passkey is removed.")
    return visit.redirect(f"{HERE}#passkeys")


async def _renew(visit: Visit) -> None:
    """Takes tokens that say what the session is now."""
    token = visit.request.cookies.get(REFRESH)
    if token:
        visit.enter(await visit.doors[Identity].refresh(visit.ctx, refresh_token=token))


async def _prove_page(visit: Visit, form: Form, target: str, status: int = 200) -> Response:
    found: SecondFactors = await visit.doors[Identity].factors(visit.ctx)
    has_app = found.app_since is not None
    known: WaysIn = await visit.doors[Identity].ways_in(visit.ctx)
    ways: list[Way] = []
    if not has_app and known.connections:
        connected = {one.provider for one in known.connections}
        offered: list[Way] = await visit.doors[Identity].ways(visit.ctx)
        ways = [one for one in offered if one.name in connected]
    return visit.page(
        "store/prove.html",
        status,
        form=form,
        next=target,
        has_app=has_app,
        has_password=known.password,
        passkeys=known.passkeys,
        ways=ways,
    )
