"""Becoming a vendor: the application, and acting for the new vendor at once."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import Identity, Person
from haat.domains.people.vendors.api import Application, Vendor, Vendors
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.kit.reading import percent
from haat.gateways.web.store.shopping import count
from haat.gateways.web.visit import REFRESH, PersonVisit, Visit, form_of, uuid_in
from haat.kernel.errors import Problem, Unauthenticated

router = APIRouter()
# Of the checklist, items can be for some of these only; others may write what fits them.
TYPES = (
    ("individual", "A private person"),
    ("sole_trader", "Sole trader"),
    ("company", "Company"),
    ("partnership", "Partnership"),
    ("nonprofit", "Association or charity"),
)
AT = {"vendor_name_taken": "name", "name_invalid": "name", "email_invalid": "contact_email"}


@router.get("/vendor/apply")
async def show(visit: PersonVisit) -> Response:
    """The form; who is in a team already goes to the portal."""
    await count(visit)
    person: Person = await visit.doors[Identity].me(visit.ctx)
    if visit.vendor_id is not None:
        present: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(visit.vendor_id))
        if present.status != "rejected":
            return visit.redirect("/vendor")
    elif person.memberships and await act_for(visit, person.memberships[0].vendor_id):
        return visit.redirect("/vendor")
    return _page(visit, person, Form())


@router.post("/vendor/apply")
async def apply(visit: PersonVisit, request: Request) -> Response:
    await count(visit)
    values = await form_of(request)
    try:
        id = uuid_in(values, "id")
        application = read(Application, values)
        await visit.doors[Vendors].apply(visit.ctx, id=id, application=application)
    except Problem as problem:
        if problem.status >= 500:
            raise
        person = await visit.doors[Identity].me(visit.ctx)
        return _page(visit, person, Form(values, problem, AT), problem.status)
    if await act_for(visit, id):
        visit.flash("Your application is here. Tell us a little more.")
        return visit.redirect("/vendor/onboarding")
    # Without a session to renew the token stays the old one: a new sign-in brings the team.
    visit.flash("Your application is sent. Sign in again to open the vendor portal.")
    return visit.redirect("/account")


async def act_for(visit: Visit, vendor_id: UUID) -> bool:
    """Renews the session, so that its token carries this vendor. False when there is none."""
    token = visit.request.cookies.get(REFRESH)
    if not token:
        return False
    try:
        signed_in = await visit.doors[Identity].refresh(
            visit.ctx, refresh_token=token, vendor_id=vendor_id
        )
    except Unauthenticated:
        return False
    visit.enter(signed_in)
    return visit.vendor_id == vendor_id


def _page(visit: Visit, person: Person, form: Form, status: int = 200) -> Response:
    return visit.page(
        "vendor/apply.html",
        status,
        form=form,
        person=person,
        countries=countries(),
        percent=percent,
        new_id=visit.ctx.new_id(),
        types=TYPES,
    )
