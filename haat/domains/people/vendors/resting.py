"""A vendor that is away for a while, and one that closes for good.

Part of the public file: `api` hands these names on. `Resting` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Invalid
from haat.kernel.events import Event
from haat.kernel.model import Model


class AbsenceInvalid(Invalid, code="absence_invalid"):
    """An absence ends after it begins, and not in the past."""


class Absence(Model):
    """Nothing can be bought from `since` until `until` (None: until the vendor says so). With
    `hidden` its listings are not shown either; else customers read `message` and when it is
    back."""

    since: datetime
    until: datetime | None = None
    message: Annotated[str, Field(max_length=300)] = ""
    hidden: bool = False


class VendorAway(Event, name="vendor.away", key="vendor_id"):
    """Its absence has begun, or is another now."""

    vendor_id: UUID
    hidden: bool
    until: datetime | None


class VendorBack(Event, name="vendor.back", key="vendor_id"):
    vendor_id: UUID


class VendorClosing(Event, name="vendor.closing", key="vendor_id"):
    """Its owner asked: nothing is sold any more, orders that there are still finish."""

    vendor_id: UUID


class VendorClosed(Event, name="vendor.closed", key="vendor_id"):
    """Its orders are finished and its balance is paid out."""

    vendor_id: UUID


class Resting:
    """The part of the contract that is about absence and closure."""

    @query(scope="vendor:profile")
    async def absence(self, ctx: Context, *, vendor_id: UUID) -> Absence | None:
        """The one that is planned, or that it is."""

    @command(scope="vendor:profile", repeatable=True)
    async def plan_absence(self, ctx: Context, *, vendor_id: UUID, absence: Absence) -> Absence:
        """In place of one that was planned. AbsenceInvalid, WrongVendorState."""

    @command(scope="vendor:profile", repeatable=True)
    async def end_absence(self, ctx: Context, *, vendor_id: UUID) -> None:
        """Now; what was only planned is planned no more."""

    @command(scope="vendor:profile", proof=True)
    async def close(self, ctx: Context, *, vendor_id: UUID) -> None:
        """The store sells nothing from now on, and closes once its orders are finished and its
        balance is paid out. WrongVendorState; again, it changes nothing."""

    @command(scope="vendor:profile", proof=True)
    async def stay_open(self, ctx: Context, *, vendor_id: UUID) -> None:
        """Takes closing back while it is not done. WrongVendorState."""

    @query(scope="internal")
    async def closing(
        self, ctx: Context, *, after: UUID | None = None, limit: Annotated[int, Field(ge=1, le=100)]
    ) -> list[UUID]:
        """Those that are about to close, by id."""

    @command(scope="internal", repeatable=True)
    async def end(self, ctx: Context, *, vendor_id: UUID) -> bool:
        """Closes one that was about to; whether it did now."""
