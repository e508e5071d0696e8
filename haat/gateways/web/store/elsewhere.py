"""Going to another service to sign in, to connect an account or to prove who one is; and back.

What the browser keeps meanwhile stands in a cookie that other sites' forms do not send along (Lax).
A provider that answers with a form of its own (Apple) is led around to the same page by GET, so
that the cookie comes with it. The way out is a link, not a form's redirect: the content policy
lets forms lead nowhere else.
"""

from urllib.parse import quote, unquote, urlencode

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from haat.domains.people.identity.api import (
    Answered,
    AskedElsewhere,
    Connection,
    Identity,
    SecondStepNeeded,
    SignedIn,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.security import HERE, here
from haat.gateways.web.store.shopping import PersonShopping, Shopping
from haat.gateways.web.store.sign_in import TICKET, second_page, sign_in_page, welcome, where
from haat.gateways.web.visit import SignInFirst, Visit, Visiting, form_of, safe_path, uuid_in
from haat.kernel.errors import Problem

router = APIRouter()
log = structlog.get_logger()
AWAY = "haat_away"
SAID = ("code", "state", "iss", "error", "user")
SAID_MAX = 4096


@router.get("/sign-in/with/{provider}")
async def leave(provider: str, visit: Visiting, request: Request, next: str = "") -> Response:
    target = where(next)
    if visit.signed_in:
        return visit.redirect(target)
    asked: AskedElsewhere = await visit.doors[Identity].ask_elsewhere(
        visit.ctx, provider=provider, origin=request.client.host if request.client else None
    )
    _keep(visit, "sign_in", asked, target)
    return visit.redirect(asked.url)


@router.post("/account/security/connections")
async def leave_to_connect(visit: PersonShopping, request: Request) -> Response:
    provider = (await form_of(request)).get("provider", "")
    asked = await visit.doors[Identity].ask_connection(visit.ctx, provider=provider)
    _keep(visit, "connect", asked, f"{HERE}#connections")
    return await _leaving(visit, provider, asked, "Connect")


@router.post("/account/prove/elsewhere")
async def leave_to_prove(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    provider = values.get("provider", "")
    asked = await visit.doors[Identity].ask_proof_elsewhere(visit.ctx, provider=provider)
    _keep(visit, "prove", asked, safe_path(values.get("next", ""), "/account"))
    return await _leaving(visit, provider, asked, "Go on to")


@router.post("/sign-in/with/{provider}/back")
async def led_around(provider: str, request: Request) -> Response:
    """A form from the provider's own site. Nothing is done here: it comes again by GET."""
    values = await form_of(request)
    said = {name: values[name] for name in SAID if len(values.get(name, "")) in range(1, SAID_MAX)}
    return RedirectResponse(f"{request.url.path}?{urlencode(said, quote_via=quote)}", 303)


@router.get("/sign-in/with/{provider}/back")
async def back(provider: str, visit: Shopping, request: Request) -> Response:
    purpose, kept, target = _kept(request)
    visit.keep_for(AWAY, None)
    given = {name: request.query_params.get(name, "")[:SAID_MAX] for name in SAID}
    answered = Answered(**given)
    try:
        if purpose == "connect":
            return await _connected(visit, provider, kept, answered, target)
        if purpose == "prove":
            return await _proved(visit, provider, kept, answered, target)
        return await _signed_in(visit, request, provider, kept, answered, target)
    except SecondStepNeeded as needed:
        return second_page(visit, Form(), str(needed.data["challenge"]), target)
    except Problem as problem:
        if problem.code == "connect_first" and "ticket" in problem.data:
            visit.keep_for(TICKET, str(problem.data["ticket"]))
        if purpose == "sign_in":
            return await sign_in_page(visit, Form({}, problem), target, problem.status)
        visit.flash(problem.detail)
        return visit.redirect(target)


@router.post("/account/security/connections/remove")
async def remove(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    try:
        await visit.doors[Identity].disconnect(visit.ctx, id=id)
    except Problem as problem:
        if problem.code != "last_way_in":
            raise
        visit.flash(problem.detail)
        return visit.redirect(f"{HERE}#connections")
    visit.flash("The connection is removed.")
    return visit.redirect(f"{HERE}#connections")


async def _signed_in(
    visit: Visit, request: Request, provider: str, kept: str, answered: Answered, target: str
) -> Response:
    signed_in: SignedIn = await visit.doors[Identity].sign_in_elsewhere(
        visit.ctx,
        provider=provider,
        kept=kept,
        answered=answered,
        client=request.headers.get("user-agent", "")[:200],
        local=visit.is_local,
        origin=request.client.host if request.client else None,
    )
    await welcome(visit, signed_in)
    return visit.redirect(target)


async def _connected(
    visit: Visit, provider: str, kept: str, answered: Answered, target: str
) -> Response:
    _person(visit)
    made: Connection = await visit.doors[Identity].connect(
        visit.ctx, provider=provider, kept=kept, answered=answered
    )
    visit.flash(f"{made.label} is connected. You can sign in there from now on.")
    return visit.redirect(target)


async def _proved(
    visit: Visit, provider: str, kept: str, answered: Answered, target: str
) -> Response:
    _person(visit)
    signed_in: SignedIn = await visit.doors[Identity].prove_elsewhere(
        visit.ctx, provider=provider, kept=kept, answered=answered, session_id=here(visit)
    )
    visit.enter(signed_in)
    return visit.redirect(target)


def _person(visit: Visit) -> None:
    if not visit.signed_in:
        raise SignInFirst


def _keep(visit: Visit, purpose: str, asked: AskedElsewhere, target: str) -> None:
    visit.keep_for(AWAY, f"{purpose}.{asked.kept}.{quote(target, safe='')}")


def _kept(request: Request) -> tuple[str, str, str]:
    """What for this browser went away, its note, and where it goes afterwards. Whether that is so,
    identity finds out: the note is sealed."""
    parts = request.cookies.get(AWAY, "").split(".", 2)
    if len(parts) != 3 or parts[0] not in ("sign_in", "connect", "prove"):
        return "sign_in", "none", "/"
    return parts[0], parts[1], safe_path(unquote(parts[2]), "/")


async def _leaving(visit: Visit, provider: str, asked: AskedElsewhere, words: str) -> Response:
    ways = await visit.doors[Identity].ways(visit.ctx)
    label = next((one.label for one in ways if one.name == provider), provider)
    return visit.page("store/leaving.html", label=label, url=asked.url, words=words)
