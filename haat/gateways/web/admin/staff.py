"""The market's staff: who they are, what they may do, and the roles put together for them."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import (
    STAFF_ROLES,
    STAFF_SCOPES,
    SUPER_ADMINS_ALONE,
    Contact,
    CustomRole,
    Identity,
    StaffMember,
    StaffRole,
)
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, NotFound, Problem

router = APIRouter()
HERE = "/admin/staff"
ROLES = HERE + "/roles"


@router.get("/admin/staff")
async def listed(visit: Staff) -> Response:
    return await _page(visit, Form())


@router.post("/admin/staff")
async def find(visit: Staff, request: Request) -> Response:
    """Leads to the page of somebody with an account."""
    values = await form_of(request)
    try:
        found: list[Contact] = await visit.doors[Identity].look_up(
            visit.ctx, emails=[values.get("email", "")[:254]]
        )
        if not found:
            raise Invalid.at("email", "Nobody has an account with this address.", "unknown")
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(visit, Form(values, problem, {"email_invalid": "email"}), 422)
    return visit.redirect(f"{HERE}/{found[0].person_id}")


@router.get("/admin/staff/history")
async def history(visit: Staff, cursor: str | None = None) -> Response:
    identity: Identity = visit.doors[Identity]
    found = await identity.rights_history(visit.ctx, cursor=cursor or None)
    ids = {id for one in found.items for id in (one.actor_id, one.person_id) if id is not None}
    people: list[Contact] = await identity.look_up(visit.ctx, person_ids=sorted(ids))
    names = {one.person_id: one.name for one in people}
    return page(visit, "staff_history.html", HERE, found=found, names=names)


@router.get("/admin/staff/roles")
async def roles(visit: Staff) -> Response:
    return page(visit, "staff_roles.html", HERE, roles=await _roles(visit), words=STAFF_SCOPES)


@router.get("/admin/staff/roles/{ref}")
async def role(visit: Staff, ref: str) -> Response:
    """The form of a role; "new" is one that is not there yet."""
    found = await _role(visit, ref)
    id = str(found.id if found else visit.ctx.new_id())
    return _role_page(visit, ref, found, Form(), id, found.scopes if found else [])


@router.post("/admin/staff/roles/{ref}")
async def save_role(visit: Staff, ref: str, request: Request) -> Response:
    form = await request.form()
    scopes = [one for one in form.getlist("scopes") if isinstance(one, str)]
    values = await form_of(request)
    found = await _role(visit, ref)
    try:
        reader = Reader(values)
        id = found.id if found else reader.id("id")
        name = reader.text("name", longest=60)
        reason = reader.text("reason", longest=500, required=False)
        reader.done()
        await visit.doors[Identity].save_staff_role(
            visit.ctx, id=id, name=name, scopes=scopes[:40], reason=reason
        )
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        shown = Form(values, problem)
        return _role_page(visit, ref, found, shown, values.get("id", ""), scopes, problem.status)
    visit.flash("The role is saved. It counts at once for who has it.")
    return visit.redirect(ROLES)


@router.post("/admin/staff/roles/{id}/remove")
async def remove_role(visit: Staff, id: UUID) -> Response:
    try:
        await visit.doors[Identity].remove_staff_role(visit.ctx, id=id)
        visit.flash("The role is removed.")
    except Problem as problem:
        if problem.status != 409:
            raise
        visit.flash(problem.detail)
    return visit.redirect(ROLES)


@router.get("/admin/staff/{person_id}")
async def member(visit: Staff, person_id: UUID) -> Response:
    return await _member_page(visit, person_id, Form(), None)


@router.post("/admin/staff/{person_id}")
async def change(visit: Staff, person_id: UUID, request: Request) -> Response:
    form = await request.form()
    chosen = [one for one in form.getlist("roles") if isinstance(one, str)]
    values = await form_of(request)
    try:
        usual, own = _chosen(chosen)
        reader = Reader(values)
        reason = reader.text("reason", longest=500, required=False)
        reader.done()
        await visit.doors[Identity].set_staff(
            visit.ctx, person_id=person_id, roles=usual, custom_roles=own, reason=reason
        )
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _member_page(visit, person_id, Form(values, problem), chosen, problem.status)
    visit.flash("Saved. It counts at once.")
    return visit.redirect(HERE if person_id != visit.ctx.actor.id else "/admin")


def _chosen(texts: Sequence[str]) -> tuple[list[StaffRole], list[UUID]]:
    """Boxes that were ticked: the usual roles by name, the market's own by id."""
    usual: list[StaffRole] = [role for role in STAFF_ROLES if role in texts]
    try:
        return usual, [UUID(text) for text in texts if text not in STAFF_ROLES][:20]
    except ValueError:
        raise Invalid.at("roles", "Choose of the list.", "role_unknown") from None


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    members: list[StaffMember] = await visit.doors[Identity].staff_members(visit.ctx)
    return page(visit, "staff.html", HERE, status, members=members, form=form)


async def _roles(visit: Visit) -> list[CustomRole]:
    found: list[CustomRole] = await visit.doors[Identity].staff_roles(visit.ctx)
    return found


async def _role(visit: Visit, ref: str) -> CustomRole | None:
    """One of the market's own; None for "new"."""
    for one in await _roles(visit):
        if str(one.id) == ref:
            return one
    if ref != "new":
        raise NotFound
    return None


async def _member_page(
    visit: Visit, person_id: UUID, form: Form, chosen: Sequence[str] | None, status: int = 200
) -> Response:
    """`chosen`: what was ticked; None for what they have."""
    identity: Identity = visit.doors[Identity]
    members: list[StaffMember] = await identity.staff_members(visit.ctx)
    found = next((one for one in members if one.person_id == person_id), None)
    known: list[Contact] = await identity.look_up(visit.ctx, person_ids=[person_id])
    if not known:
        raise NotFound
    if chosen is None and found is not None:
        chosen = [*found.roles, *(str(one.id) for one in found.custom_roles)]
    usual = [(one, one.replace("_", " "), STAFF_ROLES[one]) for one in STAFF_ROLES]
    own = [(str(one.id), one.name, one.scopes) for one in await _roles(visit)]
    return page(
        visit,
        "staff_member.html",
        HERE,
        status,
        member=known[0],
        form=form,
        roles=[*usual, *own],
        chosen=chosen or [],
        words=STAFF_SCOPES,
    )


def _role_page(
    visit: Visit,
    ref: str,
    found: CustomRole | None,
    form: Form,
    id: str,
    chosen: Sequence[str],
    status: int = 200,
) -> Response:
    offered = {one: text for one, text in STAFF_SCOPES.items() if one != SUPER_ADMINS_ALONE}
    return page(
        visit,
        "staff_role.html",
        HERE,
        status,
        ref=ref,
        role=found,
        form=form,
        id=id,
        offered=offered,
        chosen=chosen,
    )
