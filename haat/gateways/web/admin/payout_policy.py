"""The market's rules for paying out, in words with what follows from each."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts, Policy
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.admin.payouts import HERE as SECTION
from haat.gateways.web.admin.payouts import tabs_of
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader, example, percent
from haat.gateways.web.pages import money
from haat.gateways.web.vendor.money_words import WEEKDAYS, ordinal
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.money import Money

router = APIRouter()
HERE = "/admin/payout-policy"
SCHEDULES = (
    ("manual", "Only when asked for"),
    ("daily", "Every day"),
    ("weekly", "Every week"),
    ("monthly", "Every month"),
)
WEEKLY = tuple((str(n), name) for n, name in enumerate(WEEKDAYS, 1))
MONTHLY = tuple((str(n), f"the {ordinal(n)}") for n in range(1, 29))
LABELS = {
    "reserve": "Share held back",
    "reserve_days": "For how many days",
    "schedule": "How often",
    "weekday": "On",
    "month_day": "On",
    "threshold": "From",
    "auto_approve": "Without staff up to",
    "method": "How it is paid",
    "reason": "Why it changes",
}


@router.get("/admin/payout-policy")
async def show(visit: Staff) -> Response:
    return await _page(visit, Form())


@router.post("/admin/payout-policy")
async def change(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        reader = Reader(values)
        policy = policy_in(reader, values, visit.market.currency)
        reason = reader.text("reason", longest=500)
        reader.done("These rules need another look.")
        await visit.doors[Payouts].set_policy(visit.ctx, policy=policy, reason=reason)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, Form(values, problem), problem.status)
    visit.flash("The rules are changed. They hold for what happens from now on.")
    return visit.redirect(HERE)


def policy_in(reader: Reader, values: Mapping[str, str], currency: str) -> Policy:
    """The rules as the form gives them; mistakes are noted at the reader."""
    schedule = values.get("schedule", "")
    if schedule not in dict(SCHEDULES):
        reader.refuse("schedule", "Choose one of the list.", "literal_error")
        schedule = "manual"
    day = 1
    if schedule == "weekly":
        day = reader.whole("weekday", least=1, most=7)
    elif schedule == "monthly":
        day = reader.whole("month_day", least=1, most=28)
    given: dict[str, Any] = {
        "kept_commission": values.get("kept_commission") == "on",
        "vendor_bears_dispute_fee": values.get("vendor_bears_dispute_fee") == "on",
        "reserve_bp": reader.percent("reserve") if reader.has("reserve") else 0,
        "reserve_days": reader.whole("reserve_days", most=366, empty=0),
        "schedule": schedule,
        "schedule_day": day,
        "threshold_minor": _minor(reader, "threshold", currency),
        "auto_approve_minor": _minor(reader, "auto_approve", currency),
        "kyc_required": values.get("kyc_required") == "on",
        "method": reader.text("method", longest=30) or "test",
    }
    if given["reserve_bp"] and not given["reserve_days"]:
        reader.refuse("reserve_days", "For how many days is it held back?", "missing")
    return Policy(**given)


def _minor(reader: Reader, name: str, currency: str) -> int:
    found = reader.amount_or_none(name, currency)
    return found.minor if found else 0


def told(policy: Policy, currency: str, method: str) -> list[str]:
    """What holds, in sentences."""

    def amount(minor: int) -> str:
        return money(Money(minor=minor, currency=currency))

    day = policy.schedule_day
    when = {
        "daily": "Every day, every vendor with enough on the balance is paid all of it.",
        "weekly": f"Every {WEEKDAYS[(day - 1) % 7]}, every vendor with enough on the balance is"
        " paid all of it.",
        "monthly": f"On the {ordinal(day)} of a month, every vendor with enough on the balance is"
        " paid all of it.",
    }.get(policy.schedule, "Vendors are paid when they ask for it, or when staff run payouts.")
    least = f"Payouts start at {amount(policy.threshold_minor)}."
    auto = f"Payouts up to {amount(policy.auto_approve_minor)} need no staff; larger ones do."
    held = (
        f"{percent(policy.reserve_bp)} % of what a vendor earns is held back for"
        f" {policy.reserve_days} days, for refunds that come late."
    )
    return [
        when,
        least if policy.threshold_minor else "Any amount is paid out.",
        auto if policy.auto_approve_minor else "Staff approve every payout.",
        held if policy.reserve_bp else "Nothing is held back as a reserve.",
        "When an order is refunded, the market keeps its commission and the vendor bears it."
        if policy.kept_commission
        else "When an order is refunded, the market gives its commission back.",
        "The vendor bears the fee of a dispute."
        if policy.vendor_bears_dispute_fee
        else "The market bears the fee of a dispute.",
        "Nobody is paid before staff have verified who it is."
        if policy.kyc_required
        else "Vendors are paid without being verified first.",
        f"Payouts are sent through: {method}.",
    ]


def plain(policy: Policy, currency: str) -> dict[str, Any]:
    """What the form's fields show of a policy."""

    def amount(minor: int) -> str:
        return Money(minor=minor, currency=currency).decimal() if minor else ""

    return {
        "reserve": percent(policy.reserve_bp) if policy.reserve_bp else "",
        "reserve_days": policy.reserve_days or "",
        "threshold": amount(policy.threshold_minor),
        "auto_approve": amount(policy.auto_approve_minor),
        "weekday": policy.schedule_day if policy.schedule == "weekly" else 1,
        "month_day": policy.schedule_day if policy.schedule == "monthly" else 1,
    }


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    policy: Policy = await visit.doors[Payouts].policy(visit.ctx)
    providers = await visit.doors[Payments].providers(visit.ctx)
    methods = [(one.name, one.label) for one in providers if one.disburses]
    if policy.method not in dict(methods):
        methods.append((policy.method, policy.method))
    currency = visit.market.currency
    return page(
        visit,
        "payout_policy.html",
        SECTION,
        status,
        tabs=tabs_of(visit),
        policy=policy,
        told=told(policy, currency, dict(methods)[policy.method]),
        plain=plain(policy, currency),
        form=form,
        labels=LABELS,
        schedules=SCHEDULES,
        weekly=WEEKLY,
        monthly=MONTHLY,
        methods=methods,
        example=example(currency),
    )
