"""A vendor whose listings are held back, because it has not accepted the market's terms in time.

Part of the public file: `api` hands these names on. `Holding` is a part of its contract. To those
who list and sell goods it is one that is away with its listings hidden (`VendorAway`).
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command
from haat.kernel.events import Event
from haat.kernel.model import Model

Version = Annotated[int, Field(ge=0, le=2**31 - 1)]


class TermsStanding(Model):
    """Versions of the terms for vendors, 0 for none: the one a vendor must have accepted by now,
    and the newest that it has."""

    vendor_id: UUID
    needed: Version = 0
    accepted: Version = 0


class VendorHeld(Event, name="vendor.held", key="vendor_id"):
    """Nothing of it is shown or sold until it accepts; orders that there are still finish."""

    vendor_id: UUID
    version: int


class VendorReleased(Event, name="vendor.released", key="vendor_id"):
    vendor_id: UUID


class Holding:
    """The part of the contract that is about listings that are held back."""

    @command(scope="internal", repeatable=True)
    async def follow_terms(
        self, ctx: Context, *, standings: Annotated[list[TermsStanding], Field(max_length=1000)]
    ) -> None:
        """What was told before never lowers what is told now, whichever comes first."""
