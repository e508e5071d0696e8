"""API keys: made, replaced, revoked; a new one's secret is shown on the page that answers, once."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import VENDOR_SCOPES, ApiKey, Identity, MadeKey, Member
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.portal import Team, may, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/vendor/keys"
DAYS = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))
REFUSED = (403, 409, 422)


@router.get("/vendor/keys")
async def listed(visit: Team) -> Response:
    return await _page(visit, Form())


@router.post("/vendor/keys")
async def make(visit: Team, request: Request) -> Response:
    form = await request.form()
    scopes = [one for one in form.getlist("scopes") if isinstance(one, str)]
    values = await form_of(request)
    try:
        reader = Reader(values)
        id = reader.id("id")
        name = reader.text("name", longest=60)
        days = reader.whole("days", least=1, most=3650, empty=0)
        reader.done()
        made: MadeKey = await visit.doors[Identity].make_key(
            visit.ctx,
            id=id,
            vendor_id=vendor_of(visit),
            name=name,
            scopes=scopes[:40],
            expires_at=visit.ctx.now() + timedelta(days=days) if days else None,
        )
    except Problem as problem:
        if problem.status not in REFUSED:
            raise
        return await _page(visit, Form(values, problem), chosen=scopes, status=problem.status)
    return await _page(visit, Form(), made=made)


@router.post("/vendor/keys/{key_id}/replace")
async def replace(visit: Team, key_id: UUID) -> Response:
    try:
        made: MadeKey = await visit.doors[Identity].rotate_key(
            visit.ctx, id=visit.ctx.new_id(), vendor_id=vendor_of(visit), key_id=key_id
        )
    except Problem as problem:
        if problem.status not in REFUSED:
            raise
        return await _page(visit, Form({}, problem), status=problem.status)
    return await _page(visit, Form(), made=made)


@router.post("/vendor/keys/{key_id}/revoke")
async def revoke(visit: Team, key_id: UUID) -> Response:
    await visit.doors[Identity].revoke_key(visit.ctx, vendor_id=vendor_of(visit), key_id=key_id)
    visit.flash("The key is revoked. Calls with it are refused from now on.")
    return visit.redirect(HERE)


async def _page(
    visit: Visit,
    form: Form,
    *,
    made: MadeKey | None = None,
    chosen: list[str] | None = None,
    status: int = 200,
) -> Response:
    identity: Identity = visit.doors[Identity]
    keys: list[ApiKey] = await identity.api_keys(visit.ctx, vendor_id=vendor_of(visit))
    members: list[Member] = []
    if may(visit, "vendor:team"):
        members = await identity.members(visit.ctx, vendor_id=vendor_of(visit))
    return page(
        visit,
        "keys.html",
        HERE,
        status,
        form=form,
        keys=keys,
        made=made,
        chosen=chosen or [],
        names={one.person_id: one.name for one in members if one.active},
        knows_names=bool(members),
        offered={one: text for one, text in VENDOR_SCOPES.items() if one in visit.ctx.scopes},
        words=VENDOR_SCOPES,
        days=DAYS,
        now=visit.ctx.now(),
        new_id=visit.ctx.new_id(),
    )
