"""Holds the ledger against what was moved and converted here."""

from uuid import UUID

from haat.domains.money.ledger.api import Code, Ledger
from haat.domains.money.wallet.api import CREDITS
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context

# What is being told to the ledger at this moment is left out, with its owner.
OWNERS = Sql("""
SELECT owner_id,
       sum(CASE WHEN kind IN ('topup', 'refunded', 'granted') THEN credits ELSE -credits END)
         FILTER (WHERE state = 'done')::bigint AS credits,
       bool_or(state IN ('posting', 'voiding')) AS moving
  FROM wallet.moves WHERE owner_id IS NOT NULL GROUP BY owner_id
""")

# In the order of what raises and what lowers an exchange account of money. What orders cost and
# what comes back of them are one sum: credits that were taken in the moment in which their order
# ended are given back as a refund, and the money of neither was ever moved.
MONEY = Sql("""
WITH part AS (
  SELECT currency, CASE kind WHEN 'topup' THEN 'topup' WHEN 'withdrawn' THEN 'withdrawal'
                             ELSE 'orders' END AS code,
         CASE WHEN kind IN ('topup', 'refunded') THEN minor ELSE -minor END AS minor,
         state
    FROM wallet.moves
   WHERE kind IN ('topup', 'withdrawn', 'spent', 'refunded') AND state IN ('posting', 'done')
  UNION ALL
  SELECT t.currency, CASE c.verdict WHEN 'lost' THEN 'dispute_lost' ELSE 'orders' END, -c.minor,
         CASE WHEN c.followed = c.verdict THEN 'done' ELSE 'posting' END
    FROM wallet.claims c JOIN wallet.topups t ON t.id = c.topup_id
   WHERE c.verdict IN ('lost', 'refunded')
)
SELECT currency, code, sum(minor)::bigint AS minor, bool_or(state = 'posting') AS moving
  FROM part GROUP BY currency, code
""")

_OF_ORDERS = frozenset({Code.CAPTURE, Code.REFUND})


class Comparing:
    """The part of `haat prove` that needs the ledger."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def reconcile(self, ctx: Context, limit: int) -> list[str]:
        return [*await self._wallets(ctx), *await self._exchange(ctx)][:limit]

    async def _wallets(self, ctx: Context) -> list[str]:
        ours: dict[UUID, tuple[int, bool]] = {
            row["owner_id"]: (row["credits"] or 0, row["moving"])
            for row in await self._db.fetch(OWNERS)
        }
        theirs: dict[UUID, int] = {}
        for one in await self._ledger.sums(ctx, kind="wallet"):
            if one.code != Code.CUSTOM and one.owner is not None:
                theirs[one.owner] = theirs.get(one.owner, 0) + one.minor
        found = []
        for owner in sorted(ours.keys() | theirs.keys()):
            expected, moving = ours.get(owner, (0, False))
            held = theirs.get(owner, 0)
            if held != expected and not moving:
                found.append(
                    f"wallet: {owner} should hold {expected} by its movements,"
                    f" the ledger holds {held}"
                )
        return found

    async def _exchange(self, ctx: Context) -> list[str]:
        ours: dict[tuple[str, str], tuple[int, bool]] = {
            (row["currency"], row["code"]): (row["minor"], row["moving"])
            for row in await self._db.fetch(MONEY)
        }
        theirs: dict[tuple[str, str], int] = {}
        for one in await self._ledger.sums(ctx, kind="exchange"):
            code = "orders" if one.code in _OF_ORDERS else str(one.code.value)
            key = (one.currency, code)
            if one.currency != CREDITS:
                theirs[key] = theirs.get(key, 0) + one.minor
        found = []
        for currency, code in sorted(ours.keys() | theirs.keys()):
            expected, moving = ours.get((currency, code), (0, False))
            held = theirs.get((currency, code), 0)
            if held != expected and not moving:
                found.append(
                    f"wallet: exchange of {currency} should have moved {expected} by {code},"
                    f" the ledger has {held}"
                )
        return found
