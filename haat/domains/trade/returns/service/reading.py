"""Reading returns, and who may: customers (guests by the order's link), vendors and staff."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.people.media.api import Picture
from haat.domains.trade.orders.api import Orders, VendorOrder
from haat.domains.trade.returns.api import (
    By,
    Message,
    Return,
    ReturnLine,
    ReturnSummary,
    State,
)
from haat.domains.trade.returns.rules import Standing
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

WHOLE = """
SELECT r.*,
       (SELECT json_agg(l ORDER BY l.position) FROM returns.lines l
         WHERE l.return_id = r.id) AS lines,
       (SELECT json_agg(m ORDER BY m.seq)
          FROM (SELECT * FROM returns.messages m WHERE m.return_id = r.id
                 ORDER BY m.seq LIMIT 500) m) AS messages
  FROM returns.returns r
"""
BY_ID = Sql(f"{WHOLE} WHERE r.id = $1")
_SUMMARY = """
SELECT r.id, r.seq, r.kind, r.state, r.escalated, r.order_number, r.vendor_id, r.reason, r.items,
       r.amount, r.currency, r.requested_at, r.deadline_at
  FROM returns.returns r
"""
_NEWEST = (
    " AND ($2::timestamptz IS NULL OR (r.requested_at, r.id) < ($2, $3::uuid))"
    " ORDER BY r.requested_at DESC, r.id DESC LIMIT $4"
)
OWN = Sql(f"{_SUMMARY} WHERE r.person_id = $1 {_NEWEST}")
OF_VENDOR = Sql(f"{_SUMMARY} WHERE r.vendor_id = $1 {_NEWEST}")
OF_VENDOR_IN_STATE = Sql(f"{_SUMMARY} WHERE r.vendor_id = $1 AND r.state = $5 {_NEWEST}")
_QUEUE = (
    " AND ($1::boolean IS NULL OR (r.escalated, r.requested_at, r.id)"
    " < ($1, $2::timestamptz, $3::uuid))"
    " ORDER BY r.escalated DESC, r.requested_at DESC, r.id DESC LIMIT $4"
)
QUEUE = Sql(f"{_SUMMARY} WHERE true {_QUEUE}")
QUEUE_OF = Sql(f"{_SUMMARY} WHERE r.escalated = $5 {_QUEUE}")
QUEUE_IN_STATE = Sql(f"{_SUMMARY} WHERE r.state = $5 {_QUEUE}")
QUEUE_OF_IN_STATE = Sql(f"{_SUMMARY} WHERE r.state = $5 AND r.escalated = $6 {_QUEUE}")
OF_ORDERS = Sql(
    f"{_SUMMARY} WHERE r.vendor_order_id = ANY($1::uuid[])"
    " ORDER BY r.requested_at DESC, r.id DESC LIMIT 1000"
)


class Reading:
    def __init__(self, db: Database, orders: Orders) -> None:
        self._db = db
        self._orders = orders

    async def seen(
        self, ctx: Context, id: UUID, token: str | None = None
    ) -> tuple[Record, frozenset[By]]:
        """A return and as whom the actor sees it; NotFound when as nobody."""
        row = await self._db.fetchrow(BY_ID, id)
        roles = frozenset() if row is None else await self._roles(ctx, row, token)
        if row is None or not roles:
            if ctx.actor.type == "guest" and token is None:
                _ = ctx.person_id  # sign in first
            raise NotFound
        return row, roles

    async def row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(BY_ID, id)
        assert row is not None, "a return is never removed"
        return row

    async def _roles(
        self, ctx: Context, row: Mapping[str, Any], token: str | None
    ) -> frozenset[By]:
        """Who is vendor or customer of it is not staff about it as well."""
        found: set[By] = set()
        if token is not None:
            order = await self._orders.order_by_link(ctx, token=token)
            if order.id == row["order_id"]:
                found.add("customer")
        if ctx.actor.type == "person" and ctx.actor.id == row["person_id"]:
            found.add("customer")
        if "vendor:orders" in ctx.scopes and ctx.vendor_id == row["vendor_id"]:
            found.add("vendor")
        if not found and ctx.has("staff:orders"):
            found.add("staff")
        return frozenset(found)

    async def bought(self, ctx: Context, vendor_order_id: UUID, token: str | None) -> VendorOrder:
        """The customer's own vendor order, or that of the link; NotFound otherwise."""
        order_id = None
        if token is not None:
            order_id = (await self._orders.order_by_link(ctx, token=token)).id
        elif ctx.actor.type != "system":
            _ = ctx.person_id  # a guest signs in first
        found = await self._orders.vendor_orders_by_ids(ctx, ids=[vendor_order_id])
        for part in found:
            mine = ctx.actor.type == "person" and part.person_id == ctx.actor.id
            if mine or part.order_id == order_id:
                return part
        raise NotFound

    async def own(self, ctx: Context, limit: int, cursor: str | None) -> Page[ReturnSummary]:
        return await self._newest(OWN, ctx.person_id, limit, cursor)

    async def of_orders(self, ids: list[UUID]) -> list[ReturnSummary]:
        return [_summary(row) for row in await self._db.fetch(OF_ORDERS, ids)]

    async def of_vendor(
        self, ctx: Context, vendor_id: UUID, state: State | None, limit: int, cursor: str | None
    ) -> Page[ReturnSummary]:
        ctx.need_vendor(vendor_id)
        if state is None:
            return await self._newest(OF_VENDOR, vendor_id, limit, cursor)
        return await self._newest(OF_VENDOR_IN_STATE, vendor_id, limit, cursor, state)

    async def _newest(
        self, sql: str, whose: UUID, limit: int, cursor: str | None, *more: Any
    ) -> Page[ReturnSummary]:
        after = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(sql, whose, *after, limit + 1, *more)
        return page_of([_summary(row) for row in rows], limit, "requested_at", "id")

    async def queue(
        self, state: State | None, escalated: bool | None, limit: int, cursor: str | None
    ) -> Page[ReturnSummary]:
        """What staff have to decide first, then the newest."""
        after = decode_cursor(cursor, bool, datetime.fromisoformat, UUID) or (None, None, None)
        if state is None:
            sql = QUEUE if escalated is None else QUEUE_OF
        else:
            sql = QUEUE_IN_STATE if escalated is None else QUEUE_OF_IN_STATE
        given = [one for one in (state, escalated) if one is not None]
        rows = await self._db.fetch(sql, *after, limit + 1, *given)
        return page_of([_summary(row) for row in rows], limit, "escalated", "requested_at", "id")


