"""The words of every message. A text is made from its kind and facts when it is read or sent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from haat.domains.money.wallet.api import CREDITS
from haat.domains.reach.notifications.money_texts import MONEY
from haat.domains.reach.notifications.teaming import TEXTS as TEAMING
from haat.domains.reach.notifications.vetting import TEXTS as VETTING
from haat.domains.trade.orders.api import Order
from haat.kernel.money import Money

SUBJECT_MAX_CHARS = 150

# kind → title, body. Words in braces are facts.
ELSEWHERE = MONEY | TEAMING | VETTING
TEXTS: dict[str, tuple[str, str]] = ELSEWHERE | {
    "welcome": (
        "Welcome",
        "Your account is ready. Your orders, addresses and messages are kept in it.",
    ),
    "low_stock": (
        "{sku} is running low",
        "{available} are left for sale; you wanted to be told at {low_at}.",
    ),
    "cart_left": (
        "You left something in your cart",
        "{count} waiting there. Prices may change, and nothing is kept for you.",
    ),
    "webhook_gone": (
        "The webhook to {host} is switched off",
        "It answered 410: nobody is there. Remove it, or switch it on again once it works.",
    ),
    "webhook_failing": (
        "The webhook to {host} is switched off",
        "Nothing got through for days. Mend it, switch it on again, and send again what failed.",
    ),
    "webhook_staff": (
        "The webhook to {host} is switched off",
        "The market's staff switched it off. Ask them why.",
    ),
    "waiting_for_stock": (
        "We tell you when {title} is back",
        "You asked for one mail when it can be had again. If you do not want it, follow the link.",
    ),
    "back_in_stock": (
        "{title} is back",
        "You asked to be told when it can be had again. We tell you once; nothing is kept for you.",
    ),
    "order_to_collect": (
        "{number} is ready for you to collect",
        "The order's page says where and when.",
    ),
    "order_shipped": (
        "{number} is on its way",
        "{carrier} carries it under the tracking number {tracking}.",
    ),
    "order_delivered": (
        "{number} was delivered",
        "We hope you like it. If something is wrong, tell us from the order's page.",
    ),
    "order_cancelled": (
        "{number} is cancelled",
        "Reason: {reason}. If it was paid, {total} goes back to where it came from.",
    ),
    "order_rejected": (
        "The vendor cannot send {number}",
        "Reason: {reason}. What you paid of the {total} goes back to where it came from.",
    ),
    "return_requested": (
        "We got your return {number}",
        "The vendor was told that you want to return something of {order}; it comes to {amount}."
        " You hear from us when it is answered.",
    ),
    "complaint_requested": (
        "We got your complaint {number}",
        "The vendor was told what is wrong with {order}; it comes to {amount}. You hear from us"
        " when it is answered.",
    ),
    "return_approved": (
        "{number} is approved",
        "What you asked for about {order} is approved. Its page says what happens next.",
    ),
    "return_refused": (
        "{number} was refused",
        "What you asked for about {order} was refused. Its page says why, and whether you can ask"
        " us to decide.",
    ),
    "return_received": (
        "What you sent back is here",
        "The goods of {number} arrived. The refund for {order} is on its way.",
    ),
    "return_withdrawn": ("{number} is withdrawn", "Nothing more happens about {order}."),
    "return_requested_escalated": (
        "We decide about {number}",
        "The market's staff look at it and answer you soon.",
    ),
    "return_refused_escalated": (
        "We decide about {number}",
        "The market's staff look at it and answer you soon.",
    ),
    "vendor_return_requested": (
        "Return {number} to answer",
        "A customer wants to return something of {order}, for {amount}. Answer it soon, else the"
        " market does.",
    ),
    "vendor_complaint_requested": (
        "Complaint {number} to answer",
        "A customer complains about {order}, for {amount}. Answer it soon, else the market does.",
    ),
    "vendor_return_sent_back": (
        "{number} is on its way back",
        "The customer sent the goods of {order} back. Say when they arrive: the refund follows.",
    ),
    "vendor_return_withdrawn": (
        "{number} is withdrawn",
        "Nothing of {order} comes back; your earning is free again.",
    ),
    "vendor_return_refunded": (
        "{number} was refunded",
        "The customer got the money for {order} back. Your earning is lower by its part.",
    ),
    "vendor_return_requested_escalated": (
        "The market decides about {number}",
        "It was not answered in time, or somebody asked for it. You can still approve it.",
    ),
    "vendor_return_refused_escalated": (
        "The market decides about {number}",
        "The customer asked the market to look at your refusal.",
    ),
    "vendor_return_sent_back_escalated": (
        "The market looks at {number}",
        "Nobody said that the goods of {order} came back, or somebody asked for help.",
    ),
    "vendor_order_cancelled": ("{number} was cancelled", "Do not send it. Reason: {reason}."),
    "vendor_approved": (
        "{name} is approved",
        "Your store is open. Add products; each is looked at before it goes on sale.",
    ),
    "vendor_rejected": ("Your application was not accepted", "Reason: {reason}."),
    "vendor_suspended": (
        "Your store is suspended",
        "Your products are off sale for now. Reason: {reason}.",
    ),
    "request_approved": (
        "{title} is in the catalogue now",
        "You asked for it. You sell it already; say how many there are.",
    ),
    "request_attached": (
        "{title} was there: you sell it now",
        "You asked for a product that there was. Your offer stands on it; say how many there are.",
    ),
    "request_refused": (
        "{title} does not come into the catalogue",
        "You asked for it. The reason: {reason}",
    ),
    "product_approved": ("{title} is on sale", "It was approved and customers can find it now."),
    "product_rejected": (
        "{title} was not approved",
        "Reason: {reason}. Change it and submit it again.",
    ),
    "product_changes_requested": (
        "{title} needs a change",
        "Before it goes on sale: {reason}. Change it and submit it again.",
    ),
    "product_taken_down": (
        "{title} was taken off sale",
        "The market took it down. Reason: {reason}.",
    ),
}

# Where a refund goes, by the provider that took the money; None: the wallet.
_WAYS: dict[str | None, str] = {
    None: "{} as credits in your wallet",
    "bank": "{} by bank transfer",
    "cod": "{} from the vendor in cash",
    "recorded": "{} as you paid it",
    "paypal": "{} to your PayPal account",
}
_OTHER_WAY = "{} to the card it came from"
_FACT = re.compile(r"\{(\w+)\}")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Written:
    title: str
    body: str


def written(kind: str, facts: Mapping[str, Any]) -> Written:
    """Title and body. A fact that is missing is left out; a kind without a text is itself."""
    title, body = TEXTS.get(kind, (kind.replace("_", " ").capitalize(), ""))

    def fact(match: re.Match[str]) -> str:
        return _shown(facts.get(match[1], ""))

    return Written(_FACT.sub(fact, title).strip(), _FACT.sub(fact, body))


def subject(title: str, market: str) -> str:
    """One line that can stand in a header."""
    line = _SPACE.sub(" ", f"{title} · {market}").strip()
    return line if len(line) <= SUBJECT_MAX_CHARS else line[: SUBJECT_MAX_CHARS - 1] + "…"


def plain_mail(
    name: str, body: str, order: Order | None, link: str, market: str, receipt: str = ""
) -> str:
    """The mail as text. `name` may be empty; `order` adds its goods and totals, `receipt` is where
    the order's receipt is."""
    parts = [f"Hello {name}," if name else "Hello,", body]
    if order is not None:
        rows = _rows(order)
        width = max(len(left) for left, _ in rows)
        parts.append("\n".join(f"{left:<{width}}  {right}" for left, right in rows))
    if receipt:
        parts.append(f"Your receipt: {receipt}")
    return "\n\n".join([*parts, link, market]) + "\n"


