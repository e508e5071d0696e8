"""What the vendors' use cases stand on: a vendor's row, and the copies of it."""

from uuid import UUID

from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

BY_ID = Sql("SELECT * FROM vendors.vendors WHERE id = $1")


class Desk(Vendors):
    """The service gives the attributes below."""

    _db: Database

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(BY_ID, id)
        if row is None:
            raise NotFound
        return row

    async def _mark(self, ctx: Context, sql: Sql, id: UUID, *values: object) -> Record:
        """The vendor as this leaves it, which is told to all; where it changed nothing, as it is.
        The service says how."""
        raise AssertionError

    async def _forget(self, row: Record) -> None:
        """Copies of this vendor are old. The service says how."""
        raise AssertionError
