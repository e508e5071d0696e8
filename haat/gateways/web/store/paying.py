"""How a checkout may be paid: the market's providers, the person's saved methods and credits."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from haat.domains.money.payments.api import Method, Payments, ProviderInfo, SavedMethod
from haat.domains.money.wallet.api import Wallet, WalletBalance
from haat.domains.trade.checkout.api import PaymentDeclined, Quote
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.pages import money, query
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid, Problem, Unavailable
from haat.kernel.money import Money

TEST_SITES = "http://127.0.0.1:*"  # the test cards' pages, on the machine that tries them
MINOR_DIGITS = 15
HINTS = {
    "card": "You enter the card at the payment provider. The market never sees its number.",
    "redirect": "You go on to the payment provider and come back.",
    "bank_transfer": "You transfer the money yourself; the order tells you where to. The vendors "
    "begin when it has arrived.",
    "on_delivery": "You pay in cash when the goods are handed to you.",
    "recorded": "It was paid elsewhere. Only staff can say so.",
}
DECLINED = {
    "insufficient_funds": "There is not enough money on the card.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The security code was wrong.",
    "lost_card": "The bank does not accept this card.",
    "authentication_failed": "The bank could not confirm that it was you.",
    "do_not_honor": "The bank declined the payment.",
    "credits_too_low": "There are too few credits in your wallet.",
    "credit_rate_missing": "Credits cannot pay for anything just now.",
    "wallet_frozen": "Your wallet has been stopped; ask the market's support.",
    "payment_method_unknown": "This saved method is not there any more.",
    "payment_method_not_savable": "This way to pay cannot be kept for next time.",
    "payment_provider_unknown": "This way to pay is not offered any more.",
    "credits_with_cash": "What is paid on delivery is paid in cash alone.",
}
NO_REASON = "The payment was declined."
# Beside the choice itself, what a form keeps when another quote takes the place of this one.
KEPT = ("provider", "credits", "save")


@dataclass(frozen=True, slots=True)
class Way:
    """One choice. `value` is a provider's name or a saved method's id."""

    value: str
    label: str
    hint: str
    provider: ProviderInfo
    saved: SavedMethod | None = None

    @property
    def keeps(self) -> bool:
        """Whether what is entered now can be kept for next time."""
        return self.saved is None and self.provider.saves_methods


@dataclass(frozen=True, slots=True)
class Ways:
    """What can be chosen for `due`. `credits`: how much of it credits can pay, None when none."""

    due: Money
    ways: list[Way]
    credits: Money | None
    balance: WalletBalance | None
    person: bool

    @property
    def rest(self) -> Money:
        """What is left to pay when credits are used."""
        return self.due if self.credits is None else self.due - self.credits

    @property
    def keeps(self) -> bool:
        return self.person and any(way.keeps for way in self.ways)

    @property
    def sites(self) -> set[str]:
        """Origins of the providers' own pages."""
        return {site for way in self.ways for site in _sites(way.provider)}

    def leads(self, url: str) -> bool:
        """Whether the page's form may lead there, as its content policy tells the browser."""
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname == "127.0.0.1"
        return local or f"{parts.scheme}://{parts.netloc}" in self.sites

    def chosen(self, values: Mapping[str, str]) -> tuple[Method, Money | None]:
        """What a form says; Invalid at `provider` or `credits`."""
        credits = self._credits(values.get("credits", ""))
        if credits == self.due:
            return Method(), credits  # nothing is left for it to pay
        value = values.get("provider") or (self.ways[0].value if self.ways else "")
        way = next((one for one in self.ways if one.value == value), None)
        if way is None:
            raise Invalid.at("provider", "Choose how to pay.", "payment_provider_unknown")
        if credits is not None and way.provider.kind == "on_delivery":
            detail = "What is paid on delivery is paid in cash alone: choose one of the two."
            raise Invalid.at("credits", detail, "credits_with_cash")
        saved = way.saved.id if way.saved else None
        save = self.person and way.keeps and bool(values.get("save"))
        return Method(provider=way.provider.name, saved_id=saved, save=save), credits

    def _credits(self, text: str) -> Money | None:
        """The part that was agreed to, which the page had told."""
        if not text:
            return None
        if text.isascii() and text.isdecimal() and len(text) <= MINOR_DIGITS:
            given = Money(minor=int(text), currency=self.due.currency)
            if self.person and 0 < given.minor <= self.due.minor:
                return given
        raise Invalid.at("credits", "Credits cannot pay that much of it.", "amount_invalid")


