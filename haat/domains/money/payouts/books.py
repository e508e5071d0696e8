"""Which transfers each step makes. Pure: ids and amounts follow from what was written before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from haat.domains.money.ledger.api import Account, AccountKind, Code, Transfer, provider_id
from haat.domains.money.payouts.rules import COLLECTED, CREDITS, Parts
from haat.kernel.ids import derive

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of one vendor order."""

    vendor_order_id: UUID
    vendor_id: UUID
    currency: str

    def capture(self, sources: Iterable[Row]) -> list[Transfer]:
        """source → escrow, for each source."""
        found: list[Transfer] = []
        for one in sources:
            id = derive(self.vendor_order_id, f"capture{one['leg']}")
            account = self._source(one["source"])
            found += self._move(id, account, "escrow", one["minor"], Code.CAPTURE)
        return found

    def accrual(self, row: Row) -> list[Transfer]:
        """escrow → payable | commission | commission_tax | tax; then payable → cash for what the
        vendor collected, and payable → reserve for what is held back."""
        steps: list[tuple[str, AccountKind, AccountKind, int, Code]] = [
            ("earning", "escrow", "payable", row["accrued_net"], Code.EARNING),
            ("commission", "escrow", "commission", row["accrued_commission"], Code.COMMISSION),
            (
                "commission_tax",
                "escrow",
                "commission_tax",
                row["accrued_commission_tax"],
                Code.COMMISSION_TAX,
            ),
            ("tax", "escrow", "tax", row["accrued_tax"], Code.TAX),
            ("cod", "payable", "cash", row["accrued_cash"], Code.COD_SETTLEMENT),
            ("reserve", "payable", "reserve", row["accrued_reserve"], Code.RESERVE),
        ]
        found: list[Transfer] = []
        for leg, debit, credit, minor, code in steps:
            found += self._move(derive(self.vendor_order_id, leg), debit, credit, minor, code)
        return found

    def release(self, minor: int) -> list[Transfer]:
        """reserve → payable, when its time has come."""
        id = derive(self.vendor_order_id, "release")
        return self._move(id, "reserve", "payable", minor, Code.RESERVE_RELEASE)

    def reversal(self, row: Row, parts: Parts) -> list[Transfer]:
        """escrow → the sources (disputed for a lost dispute); after accrual the money comes back
        to escrow first, what the vendor gave back in cash is settled, and a reserve is lowered.
        Fees of the refund are charged in the same post."""
        refund_id = row["refund_id"]
        found: list[Transfer] = []
        if row["after_accrual"]:
            found += self._back(refund_id, parts)
            cod = derive(refund_id, "cod")
            found += self._move(cod, "cash", "payable", row["cash"], Code.COD_SETTLEMENT)
            free = derive(refund_id, "release")
            found += self._move(free, "reserve", "payable", row["released"], Code.RESERVE_RELEASE)
        lost = row["cause"] == "dispute_lost"
        for one in row["sources"]:
            to = self._disputed(one["provider"]) if lost else self._source(one["source"])
            code = Code.DISPUTE_LOST if lost else Code.REFUND
            id = derive(refund_id, f"refund{one['leg']}")
            found += self._move(id, "escrow", to, one["minor"], code)
        return found + self._fees(row)

    def _back(self, refund_id: UUID, parts: Parts) -> list[Transfer]:
        sides: list[tuple[str, AccountKind, int, Code]] = [
            ("earning", "payable", parts.net, Code.EARNING_REVERSAL),
            ("commission", "commission", parts.commission, Code.COMMISSION_REVERSAL),
            (
                "commission_tax",
                "commission_tax",
                parts.commission_tax,
                Code.COMMISSION_TAX_REVERSAL,
            ),
            ("tax", "tax", parts.tax, Code.TAX_REVERSAL),
        ]
        found: list[Transfer] = []
        for leg, kind, minor, code in sides:
            found += self._move(derive(refund_id, leg), kind, "escrow", minor, code)
        return found

    def _fees(self, row: Row) -> list[Transfer]:
        """What the refund costs the vendor on top, or, of a dispute's fee, the market."""
        id, provider = row["refund_id"], self._source(row["fee_provider"])
        dispute = derive(id, "dispute_fee")
        fee, tax = derive(id, "fee"), derive(id, "fee_tax")
        return [
            *self._move(fee, "payable", "commission", row["fee"], Code.FEE),
            *self._move(tax, "payable", "commission_tax", row["fee_tax"], Code.FEE_TAX),
            *self._move(dispute, "payable", provider, row["provider_fee"], Code.DISPUTE_FEE),
            *self._move(dispute, "fees", provider, row["borne_fee"], Code.DISPUTE_FEE),
        ]

    def _move(
        self,
        id: UUID,
        debit: AccountKind | Account,
        credit: AccountKind | Account,
        minor: int,
        code: Code,
    ) -> list[Transfer]:
        if minor == 0:
            return []
        return [
            Transfer(
                id=id,
                debit=self._account(debit),
                credit=self._account(credit),
                minor=minor,
                code=code,
                reference=self.vendor_order_id,
            )
        ]

    def _account(self, kind: AccountKind | Account) -> Account:
        if isinstance(kind, Account):
            return kind
        owners: dict[str, UUID] = {
            "escrow": self.vendor_order_id,
            **dict.fromkeys(("payable", "reserve", "cash"), self.vendor_id),
        }
        return Account(kind=kind, owner=owners.get(kind), currency=self.currency)

    def _source(self, source: str) -> Account:
        if source == CREDITS:
            return Account(kind="exchange", currency=self.currency)
        if source == COLLECTED:
            return self._account("cash")
        return clearing_of(source, self.currency)

    def _disputed(self, provider: str) -> Account:
        return Account(kind="disputed", owner=provider_id(provider), currency=self.currency)