def html_mail(
    name: str, body: str, order: Order | None, link: str, market: str, receipt: str = ""
) -> str:
    """The same as a simple page: no pictures, no styles from elsewhere."""
    goods = ""
    if order is not None:
        cells = "".join(
            f'<tr><td style="padding:4px 16px 4px 0">{escape(left)}</td>'
            f'<td style="padding:4px 0;text-align:right">{escape(right)}</td></tr>'
            for left, right in _rows(order)
        )
        goods = f'<table style="border-collapse:collapse;margin:16px 0">{cells}</table>'
    if receipt:
        goods += f'<p><a href="{escape(receipt)}">Your receipt (PDF)</a></p>'
    hello = f"Hello {escape(name)}," if name else "Hello,"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<body style="font:16px/1.5 system-ui,sans-serif;color:#222;max-width:36em;margin:24px">'
        f"<p>{hello}</p><p>{escape(body)}</p>{goods}"
        f'<p><a href="{escape(link)}">{escape(link)}</a></p>'
        f'<p style="color:#666">{escape(market)}</p></body></html>'
    )


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and "minor" in value:
        return _amount(Money.model_validate(value))
    if isinstance(value, list):  # the ways of a refund
        return " and ".join(_way(one["provider"], one["amount"]) for one in value)
    return _SPACE.sub(" ", str(value)).strip()


def _way(provider: str | None, amount: Mapping[str, Any]) -> str:
    return _WAYS.get(provider, _OTHER_WAY).format(_amount(Money.model_validate(amount)))


def _amount(money: Money) -> str:
    if money.currency == CREDITS:
        return f"{money.decimal()} credits"
    return f"{money.decimal()} {money.currency}"


def _rows(order: Order) -> Sequence[tuple[str, str]]:
    rows = [
        (f"{line.quantity} × {_name(line.title, line.variant_title)}", _amount(line.amount))
        for part in order.vendor_orders
        for line in part.lines
    ]
    totals = order.totals
    rows.append(("Shipping", _amount(totals.shipping)))
    if totals.tax.minor:
        included = " (included)" if order.prices_include_tax else ""
        rows.append((f"Tax{included}", _amount(totals.tax)))
    return [*rows, ("Total", _amount(totals.total))]


def _name(title: str, variant: str) -> str:
    return f"{title} ({variant})" if variant else title