async def ways_for(visit: Visit, quote: Quote) -> Ways:
    """What this visitor can choose for that quote."""
    providers: list[ProviderInfo]
    saved: list[SavedMethod]
    balance: WalletBalance | None
    if visit.signed_in:
        providers, saved, balance = await asyncio.gather(
            visit.doors[Payments].providers(visit.ctx),
            visit.doors[Payments].methods(visit.ctx),
            _balance(visit),
        )
    else:
        providers = await visit.doors[Payments].providers(visit.ctx)
        saved, balance = [], None
    if not quote.cash_on_delivery:
        providers = [one for one in providers if one.kind != "on_delivery"]
    by_name = {one.name: one for one in providers}
    ways = [
        Way(str(one.id), one.label, _expiry(one), by_name[one.provider], one)
        for one in saved
        if one.provider in by_name
    ]
    ways += [Way(one.name, one.label, HINTS[one.kind], one) for one in providers]
    due = quote.totals.total
    return Ways(due, ways, _payable(balance, due), balance, visit.signed_in)


def declined(code: str) -> Problem:
    """Why there is no order, in a customer's words."""
    return PaymentDeclined(f"{DECLINED.get(code, NO_REASON)} Nothing was charged.")


def told(problem: Problem) -> Problem:
    """A refusal that left the quote as it was, in a customer's words."""
    if problem.code == "credits_too_low":
        most = problem.data.get("available")
        some = Money.model_validate(most) if most else None
        if some is not None and some.minor > 0:
            problem.detail = f"Your credits can pay at most {money(some)} just now."
        else:
            problem.detail = DECLINED["credits_too_low"]
    return problem


def form_of_query(given: Mapping[str, str]) -> Form:
    """The form as it was left on another quote, and why that did not become an order."""
    values = {name: given[name] for name in KEPT if given.get(name)}
    why = given.get("why", "")
    return Form(values, declined(why) if why else None) if values or why else Form()


def kept(values: Mapping[str, str], why: str = "") -> str:
    """The query string that `form_of_query` reads; empty for nothing."""
    found = query(**{name: values.get(name, "")[:60] for name in KEPT}, why=why[:60])
    return "" if found == "?" else found


def content_sites(ways: Ways) -> str:
    """Where a form that pays may lead, for the page's content policy."""
    return " ".join([TEST_SITES, *sorted(ways.sites)])


async def labels(visit: Visit) -> dict[str | None, str]:
    """What providers are called; None is credits."""
    found: list[ProviderInfo] = await visit.doors[Payments].providers(visit.ctx)
    return {None: "Credits", **{one.name: one.label for one in found}}


def _sites(provider: ProviderInfo) -> list[str]:
    """The origins of a provider's own pages."""
    if provider.name == "paypal":
        return [f"https://www.{'sandbox.' if provider.test_mode else ''}paypal.com"]
    scheme, _, rest = provider.token_url.partition("://")
    host = rest.split("/")[0]
    usable = scheme in ("http", "https") and host and not set(host) & set(" ;,'\"")
    return [f"{scheme}://{host}"] if usable else []


def _expiry(saved: SavedMethod) -> str:
    return f"expires {saved.expires}" if saved.expires else ""


async def _balance(visit: Visit) -> WalletBalance | None:
    """None while the wallet cannot be asked: everything else still pays."""
    with suppress(Unavailable):
        found: WalletBalance = await visit.doors[Wallet].balance(visit.ctx)
        return found
    return None


def _payable(balance: WalletBalance | None, due: Money) -> Money | None:
    some = balance.spendable if balance is not None else None
    if some is None or some.minor < 1 or some.currency != due.currency:
        return None
    return min(some, due)
