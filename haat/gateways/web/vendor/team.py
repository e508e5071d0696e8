"""The team: who is in it and as what, who is invited, and the roles the store put together."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import (
    VENDOR_ROLES,
    VENDOR_SCOPES,
    CustomRole,
    Identity,
    Invitation,
    Member,
    VendorRole,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.apply import act_for
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, NotFound, Problem

router = APIRouter()
HERE = "/vendor/team"
ROLES = HERE + "/roles"
AT = {"email_invalid": "email", "role_unknown": "role", "role_invalid": "role"}


@router.get("/vendor/team")
async def listed(visit: Team) -> Response:
    return await _page(visit, Form())


@router.post("/vendor/team/invite")
async def invite(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        reader = Reader(values)
        id = reader.id("id")
        email = reader.text("email", longest=254)
        reader.done()
        role, role_id = role_in(values.get("role", ""))
        await visit.doors[Identity].invite(
            visit.ctx, id=id, vendor_id=vendor_of(visit), email=email, role=role, role_id=role_id
        )
    except Problem as problem:
        return await _page(visit, Form(values, _told(problem), AT), problem.status)
    visit.flash(f"{email} is invited. The link in the mail is good for seven days.")
    return visit.redirect(HERE)


@router.post("/vendor/team/invitations/{id}/{what}")
async def invitation(visit: Team, id: UUID, what: str) -> Response:
    identity: Identity = visit.doors[Identity]
    try:
        if what == "again":
            await identity.invite_again(visit.ctx, vendor_id=vendor_of(visit), id=id)
            visit.flash("A new link is on its way; the one before does not work any more.")
        elif what == "withdraw":
            await identity.withdraw_invitation(visit.ctx, vendor_id=vendor_of(visit), id=id)
            visit.flash("The invitation is taken back.")
        else:
            raise NotFound
    except Problem as problem:
        visit.flash(_told(problem).detail)
    return visit.redirect(HERE)


@router.get("/vendor/team/history")
async def history(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Identity].team_history(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    people = {one.person_id: one.name for one in await _members(visit)}
    return page(visit, "team_history.html", HERE, found=found, people=people)


@router.get("/vendor/team/roles")
async def roles(visit: Team) -> Response:
    return page(visit, "team_roles.html", HERE, roles=await _roles(visit), words=VENDOR_SCOPES)


@router.get("/vendor/team/roles/{ref}")
async def role(visit: Team, ref: str) -> Response:
    """The form of a role; "new" is one that is not there yet."""
    found = await _role(visit, ref)
    id = str(found.id if found else visit.ctx.new_id())
    return _role_page(visit, ref, found, Form(), id, found.scopes if found else [])


@router.post("/vendor/team/roles/{ref}")
async def save_role(visit: Team, ref: str, request: Request) -> Response:
    form = await request.form()
    scopes = [one for one in form.getlist("scopes") if isinstance(one, str)]
    values = await form_of(request)
    found = await _role(visit, ref)
    try:
        reader = Reader(values)
        id = found.id if found else reader.id("id")
        name = reader.text("name", longest=60)
        reader.done()
        await visit.doors[Identity].save_role(
            visit.ctx, id=id, vendor_id=vendor_of(visit), name=name, scopes=scopes[:40]
        )
    except Problem as problem:
        shown = Form(values, _told(problem))
        return _role_page(visit, ref, found, shown, values.get("id", ""), scopes, problem.status)
    visit.flash("The role is saved. It counts at once for who has it.")
    return visit.redirect(ROLES)


@router.post("/vendor/team/roles/{id}/remove")
async def remove_role(visit: Team, id: UUID) -> Response:
    try:
        await _role(visit, str(id))
        await visit.doors[Identity].remove_role(visit.ctx, vendor_id=vendor_of(visit), id=id)
        visit.flash("The role is removed.")
    except Problem as problem:
        visit.flash(_told(problem).detail)
    return visit.redirect(ROLES)


@router.get("/vendor/team/{person_id}")
async def member(visit: Team, person_id: UUID) -> Response:
    return await _member_page(visit, person_id, Form())


@router.post("/vendor/team/{person_id}")
async def change(visit: Team, person_id: UUID, request: Request) -> Response:
    """Does what the pressed button says."""
    values = await form_of(request)
    identity, vendor_id = visit.doors[Identity], vendor_of(visit)
    of_whom = {"vendor_id": vendor_id, "person_id": person_id}
    try:
        match values.get("what"):
            case "role":
                role, role_id = role_in(values.get("role", ""))
                await identity.change_role(visit.ctx, **of_whom, role=role, role_id=role_id)
                told = "The role is another now. It counts at once."
            case "activate" | "deactivate" as what:
                active = what == "activate"
                await identity.set_active(visit.ctx, **of_whom, active=active)
                told = f"The place in the team is {'active' if active else 'inactive'} now."
            case "remove":
                await identity.remove_member(visit.ctx, **of_whom)
                told = "They are in the team no more."
            case "hand-over":
                await identity.hand_over(visit.ctx, **of_whom)
                told = "The store is handed over. You are an admin in its team now."
            case _:
                raise NotFound
    except Problem as problem:
        form = Form(values, _told(problem), AT)
        return await _member_page(visit, person_id, form, problem.status)
    visit.flash(told)
    if values["what"] == "remove" and person_id == visit.ctx.actor.id:
        return visit.redirect("/account")
    if person_id == visit.ctx.actor.id or values["what"] == "hand-over":
        await act_for(visit, vendor_id)  # with a token that says what oneself may do now
    return visit.redirect(HERE if "vendor:team" in visit.ctx.scopes else "/vendor")


def role_in(text: str) -> tuple[VendorRole, UUID | None]:
    """What a choice of roles means: "manager", or the id of one of the store's own."""
    for known in VENDOR_ROLES:
        if text == known:
            return known, None
    try:
        return "custom", UUID(text)
    except ValueError:
        raise Invalid.at("role", "Choose one of the list.", "role_unknown") from None


