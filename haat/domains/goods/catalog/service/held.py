"""How what hangs on a product but is not its form's is written: while its row is held."""

from dataclasses import replace
from uuid import UUID

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.api import Product
from haat.domains.goods.catalog.service import offer_statements as sql
from haat.domains.goods.catalog.service import statements
from haat.domains.goods.catalog.service.stored import (
    Cases,
    Stored,
    relisted,
    stored,
)
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound


class HeldCases(Cases):
    async def _held(self, tx: Tx, product_id: UUID, vendor_id: UUID) -> Stored:
        """The product as it is, which nobody else can write until the end of this transaction.

        The vendor first and then the product, as a suspension takes them.
        """
        vendor = await tx.fetchrow(statements.BEFORE_WRITING, vendor_id)
        if await tx.fetchval(sql.HOLD_PRODUCT, product_id) is None:
            raise NotFound
        rows = await tx.fetch(statements.PRODUCTS, [product_id])
        found = stored(rows[0])
        if vendor is not None and vendor["vendor_active"]:
            found = replace(found, active_vendors=found.active_vendors | {vendor_id})
        return found

    async def _note(
        self, tx: Tx, what: str, before: Product, after: Product, vendor_id: UUID | None
    ) -> None:
        """The history's row of this change; `vendor_id`: whose offer it is about."""
        actor, changes = tx.ctx.actor, rules.differences(before, after)
        at = tx.ctx.now()
        await tx.execute(sql.NOTE, after.id, at, actor.type, actor.id, what, changes, vendor_id)

    async def _shown(
        self, ctx: Context, tx: Tx, found: Stored, after: Product, *, main: bool = False
    ) -> None:
        """Writes what lists show of a product whose offers changed, and tells the index.

        `main`: its own vendor's form must see the change, so its version moves.
        """
        card = rules.listing_of(after, found.active_vendors)
        row = await tx.fetchrow(
            sql.RELIST,
            after.id,
            card.price_from.minor,
            card.model_dump_json(exclude=rules.ONLY_IN_EVENTS),
            main,
            ctx.now(),
        )
        assert row is not None, "this transaction holds it"
        if after.status == "active":
            await tx.execute(statements.RESHELVE, [after.id])
            tx.emit(*relisted(found, after, row["listing_version"]))
