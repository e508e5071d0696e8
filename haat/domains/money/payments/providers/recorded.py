"""Recorded payments: staff say that money came another way, such as cash at the counter."""

from typing import ClassVar

from haat.domains.money.payments.providers.kept import Kept
from haat.domains.money.payments.providers.port import Kind

RECORDED = "recorded"


class Recorded(Kept):
    """Authorized and captured on staff's word; the service lets nobody else choose it."""

    name = RECORDED
    label = "Recorded payment"
    kind: ClassVar[Kind] = "recorded"
