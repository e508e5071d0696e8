"""Pending transfers are posted, voided, or expire: one outcome row decides."""

from collections.abc import Sequence
from uuid import UUID

from haat.domains.money.ledger.api import Code, Ledger, NotYours, TransferEnded
from haat.domains.money.ledger.hashing import outcome_hash
from haat.domains.money.ledger.service.posting import SALT_BYTES, again
from haat.domains.money.ledger.statements import END_PENDING, EXPIRED, STANDING
from haat.engines.sql import Database, Record
from haat.kernel.chance import chance
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

EXPIRED_AT_ONCE = 500
_BATCHES = 20  # of one run of the timer; the next goes on


class Ending(Ledger):
    """The part of the service that ends what is pending."""

    _db: Database

    async def post_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._end(ctx, ids, posted=True)

    async def void_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._end(ctx, ids, posted=False)

    async def expire(self, ctx: Context) -> int:
        """Voids what has expired; how many that were. One that is posted by somebody whose clock
        is behind ours at this very moment stays posted."""
        done = 0
        for _ in range(_BATCHES):
            rows = await self._db.fetch(EXPIRED, ctx.now(), EXPIRED_AT_ONCE)
            ended = await self._write_ends(ctx, [row["transfer_id"] for row in rows])
            done += len(ended)
            if len(rows) < EXPIRED_AT_ONCE or not ended:
                break
        return done

    async def _end(
        self, ctx: Context, ids: Sequence[UUID], *, posted: bool, only: Code | None = None
    ) -> None:
        await self._write_ends(ctx, ids, posted=posted, only=only, every=True)

    async def _write_ends(
        self,
        ctx: Context,
        ids: Sequence[UUID],
        *,
        posted: bool = False,
        only: Code | None = None,
        every: bool = False,
    ) -> list[UUID]:
        """The ids that ended now. `every`: none, and an error, unless each one stands as asked."""
        wanted = sorted(set(ids))
        if not wanted:
            return []
        at = ctx.now()
        salts = [chance().bytes(SALT_BYTES) for _ in wanted]
        hashes = [outcome_hash(s, id, posted, at) for s, id in zip(salts, wanted, strict=True)]

        async def write() -> list[UUID]:
            async with self._db.begin(ctx) as tx:
                row = await tx.fetchrow(END_PENDING, wanted, posted, at, salts, hashes, only)
                assert row is not None
                assert row["complete"], "an account without a row"
                ended: list[UUID] = row["ended"]
                rest = set(wanted) - set(ended)
                if every and rest:
                    _check_standing(rest, await tx.fetch(STANDING, list(rest), at), posted, only)
                return ended

        return await again(write)


def _check_standing(
    rest: set[UUID], rows: Sequence[Record], posted: bool, only: Code | None
) -> None:
    """Raises unless each of these has ended the way that was asked for."""
    if len(rows) < len(rest):
        raise NotFound("There is no such transfer.")
    for row in rows:
        if only is not None and row["code"] != only:
            raise NotYours
        status = row["status"]
        if (status == "posted") is not posted:
            raise TransferEnded(
                f"The transfer is {status}.", outcome=status, transfer_id=str(row["id"])
            )
