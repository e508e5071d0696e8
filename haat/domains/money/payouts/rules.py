"""How a refund is borne, which transfers an earning makes, and how a payout goes on."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import Account, AccountKind, Code, Transfer
from haat.domains.money.payouts.api import EarningDraft, ReversalTooLarge
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import allocate

Decision = Literal["approve", "reject"]
Outcome = Literal["paid", "failed", "rejected"]

# Statuses the world does not see: the ledger has not answered yet, or said no.
RESERVING, REFUSED = "reserving", "refused"
FINAL = frozenset({"paid", "failed", "rejected", REFUSED})


@dataclass(frozen=True, slots=True)
class Parts:
    """Minor units of one amount: what the vendor, the platform and the state get of it."""

    net: int
    commission: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.commission + self.tax

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(self.net - other.net, self.commission - other.commission, self.tax - other.tax)


def split(gross: int, left: Parts) -> Parts:
    """How a refund of `gross` is borne by what is left of an earning.

    By largest remainder over what is left, so that no part is ever lowered below zero and the
    refund of the rest takes exactly the rest. ReversalTooLarge beyond it.
    """
    if gross < 1:
        raise Invalid.at("gross", "A refund is more than nothing.", "amount_invalid")
    if gross > left.gross:
        raise ReversalTooLarge(left=left.gross)
    return Parts(*allocate(gross, [left.net, left.commission, left.tax]))


def check_draft(draft: EarningDraft, path: str) -> None:
    """Raises Invalid unless gross = net + commission + tax, nothing is negative, one currency."""
    parts = (draft.net, draft.commission, draft.tax)
    if any(part.currency != draft.gross.currency for part in parts):
        raise Invalid.at(path, "An earning has one currency.", "currency_mixed")
    if any(part.minor < 0 for part in parts):
        raise Invalid.at(path, "No part of an earning is negative.", "amount_invalid")
    if sum(part.minor for part in parts) != draft.gross.minor:
        raise Invalid.at(path, "gross = net + commission + tax", "amounts_do_not_add_up")


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of one vendor order."""

    vendor_order_id: UUID
    vendor_id: UUID
    currency: str

    def capture(self, gross: int) -> list[Transfer]:
        """clearing → escrow."""
        id = derive(self.vendor_order_id, "capture")
        return self._move(id, "clearing", "escrow", gross, Code.CAPTURE)

    def accrual(self, parts: Parts) -> list[Transfer]:
        """escrow → payable | commission | tax."""
        id = self.vendor_order_id
        return [
            *self._move(derive(id, "earning"), "escrow", "payable", parts.net, Code.EARNING),
            *self._move(
                derive(id, "commission"), "escrow", "commission", parts.commission, Code.COMMISSION
            ),
            *self._move(derive(id, "tax"), "escrow", "tax", parts.tax, Code.TAX),
        ]

    def reversal(self, refund_id: UUID, parts: Parts, *, after_accrual: bool) -> list[Transfer]:
        """escrow → clearing; after accrual the money comes back to escrow first."""
        back: list[Transfer] = []
        sides: list[tuple[str, AccountKind, int, Code]] = [
            ("earning", "payable", parts.net, Code.EARNING_REVERSAL),
            ("commission", "commission", parts.commission, Code.COMMISSION_REVERSAL),
            ("tax", "tax", parts.tax, Code.TAX_REVERSAL),
        ]
        if after_accrual:
            for leg, kind, minor, code in sides:
                back += self._move(derive(refund_id, leg), kind, "escrow", minor, code)
        refund = derive(refund_id, "refund")
        return [*back, *self._move(refund, "escrow", "clearing", parts.gross, Code.REFUND)]

    def _move(
        self, id: UUID, debit: AccountKind, credit: AccountKind, minor: int, code: Code
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

    def _account(self, kind: AccountKind) -> Account:
        owners: dict[AccountKind, UUID] = {
            "escrow": self.vendor_order_id,
            "payable": self.vendor_id,
        }
        return Account(kind=kind, owner=owners.get(kind), currency=self.currency)


def payable_of(vendor_id: UUID, currency: str) -> Account:
    return Account(kind="payable", owner=vendor_id, currency=currency)


def payout_transfer(payout_id: UUID, vendor_id: UUID, minor: int, currency: str) -> Transfer:
    """payable → clearing; pending until the provider has paid."""
    return Transfer(
        id=payout_transfer_id(payout_id),
        debit=payable_of(vendor_id, currency),
        credit=Account(kind="clearing", currency=currency),
        minor=minor,
        code=Code.PAYOUT,
        reference=payout_id,
        pending=True,
    )


def payout_transfer_id(payout_id: UUID) -> UUID:
    return derive(payout_id, "payout")


def masked(account: str) -> str:
    """All but the last four characters hidden, whatever the length."""
    return "•" * max(len(account) - 4, 4) + account[-4:]
