"""Use cases of products that are there twice, and of what became of a product."""

from uuid import UUID

from haat.domains.goods.catalog import merging
from haat.domains.goods.catalog.api import (
    Change,
    Duplicate,
    Listing,
    ListingChanged,
    OfferMoved,
    Product,
    ProductMerged,
    WrongProductState,
)
from haat.domains.goods.catalog.refusing import KindsDiffer
from haat.domains.goods.catalog.service import merge_statements as sql
from haat.domains.goods.catalog.service import statements, steps
from haat.domains.goods.catalog.service.held import HeldCases
from haat.domains.goods.catalog.service.reviewing import need_scope
from haat.domains.goods.catalog.service.stored import Stored, stored, turned, uuid_or_none
from haat.engines.sql import Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

SEQ_MAX = (1 << 63) - 1


class MergeCases(HeldCases):
    async def moved(self, ctx: Context, *, ref: str) -> str:
        slug: str | None = await self._db.fetchval(
            statements.MOVED, uuid_or_none(ref), ref.replace("\0", "")
        )
        if slug is None:
            raise NotFound
        return slug

    async def history(
        self, ctx: Context, *, product_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Change]:
        product = (await self._known(product_id)).product
        whose = None
        if ctx.caller is None and not ctx.has("staff:products"):
            ctx.need_vendor(product.vendor_id)
            need_scope(ctx)
            whose = product.vendor_id
        found = decode_cursor(cursor, _seq)
        before = found[0] if found else SEQ_MAX
        rows = await self._db.fetch(statements.HISTORY, product_id, before, whose, limit + 1)
        shown = rows[:limit]
        return Page[Change](
            items=[
                Change(
                    at=row["at"],
                    actor_type=row["actor_type"],
                    actor_id=row["actor_id"],
                    what=row["what"],
                    changes=row["changes"],
                )
                for row in shown
            ],
            next=encode_cursor(shown[-1]["seq"]) if len(rows) > limit else None,
        )

    async def duplicates(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Duplicate]:
        found = decode_cursor(cursor, _text)
        rows = await self._db.fetch(sql.DUPLICATES, found[0] if found else "", limit + 1)
        shown = rows[:limit]
        return Page[Duplicate](
            items=[
                Duplicate(
                    barcode=row["barcode"],
                    products=[Listing.model_validate_json(card) for card in row["cards"]],
                )
                for row in shown
            ],
            next=encode_cursor(shown[-1]["barcode"]) if len(rows) > limit else None,
        )

    async def merge(self, ctx: Context, *, kept_id: UUID, gone_id: UUID) -> Product:
        if kept_id == gone_id:
            raise Invalid.at("goneId", "These are the same product.", "same_product")
        async with self._db.begin(ctx) as tx:
            kept, gone = await self._both(tx, kept_id, gone_id)
            if gone.product.merged_into == kept_id:
                return kept.product
            if gone.product.kind != kept.product.kind:
                raise KindsDiffer
            if gone.product.merged_into is not None or kept.product.status != "active":
                status = kept.product.status
                raise WrongProductState("Both must be there, the kept one on sale.", state=status)
            done = merging.merged(kept.product, gone.product)
            await self._carry(tx, done, gone_id)
            await self._end(ctx, tx, gone, kept.product)
            both = Stored(
                kept.product, kept.active_vendors | gone.active_vendors, kept.listing_version
            )
            await self._note(tx, "merge", kept.product, done.kept, None)
            await self._shown(ctx, tx, both, done.kept, main=True)
            tx.emit(
                ProductMerged(
                    product_id=kept_id,
                    gone_id=gone_id,
                    gone_vendor_id=gone.product.vendor_id,
                ),
                *(steps.added(gone.product, offer.id) for offer in done.offers),
                *(
                    OfferMoved(
                        offer_id=offer.id,
                        vendor_id=offer.vendor_id,
                        variant_id=offer.variant_id,
                        product_id=kept_id,
                        was_product_id=gone_id,
                    )
                    for offer in done.offers
                ),
                *turned(gone.product, done.kept, by="staff"),
            )
        await self._kept.product_changed(kept.product)
        await self._kept.product_changed(gone.product)
        return (await self._known(kept_id)).product

    async def _both(self, tx: Tx, kept_id: UUID, gone_id: UUID) -> tuple[Stored, Stored]:
        """Both products, held; NotFound."""
        await tx.fetchrow(statements.BEFORE_WRITING, synthetic.VENDOR)
        ids = [kept_id, gone_id]
        if len(await tx.fetch(sql.HOLD_BOTH, ids)) < 2:
            raise NotFound
        kept, gone = [stored(row) for row in await tx.fetch(statements.PRODUCTS, ids)]
        return kept, gone

    async def _carry(self, tx: Tx, done: merging.Merger, gone_id: UUID) -> None:
        offers, kept = done.offers, done.kept
        ids = [variant.id for variant in done.variants]
        await tx.execute(sql.MOVE_VARIANTS, ids, kept.id, len(kept.variants), gone_id)
        await tx.execute(
            sql.MOVE_OFFERS,
            [offer.id for offer in offers],
            kept.id,
            [offer.variant_id for offer in offers],
            [offer.status for offer in offers],
            [offer.main for offer in offers],
        )

    async def _end(self, ctx: Context, tx: Tx, gone: Stored, kept: Product) -> None:
        """The product is no more; every address it ever had leads to the other."""
        before = gone.product
        version = await tx.fetchval(sql.END, before.id, kept.id, ctx.now())
        await tx.execute(sql.LEAD, before.id, kept.id, before.slug)
        after = before.model_copy(update={"status": "archived", "merged_into": kept.id})
        await self._note(tx, "merge", before, after, None)
        await tx.execute(statements.RESHELVE, [before.id])
        tx.emit(ListingChanged(product_id=before.id, version=version, listing=None))


def _seq(value: object) -> int:
    if type(value) is not int or not 0 <= value <= SEQ_MAX:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value
