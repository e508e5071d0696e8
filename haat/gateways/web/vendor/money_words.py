"""The money of vendors in words: what waits for what, why a forecast changed, what is deducted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from haat.domains.money.commissions.api import Terms
from haat.domains.money.payouts.api import (
    Deduction,
    EarningLine,
    Forecast,
    PayoutItem,
    VendorBalance,
)
from haat.gateways.web.kit.reading import percent
from haat.gateways.web.pages import money
from haat.kernel.ids import derive
from haat.kernel.money import Money

# What money waits for, said of the money: "It waits until …".
WAITS: Mapping[str, str] = {
    "not_delivered": "Orders that are not delivered yet",
    "return_window": "The customer may still send it back",
    "return": "A return is under way",
    "dispute": "The customer disputes the payment at the bank",
    "hold": "The market holds it back",
    "kyc": "The market must first know who you are",
    "destination": "We do not know where to pay it: add a bank account",
    "cooling_off": "The bank account was changed: for your safety payouts wait some days",
    "threshold": "Your balance is below what is paid out at once",
    "negative_balance": "You owe the market this; what you earn next is set against it",
    "reserve": "Held in reserve for a while, for refunds that come late",
    "approval": "The market's staff must approve the payout",
    "schedule": "It is on your balance: it goes out with the next payout",
    "provider": "The payment provider is paying it out",
}
# Why a forecast was issued.
CAUSES: Mapping[str, str] = {
    "sold": "The order was paid",
    "delivered": "The order was delivered",
    "refunded": "A refund to the customer",
    "disputed": "The customer disputed the payment",
    "dispute_won": "The dispute was won",
    "dispute_lost": "The dispute was lost",
    "blocked": "Something began to hold it up",
    "unblocked": "What held it up is over",
    "window_closed": "The return window closed",
    "reserved": "A part was put into reserve",
    "released": "The reserve was released",
    "fee": "A fee",
    "policy": "The market's rules for payouts changed",
    "payout": "A payout was asked for",
    "paid": "It was paid out",
}
DEDUCTIONS: Mapping[str, str] = {
    "commission": "Commission",
    "commission_tax": "Tax on the commission",
    "tax": "Sales tax",
    "refund": "Refunded",
    "fee": "Fees",
    "reserve": "In reserve",
}
ITEMS: Mapping[str, str] = {
    "earning": "Earning",
    "reversal": "Refund to the customer",
    "fee": "Fee",
    "credit_note": "Credit note",
    "cod": "Cash you collected",
    "reserve": "Put into reserve",
    "release": "Released from reserve",
    "other": "Other",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Step:
    """A forecast in a line's history; `changed` is empty where the amount stayed."""

    forecast: Forecast
    why: str
    changed: str


def steps(history: Sequence[Forecast]) -> list[Step]:
    """Newest first: what each event did to the forecast."""
    found = []
    for n, one in enumerate(history):
        why = CAUSES[one.cause]
        changed = ""
        if n and one.change.minor:
            changed = f"changed by {signed(one.change)}"
        found.append(Step(one, why, changed))
    return found[::-1]


def item_title(item: PayoutItem) -> str:
    """What a part of a payout is for; a way of shipping says that it is one."""
    order = item.vendor_order_id
    if order and item.line_id == derive(order, "shipping"):
        return f"Shipping: {item.title}"
    return item.title


def signed(amount: Money) -> str:
    """'+$1.00', '−$1.00' with a real minus, which a word joiner keeps at its number."""
    sign = "−\u2060" if amount.minor < 0 else "+" if amount.minor else ""
    return sign + money(-amount if amount.minor < 0 else amount)


def ordinal(day: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{'th' if 10 < day < 14 else ends.get(day % 10, 'th')}"


def schedule_told(balance: VendorBalance) -> str:
    """When payouts are made, in a sentence or two."""
    day = balance.schedule_day
    when = {
        "daily": "every day",
        "weekly": f"every {WEEKDAYS[(day - 1) % 7]}",
        "monthly": f"on the {ordinal(day)} of every month",
    }.get(balance.schedule)
    least = balance.threshold if balance.threshold and balance.threshold.minor > 1 else None
    if when is None:
        said = "You are paid when you ask for it"
        return f"{said}, from {money(least)} on." if least else f"{said}."
    much = f"if at least {money(least)} are available" if least else "with all that is available"
    return f"Payouts are made {when}, {much}. You may also ask for one before."


def commission_told(terms: Terms, currency: str) -> str:
    """The frozen rule in words: '10 % plus $0.30 a piece (rule "Books")'."""
    parts = [f"{percent(terms.rate_bp)} %"] if terms.rate_bp or not terms.fixed_minor else []
    if terms.fixed_minor:
        parts.append(f"{money(Money(minor=terms.fixed_minor, currency=currency))} a piece")
    said = " plus ".join(parts)
    if terms.base_minor:
        said += f" of {money(Money(minor=terms.base_minor, currency=currency))}"
    for minor, word in ((terms.floor_minor, "at least"), (terms.cap_minor, "at most")):
        if minor is not None:
            said += f", {word} {money(Money(minor=minor, currency=currency))}"
    whose = {
        "rule": f"rule “{terms.rule_name}”" if terms.rule_name else "a rule of the market",
        "vendor_rate": "your own rate",
        "default": "the market's rate",
        "none": "",
    }[terms.source]
    return f"{said} ({whose})" if whose else "None is taken on this"


@dataclass(frozen=True, slots=True)
class Taken:
    """One deduction from a line; `held`: kept back for a while, not taken."""

    name: str
    amount: Money
    why: str
    held: bool = False


def taken(line: EarningLine, forecast: Forecast | None) -> list[Taken]:
    """What lowers the line's gross to its net, as of the newest forecast. A line sold before there
    were forecasts has its frozen parts."""
    currency = line.gross.currency
    found = forecast.deductions if forecast else _frozen(line)
    return [
        Taken(
            DEDUCTIONS[one.kind],
            Money(minor=one.minor, currency=currency),
            commission_told(line.terms, currency) if one.kind == "commission" else one.why,
            one.kind == "reserve",
        )
        for one in found
    ]


def _frozen(line: EarningLine) -> list[Deduction]:
    rate = f"{percent(line.terms.tax_bp)} % of the commission"
    given: tuple[tuple[str, Money, str], ...] = (
        ("commission", line.commission, ""),
        ("commission_tax", line.commission_tax, rate),
        ("tax", line.tax, "Owed to the state"),
    )
    return [
        Deduction.model_validate({"kind": kind, "minor": amount.minor, "why": why})
        for kind, amount, why in given
        if amount.minor
    ]
