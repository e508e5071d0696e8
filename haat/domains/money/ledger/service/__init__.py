"""What the ledger does: posting, ending what is pending, reading, sealing."""

from typing import Literal
from uuid import UUID

from haat.domains.money.ledger import rules
from haat.domains.money.ledger.api import Account, Code, Ledger, Transfer
from haat.domains.money.ledger.service.ending import Ending
from haat.domains.money.ledger.service.posting import Posts, open_accounts
from haat.domains.money.ledger.service.reading import Reading
from haat.domains.money.ledger.service.sealing import seal_all
from haat.engines.sql import Database
from haat.kernel.context import Context


class LedgerService(Ending, Reading, Ledger):
    """One method, one transaction; posts of one process share theirs."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._posts = Posts(db)

    async def open(self, ctx: Context, *, accounts: list[Account]) -> None:
        rules.check_accounts(accounts)
        sides = {side.id: side for account in accounts for side in rules.sides_of(account)}
        if sides:
            await open_accounts(self._db, sides)

    async def post(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        if not transfers:
            return []
        rules.check(transfers)
        born = await self._posts.post(ctx, rules.distinct(transfers))
        answers: list[Literal["created", "exists"]] = []
        for transfer in transfers:
            answers.append("created" if transfer.id in born else "exists")
            born.discard(transfer.id)  # a second one in the same call finds the first
        return answers

    async def open_custom(self, ctx: Context, *, accounts: list[Account]) -> None:
        rules.check_outside(accounts)
        await self.open(ctx, accounts=accounts)

    async def post_custom(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        rules.check_custom(transfers)
        return await self.post(ctx, transfers=transfers)

    async def end_custom(self, ctx: Context, *, ids: list[UUID], posted: bool) -> None:
        await self._end(ctx, ids, posted=posted, only=Code.CUSTOM)

    async def seal(self, ctx: Context) -> int:
        """Takes what waits into the chain; how many rows that were."""
        return await seal_all(self._db, ctx)
