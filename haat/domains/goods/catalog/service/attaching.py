"""Attaching many offers of one vendor to products that are there, with the rules of `attach`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog import price_rules, rules, sets
from haat.domains.goods.catalog.api import (
    AddedOffer,
    AttachItem,
    AttachOutcome,
    Offer,
    Product,
    VendorNotActive,
)
from haat.domains.goods.catalog.service import offer_statements as sql
from haat.domains.goods.catalog.service import put_statements, statements
from haat.domains.goods.catalog.service.offers import OfferCases, attached, lists_of, refuse
from haat.domains.goods.catalog.service.stored import Stored, relisted, stored
from haat.engines.sql import Deadlock, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem


@dataclass(slots=True)
class _Batch:
    """What is to be written of it. `found` and `after`: of each product it touches."""

    found: dict[UUID, Stored]
    after: dict[UUID, Product]
    offers: list[tuple[UUID, Offer]] = field(default_factory=list)
    noted: list[tuple[UUID, str]] = field(default_factory=list)
    told: dict[UUID, AttachOutcome] = field(default_factory=dict)


class AttachCases(OfferCases):
    async def attach_many(
        self, ctx: Context, *, vendor_id: UUID, items: list[AttachItem]
    ) -> list[AttachOutcome]:
        settings = await self._market.settings(ctx)
        await self._need_active_vendor(ctx, vendor_id)
        wanted = {one.id: one for one in items}
        try:
            async with self._db.begin(ctx) as tx:
                batch = await self._batched(tx, vendor_id, list(wanted.values()))
                lists = await lists_of(tx, [one.product for one in batch.found.values()])
                for item in wanted.values():
                    try:
                        product = _known(batch, item.product_id)
                        prices = [("price", item.draft.price), ("compareAt", item.draft.compare_at)]
                        rules.check_offer(item.draft.sku, prices, settings.currency)
                        _decide(batch, vendor_id, item, product, settings.offers_policy, lists)
                    except Problem as problem:
                        if problem.status >= 500:
                            raise
                        batch.told[item.id] = _refused(item.id, problem)
                await self._write(ctx, tx, vendor_id, batch)
        except (UniqueViolation, Deadlock):
            # An id or SKU that is taken: who is refused shows when each goes for itself.
            return [await self._singly(ctx, vendor_id, one) for one in items]
        products = [batch.found[id].product for id, _ in batch.offers]
        await self._kept.products_changed(products, shelves=bool(products))
        return [batch.told[one.id] for one in items]

    async def _singly(self, ctx: Context, vendor_id: UUID, item: AttachItem) -> AttachOutcome:
        try:
            await self.attach(
                ctx,
                id=item.id,
                product_id=item.product_id,
                vendor_id=vendor_id,
                draft=item.draft,
            )
        except Problem as problem:
            if problem.status >= 500:
                raise
            return _refused(item.id, problem)
        return AttachOutcome(id=item.id, what="attached")

    async def _batched(self, tx: Tx, vendor_id: UUID, items: Sequence[AttachItem]) -> _Batch:
        """The products, held in the order of all who take several; the vendor first."""
        vendor = await tx.fetchrow(statements.BEFORE_WRITING, vendor_id)
        if vendor is None or not vendor["vendor_active"]:
            raise VendorNotActive
        ids = sorted({one.product_id for one in items})
        await tx.fetch(put_statements.HOLD, ids)
        read = map(stored, await tx.fetch(statements.PRODUCTS, ids))
        found = {
            one.product.id: replace(one, active_vendors=one.active_vendors | {vendor_id})
            for one in read
        }
        return _Batch(found, {id: one.product for id, one in found.items()})

    async def _write(self, ctx: Context, tx: Tx, vendor_id: UUID, batch: _Batch) -> None:
        if not batch.offers:
            return
        rows = [_row(product_id, offer) for product_id, offer in batch.offers]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await tx.execute(sql.ADD_OFFERS, vendor_id, ctx.now(), *columns)
        actor = ctx.actor
        ids, changes = (list(column) for column in zip(*batch.noted, strict=True))
        await tx.execute(
            sql.NOTES, ids, ctx.now(), actor.type, actor.id, "attach", changes, vendor_id
        )
        touched = list(dict.fromkeys(id for id, _ in batch.offers))
        cards = [
            rules.listing_of(batch.after[id], batch.found[id].active_vendors) for id in touched
        ]
        shown = await tx.fetch(
            sql.RELIST_MANY,
            touched,
            [card.price_from.minor for card in cards],
            [card.model_dump_json(exclude=rules.ONLY_IN_EVENTS) for card in cards],
            ctx.now(),
        )
        versions = {row["id"]: row["listing_version"] for row in shown}
        active = [id for id in touched if batch.after[id].status == "active"]
        await tx.execute(statements.RESHELVE, active)
        for id in active:
            tx.emit(*relisted(batch.found[id], batch.after[id], versions[id]))
        added = [
            AddedOffer(
                product_id=id,
                offer_id=offer.id,
                sku=offer.sku,
                counted=batch.after[id].kind == "physical",
            )
            for id, offer in batch.offers
        ]
        tx.emit(*sets.offers(vendor_id, added))


def _known(batch: _Batch, product_id: UUID) -> Product:
    if product_id not in batch.after:
        raise NotFound
    return batch.after[product_id]


def _decide(
    batch: _Batch, vendor_id: UUID, item: AttachItem, product: Product, policy: Any, lists: Any
) -> None:
    known = next((o for o in rules.offers_of(product) if o.id == item.id), None)
    if known is not None:
        if known.vendor_id != vendor_id:
            raise NotFound
        batch.told[item.id] = AttachOutcome(id=item.id, what="unchanged")
        return
    inside = {product.vendor_id, *(o.vendor_id for o in rules.offers_of(product))}
    if product.status != "active" and vendor_id not in inside:
        raise NotFound  # it is not theirs to know of
    refuse(rules.refusal(policy, product, vendor_id, lists), product)
    offer = attached(item.id, vendor_id, product, item.draft)
    if price_rules.is_reduced(offer):
        offer = offer.model_copy(update={"lowest_before": offer.price})  # it never had another
    after = rules.with_offer(product, offer)
    batch.after[product.id] = after
    batch.offers.append((product.id, offer))
    batch.noted.append((product.id, _changes(product, after, offer.variant_id)))
    batch.told[item.id] = AttachOutcome(id=item.id, what="attached")


def _changes(before: Product, after: Product, variant_id: UUID) -> str:
    """As `rules.differences` tells of one variant, without looking at all the rest."""
    was, now = (
        next(v for v in product.variants if v.id == variant_id).model_dump(mode="json")
        for product in (before, after)
    )
    return json.dumps({"variants": [[was], [now]]})


def _row(product_id: UUID, offer: Offer) -> tuple[Any, ...]:
    return (
        offer.id,
        offer.variant_id,
        product_id,
        offer.sku,
        offer.price.minor,
        offer.compare_at.minor if offer.compare_at else None,
        offer.price.currency,
        offer.condition,
        offer.handling_days,
        offer.lowest_before.minor if offer.lowest_before else None,
    )


def _refused(id: UUID, problem: Problem) -> AttachOutcome:
    return AttachOutcome(id=id, what="refused", code=problem.code, message=problem.detail)
