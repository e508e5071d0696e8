"""Commission's use cases: the active list in memory, drafts, the change from one to the next."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.money.commissions import checking, rules
from haat.domains.money.commissions.api import (
    Assessment,
    CommissionListActivated,
    Commissions,
    Explanation,
    ListChanged,
    Rule,
    RuleList,
    Sale,
)
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, page_of

KEPT_S = 1.0  # how old the active list may be when a sale is assessed by it
ACTIVATE_TRIES = 20  # each time it fails another activation has succeeded

BY_ID = Sql("SELECT * FROM commissions.lists WHERE id = $1")
ACTIVE = Sql("SELECT * FROM commissions.lists WHERE status = 'active'")
NEWEST = Sql("""
SELECT * FROM commissions.lists
 WHERE (created_at, id) < ($1, $2)
 ORDER BY created_at DESC, id DESC LIMIT $3
""")
ADD = Sql("""
INSERT INTO commissions.lists (id, status, rules, tax_bp, note, created_at, created_by, changed_at,
                               changed_by)
VALUES ($1, 'draft', $2::jsonb, $3, $4, $5, $6, $5, $6)
ON CONFLICT (id) DO NOTHING
RETURNING *
""")
CHANGE = Sql("""
UPDATE commissions.lists
   SET rules = $2::jsonb, tax_bp = $3, note = $4, changed_at = $5, changed_by = $6,
       version = version + 1
 WHERE id = $1 AND status = 'draft' AND version = $7
