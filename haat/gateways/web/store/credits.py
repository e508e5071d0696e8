"""The pages of a wallet, a person's or a vendor's: balance, buying, withdrawing, statement.

Both kinds of pages show the same; a `Desk` says whose wallet it is and where the pages stand.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from haat.domains.money.payments.api import Method, Payments, ProviderInfo
from haat.domains.money.wallet.api import CREDITS, RATE_UNIT, NoRate, Rate, TopUp, Wallet
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader, example
from haat.gateways.web.pages import money
from haat.gateways.web.store.paying import DECLINED, NO_REASON
from haat.gateways.web.store.payment import REFRESH_S, site_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem, Unavailable
from haat.kernel.money import Money

LEAST, MOST = 100, 10_000_000  # hundredths of a credit
HUNDRED = 10_000
SHOWN = 8
KINDS = {
    "card": "You enter your card at the payment provider.",
    "redirect": "You pay at the payment provider.",
    "bank_transfer": "You transfer the money; the credits come with it.",
}
OPEN = frozenset({"open", "needs_action", "awaiting"})


@dataclass(frozen=True, slots=True)
class Desk:
    """`home` is the wallet's first page, `frame` the template around its pages."""

    visit: Visit
    home: str
    frame: str
    vendor_id: UUID | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def wallet(self) -> Wallet:
        found: Wallet = self.visit.doors[Wallet]
        return found

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        known = {"home": self.home, "frame": self.frame, **self.values}
        return self.visit.page(f"store/{template}", status, **known, **values)


async def overview(
    desk: Desk, buying: Form | None = None, asking: Form | None = None, status: int = 200
) -> Response:
    """The balance, the two forms and the newest of everything."""
    visit, whose = desk.visit, desk.vendor_id
    found: Any = await asyncio.gather(
        desk.wallet.balance(visit.ctx, vendor_id=whose),
        desk.wallet.statement(visit.ctx, vendor_id=whose, limit=SHOWN),
        desk.wallet.topups(visit.ctx, vendor_id=whose, limit=SHOWN),
        desk.wallet.withdrawals(visit.ctx, vendor_id=whose, limit=SHOWN),
        rate_of(visit),
        visit.doors[Payments].providers(visit.ctx),
    )
    balance, entries, topups, withdrawals, rate, providers = found
    return desk.page(
        "wallet.html",
        status,
        balance=balance,
        entries=entries.items,
        more=entries.next is not None,
        topups=[one for one in topups.items if one.status in OPEN],
        withdrawals=withdrawals.items,
        price=price_of_hundred(rate) if rate else None,
        choices=_choices(providers),
        buying=buying or Form(),
        asking=asking or Form(),
        new_id=visit.ctx.new_id(),
        example=example(CREDITS),
    )


async def rate_of(visit: Visit) -> Rate | None:
    """What credits cost now in the market's currency; None where they cannot be bought."""
    try:
        found: Rate = await visit.doors[Wallet].rate(visit.ctx, currency=visit.market.currency)
    except NoRate:
        return None
    return found


def price_of_hundred(rate: Rate) -> Money:
    """What 100 credits cost, half up."""
    minor = (2 * HUNDRED * rate.micro + RATE_UNIT) // (2 * RATE_UNIT)
    return Money(minor=minor, currency=rate.currency)


def _choices(providers: list[ProviderInfo]) -> list[tuple[str, str, str]]:
    return [(one.name, one.label, KINDS[one.kind]) for one in providers if one.kind in KINDS]


def _credits(reader: Reader, name: str) -> int:
    """An amount of credits that may be bought or withdrawn, in hundredths."""
    minor = reader.amount(name, CREDITS).minor
    if not reader.errors and not LEAST <= minor <= MOST:
        least, most = (Money(minor=m, currency=CREDITS) for m in (LEAST, MOST))
        reader.refuse(name, f"From {money(least)} to {money(most)} at once.", "amount_range")
    return minor