def number_of(seq: int) -> str:
    """For people: "R-100001"."""
    return f"R-{seq}"


def standing(row: Mapping[str, Any]) -> Standing:
    return Standing(
        row["state"],
        row["escalated"],
        row["final"],
        row["send_back"],
        row["refund"],
        row["tries"],
    )


def return_of(row: Mapping[str, Any]) -> Return:
    currency = row["currency"]
    waits = row["deadline_at"]
    return Return(
        number=number_of(row["seq"]),
        lines=[_line(line, currency) for line in row["lines"]],
        messages=[_message(one) for one in row["messages"] or []],
        amount=Money(minor=row["amount"], currency=currency),
        refund_failed=row["refund"] == "failed",
        respond_by=waits if row["state"] == "requested" else None,
        send_by=waits if row["state"] == "approved" else None,
        **{name: row[name] for name in _PLAIN},
    )


_PLAIN = (
    "id kind state escalated final send_back order_id order_number vendor_order_id vendor_id"
    " person_id reason refund_shipping refund_id tracking_number requested_at updated_at"
).split()


def _line(line: Mapping[str, Any], currency: str) -> ReturnLine:
    return ReturnLine(
        line_id=line["line_id"],
        quantity=line["quantity"],
        title=line["title"],
        variant_title=line["variant_title"],
        sku=line["sku"],
        unit_price=Money(minor=line["unit_price"], currency=currency),
        received_quantity=line["received"],
    )


def _message(one: Mapping[str, Any]) -> Message:
    pictures = one["pictures"]
    if isinstance(pictures, str):
        pictures = json.loads(pictures)
    return Message(
        id=one["id"],
        by=one["by"],
        what=one["what"],
        text=one["text"],
        pictures=[Picture(media_id=UUID(id)) for id in pictures],
        at=one["at"],
    )


def _summary(row: Mapping[str, Any]) -> ReturnSummary:
    return ReturnSummary(
        id=row["id"],
        number=number_of(row["seq"]),
        kind=row["kind"],
        state=row["state"],
        escalated=row["escalated"],
        order_number=row["order_number"],
        vendor_id=row["vendor_id"],
        reason=row["reason"],
        items=row["items"],
        amount=Money(minor=row["amount"], currency=row["currency"]),
        requested_at=row["requested_at"],
        respond_by=row["deadline_at"] if row["state"] == "requested" else None,
    )
