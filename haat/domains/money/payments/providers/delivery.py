"""Cash on delivery: the vendor takes the money at the door, and gives it back himself."""

from dataclasses import replace
from typing import ClassVar

from haat.domains.money.payments.providers.kept import Kept
from haat.domains.money.payments.providers.port import Ask, Kind, ProviderPayment
from haat.kernel.context import Context

CASH = "cod"


class CashOnDelivery(Kept):
    """Authorized at once, captured when the vendor says that he has it."""

    name = CASH
    label = "Cash on delivery"
    kind: ClassVar[Kind] = "on_delivery"

    def held(self, ctx: Context, ask: Ask, payment: ProviderPayment) -> ProviderPayment:
        return replace(payment, collect="on_delivery")