def books_of(row: Row) -> Books:
    return Books(row["vendor_order_id"], row["vendor_id"], row["currency"])


def clearing_of(provider: str, currency: str) -> Account:
    """Of one provider; of none in particular for '' (before those accounts had owners)."""
    owner = provider_id(provider) if provider else None
    return Account(kind="clearing", owner=owner, currency=currency)


def vendors_account(kind: AccountKind, vendor_id: UUID, currency: str) -> Account:
    return Account(kind=kind, owner=vendor_id, currency=currency)


def payout_transfer(row: Row) -> Transfer:
    """payable → clearing of the provider that pays; pending until it has paid."""
    provider = "" if row["ownerless"] else row["method"]
    return Transfer(
        id=payout_transfer_id(row["id"]),
        debit=vendors_account("payable", row["vendor_id"], row["currency"]),
        credit=clearing_of(provider, row["currency"]),
        minor=row["minor"],
        code=Code.PAYOUT,
        reference=row["id"],
        pending=True,
    )


def payout_transfer_id(payout_id: UUID) -> UUID:
    return derive(payout_id, "payout")


def charge(row: Row) -> list[Transfer]:
    """payable → commission | commission_tax, or back for a credit note."""
    payable = vendors_account("payable", row["vendor_id"], row["currency"])
    found = []
    for leg, kind, minor, code in (
        ("fee", "commission", row["minor"], Code.FEE),
        ("fee_tax", "commission_tax", row["tax"], Code.FEE_TAX),
    ):
        ours = Account.model_validate({"kind": kind, "currency": row["currency"]})
        if minor:
            found.append(
                Transfer(
                    id=derive(row["id"], leg),
                    debit=payable if minor > 0 else ours,
                    credit=ours if minor > 0 else payable,
                    minor=abs(minor),
                    code=code if minor > 0 else Code.CREDIT_NOTE,
                    reference=row["id"],
                )
            )
    return found


def dispute(dispute_id: UUID, provider: str, minor: int, currency: str, *, won: bool) -> Transfer:
    """clearing → disputed when it is opened, back when it is won."""
    disputed = Account(kind="disputed", owner=provider_id(provider), currency=currency)
    clearing = clearing_of(provider, currency)
    return Transfer(
        id=derive(dispute_id, "dispute_won" if won else "dispute"),
        debit=clearing if won else disputed,
        credit=disputed if won else clearing,
        minor=minor,
        code=Code.DISPUTE_WON if won else Code.DISPUTE,
        reference=dispute_id,
    )


def dispute_fee(dispute_id: UUID, provider: str, minor: int, currency: str) -> Transfer:
    """fees → clearing: the market bears it."""
    return Transfer(
        id=derive(dispute_id, "dispute_fee"),
        debit=Account(kind="fees", currency=currency),
        credit=clearing_of(provider, currency),
        minor=minor,
        code=Code.DISPUTE_FEE,
        reference=dispute_id,
    )