async def buy(desk: Desk, request: Request) -> Response:
    """Buys credits and goes where that leads. Pressing twice buys once."""
    visit, values = desk.visit, await form_of(request)
    reader = Reader(values)
    id, credits = reader.id("id"), _credits(reader, "credits")
    provider = reader.text("provider", longest=30)
    try:
        reader.done()
        found = await _top_up(desk, id, credits, provider)
    except Unavailable as problem:
        if problem.code != "payment_provider_away":
            raise
        # Its fate is not known here: the page behind asks until it is.
        return visit.redirect(f"{desk.home}/topups/{id}")
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem, {"topup_method_refused": "provider"})
        return await overview(desk, buying=form, status=problem.status)
    if found.status == "done":
        visit.flash(f"{money(found.credits)} are in the wallet.")
        return visit.redirect(desk.home)
    go = "?go=on" if found.next_action_url else ""
    return visit.redirect(f"{desk.home}/topups/{id}{go}")


async def _top_up(desk: Desk, id: UUID, credits: int, provider: str) -> TopUp:
    return await desk.wallet.top_up(
        desk.visit.ctx,
        id=id,
        credits_minor=credits,
        method=Method(provider=provider),
        return_url=f"{site_of(desk.visit)}{desk.home}/topups/{id}",
        vendor_id=desk.vendor_id,
    )


async def topup(desk: Desk, id: UUID, *, go: bool, cancelled: bool) -> Response:
    """How a top-up stands; where it waits for an answer, the provider is asked again."""
    found = await desk.wallet.topup(desk.visit.ctx, id=id)
    if found.status in ("open", "needs_action") and not go:
        with suppress(Unavailable):  # it is asked again when the page is
            found = await _top_up(desk, id, found.credits.minor, found.provider)
    return desk.page(
        "wallet_topup.html",
        topup=found,
        refresh_s=REFRESH_S if found.status == "open" else 0,
        leads_to=found.next_action_url if found.status == "needs_action" else None,
        go=go,
        cancelled=cancelled,
        reason=DECLINED.get(found.decline_code or "", NO_REASON),
    )


async def withdraw(desk: Desk, request: Request) -> Response:
    """Asks for credits to be paid out. Pressing twice asks once."""
    visit, values = desk.visit, await form_of(request)
    reader = Reader(values)
    id, credits = reader.id("id"), _credits(reader, "amount")
    holder, account = reader.text("holder", longest=120), reader.text("account", longest=40)
    try:
        reader.done()
        found = await desk.wallet.withdraw(
            visit.ctx,
            id=id,
            credits_minor=credits,
            holder=holder,
            account=account,
            vendor_id=desk.vendor_id,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        if problem.code == "credits_too_low":
            problem.detail = _too_low(problem)
            # The refused request keeps its id: another amount is another request.
            values["id"] = str(visit.ctx.new_id())
        form = Form(values, problem, {"credits_too_low": "amount"})
        return await overview(desk, asking=form, status=problem.status)
    told = {"paid": "paid out", "requested": "asked for"}.get(found.status, "under way")
    visit.flash(f"A withdrawal of {money(found.amount)} is {told}.")
    return visit.redirect(desk.home)


def _too_low(problem: Problem) -> str:
    free = problem.data.get("available")
    if free is None or Money.model_validate(free).minor < LEAST:
        return "There are too few credits in the wallet."
    return f"At most {money(Money.model_validate(free))} can be withdrawn just now."


async def statement(desk: Desk, day: str, cursor: str | None) -> Response:
    """Every movement; with a day, as it stood at that day's end (UTC)."""
    as_of, form = None, Form()
    if day:
        try:
            as_of = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        except (ValueError, OverflowError):
            day = ""
    found = await desk.wallet.statement(
        desk.visit.ctx, vendor_id=desk.vendor_id, as_of=as_of, cursor=cursor or None
    )
    return desk.page(
        "wallet_statement.html", entries=found.items, next=found.next, day=day, form=form
    )