def choices(roles: Sequence[CustomRole], *, owner: bool) -> list[tuple[str, str]]:
    """(value, label) of the roles that may be given."""
    usual = [(one, one.capitalize()) for one in VENDOR_ROLES if owner or one != "owner"]
    return [*usual, *((str(one.id), one.name) for one in roles)]


def _told(problem: Problem) -> Problem:
    """The same; raised again when it is no answer to a form."""
    if problem.status >= 500 or isinstance(problem, NotFound):
        raise problem
    return problem


async def _members(visit: Visit) -> list[Member]:
    found: list[Member] = await visit.doors[Identity].members(visit.ctx, vendor_id=vendor_of(visit))
    return found


async def _roles(visit: Visit) -> list[CustomRole]:
    found: list[CustomRole] = await visit.doors[Identity].roles(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    return found


async def _role(visit: Visit, ref: str) -> CustomRole | None:
    """One of the store's own; None for "new"."""
    if ref == "new":
        return None
    for one in await _roles(visit):
        if str(one.id) == ref:
            return one
    raise NotFound


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    invited: list[Invitation] = await visit.doors[Identity].invitations(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    return page(
        visit,
        "team.html",
        HERE,
        status,
        form=form,
        members=await _members(visit),
        invitations=invited,
        roles=choices(await _roles(visit), owner=False),
        new_id=visit.ctx.new_id(),
    )


async def _member_page(visit: Visit, person_id: UUID, form: Form, status: int = 200) -> Response:
    members = await _members(visit)
    found = next((one for one in members if one.person_id == person_id), None)
    if found is None:
        raise NotFound
    own = next((one for one in members if one.person_id == visit.ctx.actor.id), None)
    owner = own is not None and own.role == "owner"
    return page(
        visit,
        "team_member.html",
        HERE,
        status,
        form=form,
        member=found,
        words=VENDOR_SCOPES,
        roles=choices(await _roles(visit), owner=owner),
        may_hand_over=owner and own is not found and found.active,
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
    """Only what the person has can be given."""
    offered = {scope: text for scope, text in VENDOR_SCOPES.items() if scope in visit.ctx.scopes}
    return page(
        visit,
        "team_role.html",
        HERE,
        status,
        ref=ref,
        role=found,
        form=form,
        id=id,
        offered=offered,
        chosen=chosen,
    )
