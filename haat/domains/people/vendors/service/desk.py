"""What the vendors' use cases stand on: a vendor's row, and the copies of it."""

from uuid import UUID

from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Record, Sql
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

    async def _forget(self, row: Record) -> None:
        """Copies of this vendor are old. The service says how."""
        raise AssertionError
