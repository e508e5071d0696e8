"""Providers that nobody stands behind: what is in our own table is what stands over there.

A bank transfer, cash on delivery and recorded payments have no outside system that could be asked
or that sends messages; people tell how they go on. `read` therefore answers from our own row, and
the other calls say what follows from it; the service writes it as with any other provider.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from haat.domains.money.payments.api import Destination, SignatureInvalid, TransferInstructions
from haat.domains.money.payments.providers.port import (
    Ask,
    Kind,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.money import Money

ROW = Sql("SELECT * FROM payments.payments WHERE id = $1 AND provider = $2 AND status <> 'created'")

DISBURSED = Sql("SELECT * FROM payments.disbursements WHERE id = $1 AND provider = $2")

_STATES: Mapping[str, Any] = {"capture_failed": "declined"}


class Kept:
    """What the three of them have in common."""

    name: str
    label: str
    kind: ClassVar[Kind]
    disburses = False
    test_mode = False
    publishable_key = ""
    refunds: ClassVar[Literal["pending", "done"]] = "done"

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def token_url(self) -> str:
        return ""

    async def register(self, ctx: Context) -> None:
        """Nobody sends messages."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        held = ProviderPayment(
            id=ask.id,
            ref=str(ask.id),
            reference=str(ask.reference),
            amount=ask.amount,
            status="authorized",
            captured_minor=0,
        )
        return self.held(ctx, ask, held)

    def held(self, ctx: Context, ask: Ask, payment: ProviderPayment) -> ProviderPayment:
        """How a payment begins, when it is not simply authorized."""
        return payment

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        row = await self._db.fetchrow(ROW, id, self.name)
        if row is None or row["reference"] is None:
            return None
        told = row["instructions"]
        return ProviderPayment(
            id=id,
            ref=row["transfer_ref"] or str(id),
            reference=str(row["reference"]),
            amount=Money(minor=row["minor"], currency=row["currency"]),
            status=_STATES.get(row["status"], row["status"]),
            captured_minor=row["captured_minor"],
            decline_code=row["decline_code"],
            collect=row["collect"],
            instructions=TransferInstructions.model_validate(told) if told else None,
        )

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        found = await self.read(ctx, id)
        if found is None or found.status != "authorized":
            return found
        return replace(found, status="captured", captured_minor=found.amount.minor)

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        found = await self.read(ctx, id)
        if found is None or found.status == "captured":
            return found
        return replace(found, status="voided")

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        return ProviderRefund(refund_id, payment_id, amount, self.refunds)

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        if not self.disburses:
            raise ProviderRefused("no_payouts", f"{self.label} sends no payouts.")
        return ProviderPayout(id, str(id), amount, "pending")

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        row = await self._db.fetchrow(DISBURSED, id, self.name)
        if row is None:
            return None
        amount = Money(minor=row["minor"], currency=row["currency"])
        status: Any = "pending" if row["status"] == "created" else row["status"]
        return ProviderPayout(id, row["provider_ref"] or str(id), amount, status, row["failure"])

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        raise SignatureInvalid("Nobody sends messages about these payments.")
