"""The vendor's money: balance, what comes when, payouts asked for, where they go."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from haat.domains.money.payments.api import Destination, Payments, ProviderInfo, VendorAccount
from haat.domains.money.payouts.api import Payouts, VendorBalance
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.reading import Reader, example, minutes_in_words
from haat.gateways.web.pages import money
from haat.gateways.web.store.payment import site_of
from haat.gateways.web.vendor import money_forecast as forecast
from haat.gateways.web.vendor.money_words import WAITS, schedule_told
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.money import Money

router = APIRouter()
HERE = "/vendor/money"
SHOWN = 8


@router.get("/vendor/money")
async def show(visit: Team) -> Response:
    return await _page(visit, Form(), Form())


@router.post("/vendor/money/account")
async def set_account(visit: Team, request: Request) -> Response:
    values = await form_of(request)
    try:
        # Where a provider pays to is never taken from a form.
        given = {name: values.get(name, "") for name in ("holder", "account", "bic")}
        destination = read(Destination, given)
        await visit.doors[Payouts].set_destination(
            visit.ctx, vendor_id=vendor_of(visit), destination=destination
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(values, problem), Form(), problem.status)
    visit.flash("The bank account is saved.")
    return visit.redirect(HERE)


@router.post("/vendor/money/onboarding/{provider}")
async def begin_onboarding(visit: Team, provider: str) -> Response:
    """Opens the account at the provider; the page behind leads there."""
    await _link(visit, provider)
    return visit.redirect(f"{HERE}/onboarding/{provider}")


@router.get("/vendor/money/onboarding/{provider}")
async def onboarding(visit: Team, provider: str) -> Response:
    """Leads to the provider's own pages, by a link that is new each time: they are short-lived."""
    known = await visit.doors[Payments].accounts(visit.ctx, vendor_id=vendor_of(visit))
    if provider not in {one.provider for one in known}:
        raise NotFound
    providers = await visit.doors[Payments].providers(visit.ctx)
    label = next((one.label for one in providers if one.name == provider), provider)
    link = await _link(visit, provider)
    return page(visit, "money_onboarding.html", HERE, label=label, link=link)


async def _link(visit: Visit, provider: str) -> str:
    found: str = await visit.doors[Payments].onboard(
        visit.ctx,
        vendor_id=vendor_of(visit),
        provider=provider,
        return_url=f"{site_of(visit)}{HERE}",
    )
    return found


@router.post("/vendor/money/onboarding/{provider}/use")
async def use_account(visit: Team, provider: str) -> Response:
    """The vendor's account at the provider is all it gives: there is no bank account beside it."""
    known = await visit.doors[Payments].accounts(visit.ctx, vendor_id=vendor_of(visit))
    ready = [one for one in known if one.provider == provider and one.status == "ready"]
    if not ready:
        raise NotFound
    ref = ready[0].provider_ref
    plain = "".join(letter for letter in ref if letter.isalnum())
    await visit.doors[Payouts].set_destination(
        visit.ctx,
        vendor_id=vendor_of(visit),
        destination=Destination(holder=provider, account=plain[-34:], provider_ref=ref),
    )
    visit.flash("Payouts go to that account from now on.")
    return visit.redirect(HERE)


@router.post("/vendor/money/payouts")
async def request_payout(visit: Team, request: Request) -> Response:
    """Asks for the amount, or for all there is when the field is left empty."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        id = reader.id("id")
        amount = reader.amount_or_none("amount", visit.market.currency)
        reader.done("This payout cannot be asked for like that.")
        payout = await visit.doors[Payouts].request(
            visit.ctx, id=id, vendor_id=vendor_of(visit), amount=amount
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        problem.detail = _refusal(problem)
        if problem.code != "invalid":
            # The refused request keeps its id: another amount is another request.
            values["id"] = str(visit.ctx.new_id())
        at = {"balance_too_low": "amount", "payout_below_threshold": "amount"}
        return await _page(visit, Form(), Form(values, problem, at), problem.status)
    visit.flash(f"A payout of {money(payout.amount)} is requested.")
    return visit.redirect(f"{HERE}/payouts/{payout.id}")


def _refusal(problem: Problem) -> str:
    if problem.code == "balance_too_low":
        free = Money.model_validate(problem.data["available"])
        if free.minor < 1:
            return "There is nothing to pay out just now."
        return f"At most {money(free)} can be paid out just now."
    if problem.code == "payout_below_threshold":
        least = Money.model_validate(problem.data["threshold"])
        return f"Payouts start at {money(least)}."
    if problem.code == "payouts_held":
        waits = [WAITS[one] for one in problem.data.get("blockers", []) if one in WAITS]
        return "Nothing can be paid out just now. " + ". ".join(waits) + "."
    if problem.code == "payout_destination_missing":
        return "Add a bank account first: we do not know where to pay to."
    return problem.detail


def _needed(
    balance: VendorBalance, opened: Mapping[str, VendorAccount], providers: list[ProviderInfo]
) -> ProviderInfo | None:
    """The provider that pays out, where the vendor must have an account there and has not."""
    for one in providers:
        if one.name == balance.method and one.onboards_vendors:
            account = opened.get(one.name)
            return None if account and account.status == "ready" else one
    return None


async def _page(visit: Visit, account: Form, asking: Form, status: int = 200) -> Response:
    vendor_id, payouts = vendor_of(visit), visit.doors[Payouts]
    payments = visit.doors[Payments]
    found: Any = await asyncio.gather(
        payouts.balance(visit.ctx, vendor_id=vendor_id),
        payouts.balance_forecast(visit.ctx, vendor_id=vendor_id),
        payouts.destination(visit.ctx, vendor_id=vendor_id),
        payouts.earnings(visit.ctx, vendor_id=vendor_id, limit=SHOWN),
        payouts.payouts(visit.ctx, vendor_id=vendor_id, limit=SHOWN),
        payments.providers(visit.ctx),
        payments.accounts(visit.ctx, vendor_id=vendor_id),
    )
    balance, coming, destination, earned, paid, providers, accounts = found
    opened = {one.provider: one for one in accounts}
    return page(
        visit,
        "money.html",
        HERE,
        status,
        balance=balance,
        forecast=forecast.shown(coming, visit.ctx.now().date(), visit.market.currency),
        waits=WAITS,
        when=schedule_told(balance),
        destination=destination,
        needed=_needed(balance, opened, providers),
        offers=[(one, opened.get(one.name)) for one in providers if one.onboards_vendors],
        earnings=earned.items,
        payouts=paid.items,
        more_earnings=earned.next is not None,
        more_payouts=paid.next is not None,
        account=account,
        asking=asking,
        new_id=visit.ctx.new_id(),
        example=example(visit.market.currency),
        window=minutes_in_words(visit.market.return_window_minutes),
    )
