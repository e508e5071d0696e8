"""Bank transfers to the market's own account, and payouts that a bank file pays."""

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal

from haat.domains.money.payments.api import TransferInstructions
from haat.domains.money.payments.providers.kept import Kept
from haat.domains.money.payments.providers.port import Ask, Kind, ProviderPayment
from haat.domains.money.payments.settings import PaymentsSettings
from haat.domains.money.payments.transfers import reference_of
from haat.engines.sql import Database
from haat.kernel.context import Context

BANK = "bank"


class BankTransfers(Kept):
    """Awaits money with a reference in its text. Refunds and payouts stay pending until staff, or
    the bank's file, say that they were paid."""

    name = BANK
    label = "Bank transfer"
    kind: ClassVar[Kind] = "bank_transfer"
    disburses = True
    refunds: ClassVar[Literal["pending", "done"]] = "pending"

    def __init__(self, db: Database, settings: PaymentsSettings) -> None:
        super().__init__(db)
        self._holder = settings.bank_holder
        self._iban = settings.bank_iban.replace(" ", "").upper()
        self._bic = settings.bank_bic
        self._wait = timedelta(days=settings.bank_transfer_days)

    def held(self, ctx: Context, ask: Ask, payment: ProviderPayment) -> ProviderPayment:
        told = TransferInstructions(
            holder=self._holder,
            iban=self._iban,
            bic=self._bic,
            reference=reference_of(ask.id),
            amount=ask.amount,
            until=ctx.now() + self._wait,
        )
        return replace(payment, ref=told.reference, status="awaiting", instructions=told)
