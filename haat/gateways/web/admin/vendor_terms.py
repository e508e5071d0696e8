"""A vendor's money as staff see it: balance, exceptions from the rules, fees and credit notes."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import Charge, Payouts, Policy, VendorTerms
from haat.domains.people.vendors.api import Vendors
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.admin.payout_policy import SCHEDULES
from haat.gateways.web.admin.payouts import balances_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader, example, percent
from haat.gateways.web.pages import money
from haat.gateways.web.vendor.money_words import WAITS
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem
from haat.kernel.money import Money

router = APIRouter()
SECTION = "/admin/vendors"
KINDS = (
    ("fee", "A fee or fine", "it lowers the vendor's balance"),
    ("credit", "A credit note", "it raises the vendor's balance"),
)
LABELS = {
    "held_reason": "Why payouts are held",
    "reserve": "Share held back",
    "reserve_days": "For how many days",
    "schedule": "How often",
    "threshold": "From",
    "auto_approve": "Without staff up to",
    "reason": "Why it changes",
    "amount": "Amount",
    "tax": "Tax",
    "why": "What it is for",
}


@router.get("/admin/vendors/{id}/money")
async def show(visit: Staff, id: UUID, cursor: str | None = None) -> Response:
    return await _page(visit, id, cursor, Form(), Form())


@router.post("/admin/vendors/{id}/terms")
async def set_terms(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    before: VendorTerms = await visit.doors[Payouts].terms(visit.ctx, vendor_id=id)
    try:
        reader = Reader(values)
        terms = terms_in(reader, values, before, visit.ctx, visit.market.currency)
        reason = reader.text("reason", longest=500)
        reader.done("These terms need another look.")
        await visit.doors[Payouts].set_terms(visit.ctx, terms=terms, reason=reason)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, None, Form(values, problem), Form(), problem.status)
    visit.flash("The terms are saved.")
    return visit.redirect(f"{SECTION}/{id}/money")


def terms_in(
    reader: Reader, values: Mapping[str, str], before: VendorTerms, ctx: Context, currency: str
) -> VendorTerms:
    """The form as terms, mistakes noted at the reader. An empty field is the market's rule."""
    held = values.get("held") == "on"
    if held and not reader.has("held_reason"):
        reader.refuse("held_reason", "Say why; the vendor reads it.", "missing")
    schedule = values.get("schedule") or None
    if schedule is not None and schedule not in dict(SCHEDULES):
        reader.refuse("schedule", "Choose one of the list.", "literal_error")
        schedule = None
    verified = values.get("verified") == "on"
    given: dict[str, Any] = {
        "vendor_id": before.vendor_id,
        "reserve_bp": reader.percent("reserve") if reader.has("reserve") else None,
        "reserve_days": reader.whole("reserve_days", most=366)
        if reader.has("reserve_days")
        else None,
        "schedule": schedule,
        "threshold_minor": _minor(reader, "threshold", currency),
        "auto_approve_minor": _minor(reader, "auto_approve", currency),
        "held": held,
        "held_reason": reader.text("held_reason", longest=500, required=False) if held else "",
        "verified_at": (before.verified_at or ctx.now()) if verified else None,
    }
    return VendorTerms(**given)


def _minor(reader: Reader, name: str, currency: str) -> int | None:
    found = reader.amount_or_none(name, currency)
    return found.minor if found else None


@router.post("/admin/vendors/{id}/charges")
async def charge(visit: Staff, id: UUID, request: Request) -> Response:
    """Pressing twice charges once."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        charge_id = reader.id("id")
        amount = reader.amount("amount", visit.market.currency)
        if not amount.minor and not reader.errors:
            reader.refuse("amount", "Give an amount.", "missing")
        tax = reader.amount_or_none("tax", visit.market.currency)
        why = reader.text("why", longest=500)
        if values.get("kind") not in {kind for kind, _, _ in KINDS}:
            reader.refuse("kind", "Choose one of the list.", "literal_error")
        reader.done("This needs another look.")
        gives = values["kind"] == "credit"
        made: Charge = await visit.doors[Payouts].charge(
            visit.ctx,
            id=charge_id,
            vendor_id=id,
            amount=-amount if gives else amount,
            reason=why,
            tax=-tax if tax and gives else tax,
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        if problem.code == "charge_conflict":
            problem.detail = "This form was sent before with other contents; see the list below."
        values["id"] = str(visit.ctx.new_id())
        return await _page(visit, id, None, Form(), Form(values, problem), problem.status)
    said = "given to" if made.amount.minor < 0 else "charged from"
    whole = made.amount + made.tax
    visit.flash(f"{money(-whole if whole.minor < 0 else whole)} {said} the vendor.")
    return visit.redirect(f"{SECTION}/{id}/money")


def plain(terms: VendorTerms, policy: Policy, currency: str) -> dict[str, Any]:
    """What the fields show of the terms, and (`_rule`) what the market's rule would be."""

    def amount(minor: int | None) -> str:
        return "" if minor is None else Money(minor=minor, currency=currency).decimal()

    def rule(minor: int, nothing: str) -> str:
        return money(Money(minor=minor, currency=currency)) if minor else nothing

    return {
        "reserve": "" if terms.reserve_bp is None else percent(terms.reserve_bp),
        "reserve_rule": f"{percent(policy.reserve_bp)} %",
        "reserve_days": "" if terms.reserve_days is None else terms.reserve_days,
        "reserve_days_rule": policy.reserve_days,
        "schedule": terms.schedule or "",
        "schedule_rule": dict(SCHEDULES)[policy.schedule].lower(),
        "threshold": amount(terms.threshold_minor),
        "threshold_rule": rule(policy.threshold_minor, "any amount"),
        "auto_approve": amount(terms.auto_approve_minor),
        "auto_approve_rule": rule(policy.auto_approve_minor, "never"),
    }


async def _page(
    visit: Visit,
    id: UUID,
    cursor: str | None,
    form: Form,
    charging: Form,
    status: int = 200,
) -> Response:
    payouts = visit.doors[Payouts]
    found: Any = await asyncio.gather(
        visit.doors[Vendors].find(visit.ctx, slug=str(id)),
        balances_by_id(visit, [id]),
        payouts.terms(visit.ctx, vendor_id=id),
        payouts.policy(visit.ctx),
        payouts.charges_of(visit.ctx, vendor_id=id, cursor=cursor or None),
    )
    vendor, balances, terms, policy, charges = found
    return page(
        visit,
        "vendor_terms.html",
        SECTION,
        status,
        vendor=vendor,
        balance=balances[id],
        waits=WAITS,
        terms=terms,
        policy=policy,
        plain=plain(terms, policy, visit.market.currency),
        schedules=SCHEDULES,
        charges=charges.items,
        next=charges.next,
        form=form,
        charging=charging,
        labels=LABELS,
        kinds=KINDS,
        new_id=visit.ctx.new_id(),
        example=example(visit.market.currency),
    )
