"""Numbers of orders: taken from the sequence in blocks, so that most orders ask for none.

A number that is taken and not used leaves a gap. A shop with few orders takes them one by one and
has hardly any; while orders follow each other closely, a block that was used up in time is followed
by one of twice its size, and one that was not by as many as it was good for. What is left of one
is forgotten after a moment, so that numbers grow with time, whichever process gives them out.
"""

from datetime import UTC, datetime, timedelta

from haat.engines.sql import Database, Sql
from haat.kernel.context import Context

MOST = 16
FRESH_FOR = timedelta(seconds=1)

TAKE = Sql("SELECT nextval('orders.orders_seq_seq') AS seq FROM generate_series(1, $1)")


class Numbers:
    """What one process has taken and not given out yet."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._left: list[int] = []  # the next one last
        self._size = 1
        self._until = datetime.min.replace(tzinfo=UTC)

    async def next(self, ctx: Context) -> int:
        """One that no other order has."""
        now = ctx.now()
        is_fresh = now < self._until
        if is_fresh and self._left:
            return self._left.pop()
        # As many as the last one's time had use for; twice as many where that was over before.
        given = self._size - len(self._left) if now < self._until + FRESH_FOR else 1
        size = min(MOST, given * 2) if is_fresh else given
        taken = [row["seq"] for row in await self._db.fetch(TAKE, size)]
        # Others may have asked meanwhile: each has its own, and what the last one leaves is kept.
        self._size, self._until = size, now + FRESH_FOR
        self._left = taken[:0:-1]
        return int(taken[0])