RETURNING *
""")
# The draft is locked first: who cannot have it retires nobody. Counting what was retired makes
# PostgreSQL do that before the other becomes active, as the unique index wants it. Of two
# activations at once the later one meets that index and is tried again. The list before ends at
# the moment when the next begins, whatever the clocks of two machines say.
ACTIVATE = Sql("""
WITH draft AS (
  SELECT id FROM commissions.lists WHERE id = $1 AND status = 'draft' AND version = $2 FOR UPDATE
), before AS (
  UPDATE commissions.lists SET status = 'retired', active_to = greatest($3, active_from)
   WHERE status = 'active' AND EXISTS (SELECT 1 FROM draft)
  RETURNING active_to
), turned AS (
  UPDATE commissions.lists l
     SET status = 'active', active_from = coalesce((SELECT max(active_to) FROM before), $3),
         activated_by = $4, reason = $5
    FROM draft WHERE l.id = draft.id
  RETURNING l.*
) /*emit:turned*/
SELECT * FROM turned
""")
DISCARD = Sql("DELETE FROM commissions.lists WHERE id = $1 AND status = 'draft'")

_END_OF_TIME, _LAST_ID = datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1)


class CommissionsService(Commissions):
    """Lists on one table; the active one is kept in memory for a second, because every quote asks
    for it. A list that was active a moment ago may still be used for as long: what a sale was
    assessed by is frozen in its terms."""

    def __init__(self, db: Database, market: Market, vendors: Vendors, catalog: Catalog) -> None:
        self._db = db
        self._market = market
        self._vendors = vendors
        self._catalog = catalog
        self._known = rules.NO_BOOK
        self._known_until = float("-inf")
        self._turn = 0  # counts what made the known list old

    # -- selling -------------------------------------------------------------------------------

    async def assess(
        self, ctx: Context, *, sales: list[Sale], list_id: UUID | None = None
    ) -> list[Assessment]:
        if not sales:
            return []
        book = await self._book(list_id)
        return await self._assessed(ctx, book, sales)

    async def explain(
        self, ctx: Context, *, sale: Sale, list_id: UUID | None = None
    ) -> Explanation:
        checking.check_sale(sale, (await self._market.settings(ctx)).currency)
        book = await self._book(list_id)
        [found] = await self._assessed(ctx, book, [sale])
        tried = rules.tried(book, sale)
        if found.terms.source != "rule":
            tried += rules.tried_rates(sale, found.terms, found.terms.source == "vendor_rate")
        return Explanation(assessment=found, tried=tried, sums=rules.sums(found, sale.quantity))

    async def _assessed(
        self, ctx: Context, book: rules.Book, sales: Sequence[Sale]
    ) -> list[Assessment]:
        """Rates are asked for only when a sale needs them: no more than one call each."""
        winners = [book.winner(sale) for sale in sales]
        bare = [s for s, rule in zip(sales, winners, strict=True) if rule is None]
        needy = list({sale.vendor_id for sale in bare if sale.kind == "goods"})
        own = await self._vendors.commissions(ctx, ids=needy) if needy else {}
        default = 0
        if any(own.get(vendor) is None for vendor in needy):
            default = (await self._market.settings(ctx)).commission_bp
        found = []
        for sale, rule in zip(sales, winners, strict=True):
            rate = own.get(sale.vendor_id)
            if rule is not None:
                found.append(rules.by_rule(book, rule, sale))
            elif sale.kind == "shipping":
                found.append(rules.by_rate(book, sale, "none", 0))
            elif rate is not None:
                found.append(rules.by_rate(book, sale, "vendor_rate", rate))
            else:
                found.append(rules.by_rate(book, sale, "default", default))
        return found

    async def _book(self, list_id: UUID | None) -> rules.Book:
        if list_id is not None:
            return rules.prepare(_list(await self._row(list_id)))
        # The loop's clock, not ctx's: this is about the process, not about the market's time. It
        # is read before the list is, so that the second begins when the list was known to hold.
        now, turn = asyncio.get_running_loop().time(), self._turn
        if now < self._known_until:
            return self._known
        row = await self._db.fetchrow(ACTIVE)
        book = rules.prepare(None if row is None else _list(row))
        if turn == self._turn:  # nothing was activated here meanwhile
            self._known, self._known_until = book, now + KEPT_S
        return book

    # -- reading -------------------------------------------------------------------------------

    async def lists(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RuleList]:
        key = decode_cursor(cursor, _instant, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(NEWEST, *key, limit + 1)
        return page_of([_list(row) for row in rows], limit, "created_at", "id")

    async def rule_list(self, ctx: Context, *, id: UUID | None = None) -> RuleList | None:
        if id is not None:
            return _with_warnings(await self._row(id))
        row = await self._db.fetchrow(ACTIVE)
        return None if row is None else _with_warnings(row)

    # -- changing ------------------------------------------------------------------------------

    async def draft(
        self,
        ctx: Context,
        *,
        id: UUID,
        rules: list[Rule],
        tax_bp: int = 0,
        note: str = "",
        version: int | None = None,
    ) -> RuleList:
        checking.check_list(rules, tax_bp, note)
        await self._check_known(ctx, rules)
        content = [rule.model_dump(mode="json") for rule in rules]
        given = (id, content, tax_bp, note, ctx.now(), ctx.actor.id)
        if version is None:
            row = await self._db.fetchrow(ADD, *given)
        else:
            row = await self._db.fetchrow(CHANGE, *given, version)
        if row is not None:
            return _with_warnings(row)
        # It is not as the caller believes, unless this very call was made before.
        present = _with_warnings(await self._row(id))
        stored = [rule.model_dump(mode="json") for rule in present.rules]
        same = (stored, present.tax_bp, present.note) == (content, tax_bp, note)
        if same and present.status == "draft" and present.version == (version or 0) + 1:
            return present
        raise ListChanged(version=present.version, status=present.status)

    async def _check_known(self, ctx: Context, given: Sequence[Rule]) -> None:
        """Invalid at every vendor, category or product that is not there."""
        vendors = {id for rule in given for id in rule.vendor_ids}
        categories = {id for rule in given for id in rule.category_ids}
        products = {id for rule in given for id in rule.product_ids}
        checking.check_known(
            given,
            await self._vendors.commissions(ctx, ids=list(vendors)) if vendors else {},
            {c.id for c in await self._catalog.categories(ctx)} if categories else set(),
            await self._catalog.titles(ctx, ids=list(products)) if products else {},
        )

    async def activate(self, ctx: Context, *, id: UUID, version: int, reason: str) -> RuleList:
        why = reason.strip()
        if not why or len(why) > checking.NOTE_MAX or "\0" in why:
            raise Invalid.at("reason", "Say why, in at most 500 characters.", "reason_missing")
        found = _list(await self._row(id))
        if found.status == "draft" and found.version == version:
            row = await self._turn_to(ctx, found, why)
            if row is not None:
                return _with_warnings(row)
        # Somebody else was first: the same, then all is well; otherwise it is refused.
        present = await self._row(id)
        if present["version"] != version or present["status"] != "active":
            raise ListChanged(version=present["version"], status=present["status"])
        return _with_warnings(present)

    async def _turn_to(self, ctx: Context, found: RuleList, reason: str) -> Record | None:
        event = CommissionListActivated(list_id=found.id, rules=len(found.rules), note=found.note)
        given = (found.id, found.version, ctx.now(), ctx.actor.id, reason)
        for _ in range(ACTIVATE_TRIES):
            try:
                rows = await self._db.step(ctx, ACTIVATE, *given, emit=[event])
            except UniqueViolation:
                continue  # another list has just become the active one: this one comes after it
            self._turn += 1
            self._known_until = float("-inf")
            return rows[0] if rows else None
        raise ListChanged("Others switch lists on at this moment; try again.")

    async def discard(self, ctx: Context, *, id: UUID) -> None:
        if await self._db.execute(DISCARD, id):
            return
        row = await self._db.fetchrow(BY_ID, id)
        if row is not None:
            raise ListChanged(version=row["version"], status=row["status"])

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(BY_ID, id)
        if row is None:
            raise NotFound("There is no such list.")
        return row


def _instant(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found


def _list(row: Record) -> RuleList:
    fields = set(RuleList.model_fields) - {"warnings"}
    return RuleList.model_validate({name: row[name] for name in fields})


def _with_warnings(row: Record) -> RuleList:
    found = _list(row)
    return found.model_copy(update={"warnings": checking.warnings(found.rules)})
