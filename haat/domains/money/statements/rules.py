"""Months, what an entry is called, and what a vendor was charged. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from haat.domains.money.ledger.api import Code, Entry
from haat.domains.money.statements.api import MonthInvalid

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

WORDS: Mapping[Code, str] = {
    Code.EARNING: "Earning",
    Code.EARNING_REVERSAL: "Refund to the customer",
    Code.COD_SETTLEMENT: "Cash you collected",
    Code.FEE: "Fee",
    Code.FEE_TAX: "Tax on a fee",
    Code.CREDIT_NOTE: "Credit note",
    Code.RESERVE: "Held in reserve",
    Code.RESERVE_RELEASE: "Released from reserve",
    Code.PAYOUT: "Payout",
    Code.DISPUTE_FEE: "Fee for a dispute",
    Code.CORRECTION: "Correction",
}


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Its beginning and the next one's, in UTC. MonthInvalid."""
    found = _MONTH.fullmatch(month)
    if found is None or int(found[1]) < 2000:
        raise MonthInvalid
    year, number = int(found[1]), int(found[2])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)


def month_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m")


def month_before(month: str) -> str:
    since, _ = month_bounds(month)
    year, number = (since.year - 1, 12) if since.month == 1 else (since.year, since.month - 1)
    return f"{year:04}-{number:02}"


def text_of(entry: Entry) -> str:
    """What a vendor reads in its statement."""
    return WORDS.get(entry.code, entry.code.replace("_", " ").capitalize())


@dataclass(slots=True)
class Charged:
    """What one vendor was charged, in minor units; what was given back is subtracted."""

    commission: int = 0
    fees: int = 0
    tax: int = 0

    @property
    def is_nothing(self) -> bool:
        return not (self.commission or self.fees or self.tax)


def vendor_orders_in(entries: Iterable[Entry]) -> set[UUID]:
    """The vendor orders whose vendors must be known before `charge`."""
    return {
        entry.counterpart_owner
        for entry in entries
        if entry.counterpart == "escrow" and entry.counterpart_owner is not None
    }


def charge(
    found: dict[UUID, Charged], entries: Iterable[Entry], vendors: Mapping[UUID, UUID]
) -> None:
    """Adds entries of the commission and commission_tax accounts (signed as they change the
    market's balance) to who was charged. `vendors`: vendor order → vendor, of every one there is.
    """
    for entry in entries:
        owner = entry.counterpart_owner
        if owner is None or entry.counterpart not in ("escrow", "payable"):
            continue  # a correction that staff booked: nobody's charge
        if entry.counterpart == "escrow":
            owner = vendors[owner]
        one = found.setdefault(owner, Charged())
        if entry.code in (Code.COMMISSION, Code.COMMISSION_REVERSAL):
            one.commission += entry.minor
        elif entry.code in (Code.FEE, Code.CREDIT_NOTE):
            one.fees += entry.minor
        elif entry.code in (Code.COMMISSION_TAX, Code.COMMISSION_TAX_REVERSAL, Code.FEE_TAX):
            one.tax += entry.minor
