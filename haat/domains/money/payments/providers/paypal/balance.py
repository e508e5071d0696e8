"""PayPal's transaction search as a report of what moved on our balance.

Source of the event codes: developer.paypal.com, Transaction Search, "Transaction event codes".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from haat.domains.money.payments.api import ReportLine
from haat.domains.money.payments.providers.paypal.calls import Calls, Document
from haat.domains.money.payments.providers.paypal.documents import (
    money,
    understood,
    uuid_or_none,
)
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money

_PAGE = 100
_SPAN = timedelta(days=31)  # the widest that PayPal answers
_PAGES_MAX = 100_000

Kind = Literal["capture", "refund", "payout", "dispute", "dispute_won", "fee", "other"]
_CODES: Mapping[str, Kind] = {
    "T1106": "dispute",  # payment reversal, initiated by PayPal
    "T1107": "refund",
    "T1110": "dispute",  # hold for dispute investigation
    "T1111": "dispute_won",  # cancellation of that hold
    "T1114": "payout",  # payout reversal
    "T1115": "payout",  # payout refund
    "T1201": "dispute",  # chargeback
    "T1202": "dispute_won",  # chargeback reversal
}


async def report(
    calls: Calls, ctx: Context, since: datetime, until: datetime, cursor: str | None
) -> tuple[list[ReportLine], str | None]:
    """A cursor is the start of a span of 31 days and a page in it: '2026-11-01T00:00:00+00:00|2'.
    Invalid for one that is none."""
    start, page = _place(cursor) if cursor else (since, 1)
    end = min(start + _SPAN, until)
    asked = {
        "start_date": _text(start),
        "end_date": _text(end),
        "fields": "transaction_info",
        "balance_affecting_records_only": "Y",
        "page_size": str(_PAGE),
        "page": str(page),
    }
    found = await calls.get(ctx, "/v1/reporting/transactions", asked) or {}
    lines, pages = _read(found)
    kept = [one for one in lines if start <= one.at < end]
    if page < pages:
        return kept, f"{start.isoformat()}|{page + 1}"
    return kept, f"{end.isoformat()}|1" if end < until else None


def _place(cursor: str) -> tuple[datetime, int]:
    text, _, page = cursor.partition("|")
    try:
        start, number = datetime.fromisoformat(text), int(page)
    except ValueError:
        raise Invalid.at("cursor", "That is not a cursor of this list.") from None
    if start.tzinfo is None or not 1 <= number <= _PAGES_MAX:
        raise Invalid.at("cursor", "That is not a cursor of this list.")
    return start, number


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


@understood
def _read(document: Document) -> tuple[list[ReportLine], int]:
    found = document.get("transaction_details") or []
    return [_line(one["transaction_info"]) for one in found], int(document.get("total_pages") or 0)


def _line(info: dict[str, Any]) -> ReportLine:
    amount = money(info["transaction_amount"])
    fee = money(info["fee_amount"]) if info.get("fee_amount") else Money.zero(amount.currency)
    code = str(info["transaction_event_code"])
    id = str(info["transaction_id"])
    return ReportLine(
        # One transaction may have several lines: its own, and its reversal under the same id.
        id=f"{id}-{code}",
        kind=_kind(code, amount),
        provider_ref=id,
        our_id=uuid_or_none(info.get("custom_field")) or uuid_or_none(info.get("invoice_id")),
        amount=amount,
        fee=-fee,  # PayPal writes what it kept as a negative amount
        at=datetime.fromisoformat(info["transaction_initiation_date"]).astimezone(UTC),
        text=str(info.get("transaction_subject") or code)[:500],
    )


def _kind(code: str, amount: Money) -> Kind:
    if code in _CODES:
        return _CODES[code]
    if code.startswith("T00"):
        return "capture" if amount.minor >= 0 else "payout"
    return "fee" if code.startswith("T01") else "other"
