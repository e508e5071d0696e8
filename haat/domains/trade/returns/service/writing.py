"""The one statement that moves a return: state, quantities, message and event together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.trade.returns.api import By, ReturnUpdated, State
from haat.domains.trade.returns.rules import Standing
from haat.domains.trade.returns.service.reading import number_of
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

LEASE_S = 15  # until the timer goes on with what whoever wrote it goes on with at once

# Only where it still stands as it was seen. When it ends, its quantities are no longer asked for
# ($15), and those that were given back count as such ($16).
MOVE = Sql("""
WITH moved AS (
  UPDATE returns.returns
     SET state = $3, escalated = $4, final = $5, send_back = $6, refund = $7, tries = $8,
         refund_shipping = $9, shipping = $10, amount = $11, restock = $12, tracking_number = $13,
         refund_id = $14, block = CASE WHEN $15 THEN 'release' ELSE block END,
         deadline_at = $17::timestamptz, due_at = coalesce($18::timestamptz, due_at),
         updated_at = $19::timestamptz, version = version + 1
   WHERE id = $1 AND version = $2
  RETURNING id
), came AS (
  UPDATE returns.lines l SET received = x.quantity
    FROM moved, unnest($24::uuid[], $25::int[]) AS x (line_id, quantity)
   WHERE l.return_id = moved.id AND l.line_id = x.line_id
), locked AS (
  SELECT t.line_id, l.quantity, coalesce(l.received, l.quantity) AS counted
    FROM moved JOIN returns.lines l ON l.return_id = moved.id JOIN returns.tallies t USING (line_id)
   WHERE $15 ORDER BY t.line_id FOR UPDATE OF t
), counted AS (
  UPDATE returns.tallies t
     SET open = t.open - x.quantity,
         refunded = t.refunded + CASE WHEN $16 THEN x.counted ELSE 0 END
    FROM locked x WHERE t.line_id = x.line_id
), said AS (
  INSERT INTO returns.messages (id, return_id, by, what, text, at)
  SELECT $20, id, $21, $22, $23, $19 FROM moved
)
/*emit:moved*/
SELECT id FROM moved
""")


@dataclass(frozen=True, slots=True)
class Written:
    """A move of the return in `row`, as it was seen. What is None stays as it is; `received` are
    the quantities counted, by line."""

    row: Mapping[str, Any]
    standing: Standing
    by: By
    what: State | Literal["escalated"]
    text: str = ""
    deadline: datetime | None = None
    amount: int | None = None
    shipping: int | None = None
    refund_shipping: bool | None = None
    restock: bool | None = None
    tracking_number: str | None = None
    refund_id: UUID | None = None
    received: Mapping[UUID, int] | None = None

    def kept(self, name: str) -> Any:
        given = getattr(self, name)
        return self.row[name] if given is None else given


async def move(db: Database, ctx: Context, one: Written) -> list[Record]:
    """A row; none when it was moved by somebody else meanwhile."""
    s, row, now = one.standing, one.row, ctx.now()
    told = s.ended or s.refund == "due"
    received = one.received or {}
    return await db.step(
        ctx,
        MOVE,
        row["id"],
        row["version"],
        s.state,
        s.escalated,
        s.final,
        s.send_back,
        s.refund,
        s.tries,
        one.kept("refund_shipping"),
        one.kept("shipping"),
        one.kept("amount"),
        one.kept("restock"),
        one.kept("tracking_number"),
        one.kept("refund_id"),
        s.ended,
        s.state == "refunded",
        one.deadline,
        now + timedelta(seconds=LEASE_S) if told else None,
        now,
        ctx.new_id(),
        one.by,
        one.what,
        one.text,
        list(received),
        list(received.values()),
        emit=[_updated(one)],
    )


def _updated(one: Written) -> ReturnUpdated:
    row, s = one.row, one.standing
    return ReturnUpdated(
        return_id=row["id"],
        number=number_of(row["seq"]),
        order_id=row["order_id"],
        order_number=row["order_number"],
        vendor_order_id=row["vendor_order_id"],
        vendor_id=row["vendor_id"],
        person_id=row["person_id"],
        state=s.state,
        escalated=s.escalated,
        # What people write is read where it stands; events carry none of it.
        note=one.text if one.by == "system" else "",
    )
