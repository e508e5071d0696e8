"""Putting many products at once: read what is around them, plan, write all in one transaction.

Nothing is held while it is planned. What somebody else changed or took meanwhile is left out by
the statements' conditions, and planned anew.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog import barcodes, price_rules, rules, sets, specs
from haat.domains.goods.catalog.api import (
    ApprovalRule,
    Attribute,
    ListingAdded,
    ListingChanged,
    Product,
    ProductDraft,
    PutItem,
    PutOutcome,
    SkuTaken,
)
from haat.domains.goods.catalog.service import offer_statements, put_columns, review_statements
from haat.domains.goods.catalog.service import put_statements as sql
from haat.domains.goods.catalog.service import statements as products
from haat.domains.goods.catalog.service.complying import ComplianceCases
from haat.domains.goods.catalog.service.planning import Around, Plan, claim, planned
from haat.domains.goods.catalog.service.reviewing import RULES_MAX
from haat.domains.goods.catalog.service.scheduling import ScheduleCases
from haat.domains.goods.catalog.service.stored import Stored, stored, templated
from haat.engines.sql import Deadlock, ForeignKeyViolation, Tx, UniqueViolation
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, FieldError, Problem

TRIES = 6
AT_HAND = 20  # so few are planned without a thread


class PutCases(ComplianceCases, ScheduleCases):
    async def put(
        self, ctx: Context, *, vendor_id: UUID, items: list[PutItem], dry_run: bool = False
    ) -> list[PutOutcome]:
        done: dict[int, PutOutcome] = {}
        left, tries = list(range(len(items))), TRIES
        while left and tries:
            wanted = {place: items[place] for place in left}
            plans = await self._plans(ctx, vendor_id, wanted, done)
            written = set(plans) if dry_run else await self._written(ctx, vendor_id, plans)
            done.update({place: _outcome(plans[place]) for place in written})
            before, left = len(left), [place for place in left if place not in done]
            tries -= len(left) == before
        busy = Conflict("Others are changing this product; send it again.", code="busy")
        done.update({place: _refused(items[place].id, busy) for place in left})
        return [done[place] for place in range(len(items))]

    async def _plans(
        self,
        ctx: Context,
        vendor_id: UUID,
        wanted: dict[int, PutItem],
        done: dict[int, PutOutcome],
    ) -> dict[int, Plan]:
        """A plan for each that has something to write, by its place; of a product that is here
        twice the first. What needs none, or is refused, goes into `done`."""
        skus = sorted({v.sku.strip() for one in wanted.values() for v in one.draft.variants})
        rows = await self._db.fetch(sql.SKUS_OWNED, vendor_id, [s for s in skus if "\0" not in s])
        main = {row["sku"]: row["product_id"] for row in rows if row["main"]}
        meant: dict[UUID, tuple[int, PutItem]] = {}
        for place, item in wanted.items():
            owners = {main[s] for v in item.draft.variants if (s := v.sku.strip()) in main}
            if not item.by_sku:
                owners.clear()
            if len(owners) > 1:
                done[place] = _refused(item.id, _split(item, main))
            else:
                meant.setdefault(owners.pop() if owners else item.id, (place, item))
        around = await self._around(ctx, vendor_id, meant)
        around.skus.update({row["sku"]: row["product_id"] for row in rows})
        if len(meant) > AT_HAND:
            return await asyncio.to_thread(_decide, ctx, meant, around, done)
        return _decide(ctx, meant, around, done)

    async def _around(
        self, ctx: Context, vendor_id: UUID, meant: dict[UUID, tuple[int, PutItem]]
    ) -> Around:
        settings = await self._market.settings(ctx)
        shared = settings.offers_policy == "shared"
        present = await self._present(ctx, list(meant))
        drafts = [item.draft for _, item in meant.values()]
        slugs = {rules.slug_of(one.slug or one.title) for one in drafts}
        categories = {one.category_id for one in drafts if one.category_id}
        categories |= {s.product.category_id for s in present.values() if s.product.category_id}
        paths, attributes = await self._paths(categories)
        brands = sorted({key for one in drafts if (key := rules.brand_key(one.brand))})
        listed = await self._db.fetch(offer_statements.LISTS, [], brands) if brands else []
        codes = _codes(drafts) if shared else []
        on_sale: defaultdict[str, set[UUID]] = defaultdict(set)
        for row in await self._db.fetch(sql.BARCODES_ON_SALE, codes) if codes else []:
            on_sale[row["barcode"]].add(row["product_id"])
        wants_sale = any(item.status == "active" for _, item in meant.values())
        return Around(
            vendor_id=vendor_id,
            vendor_active=await self._may_sell(ctx, vendor_id, ask=wants_sale),
            currency=settings.currency,
            pictures_max=settings.pictures_max,
            shared=shared,
            present=present,
            paths=paths,
            attributes=attributes,
            brand_lists={row["subject"]: set(row["vendor_ids"]) for row in listed},
            rules=[
                ApprovalRule(**row)
                for row in await self._db.fetch(review_statements.RULES, RULES_MAX)
            ],
            listing_rules=await self._rules(),
            skus={},
            slugs={
                row["slug"]: row["id"]
                for row in await self._db.fetch(sql.SLUGS_OWNED, sorted(slugs))
            },
            barcodes=on_sale,
            tax_classes={c.code for c in await self.tax_classes(ctx) if c.active},
            lowest=await self._lowest(self._db, _reduced(meant, present), ctx.now()),
        )

    async def _present(self, ctx: Context, ids: list[UUID]) -> dict[UUID, Stored]:
        """Those that are there; planned prices that began or ended take place first."""
        rows = await self._db.fetch(products.PRODUCTS, ids)
        found = {one.product.id: one for one in map(stored, rows)}
        due = [id for id, one in found.items() if price_rules.is_any_due(one.product, ctx.now())]
        for id in due:  # hardly ever one: a timer does it every other second
            await self._settle_one(ctx, id)
        again = await self._db.fetch(products.PRODUCTS, due) if due else []
        return found | {one.product.id: one for one in map(stored, again)}

    async def _paths(
        self, ids: Iterable[UUID]
    ) -> tuple[dict[UUID, list[UUID]], dict[UUID, list[Attribute]]]:
        """Of each of these categories those on the way to it, and what its products fill in."""
        paths: defaultdict[UUID, list[UUID]] = defaultdict(list)
        templates: defaultdict[UUID, list[list[Attribute]]] = defaultdict(list)
        known: dict[UUID, list[Attribute]] = {}
        for row in await self._db.fetch(sql.PATHS, sorted(ids)):
            above = row["above_id"]
            if above not in known:
                known[above] = templated(row["template"])
            paths[row["id"]].append(above)
            templates[row["id"]].append(known[above])
        return dict(paths), {id: specs.inherited(each) for id, each in templates.items()}

    # --- writing ------------------------------------------------------------------------------

    async def _written(self, ctx: Context, vendor_id: UUID, plans: dict[int, Plan]) -> set[int]:
        """The places of what was written; the others met somebody else, and are planned anew."""
        if not plans:
            return set()
        new = sorted((p for p in plans.values() if p.new), key=lambda p: p.after.id)
        changed = sorted((p for p in plans.values() if not p.new), key=lambda p: p.after.id)
        rows: dict[UUID, int] = {}
        try:
            async with self._db.begin(ctx) as tx:
                held = await tx.fetchrow(products.BEFORE_WRITING, vendor_id)
                active = bool(held and held["vendor_active"])
                if any((vendor_id in p.found.active_vendors) != active for p in new):
                    return set()  # it was suspended just now, or came back
                await self._put_brands(tx, plans.values())
                if changed:
                    await tx.fetch(sql.HOLD, [p.after.id for p in changed])
                    await self._put_slugs(tx, changed)
                    rows = await _put(tx, sql.PUT_CHANGED, changed)
                if new:
                    rows |= await _put(tx, sql.PUT_NEW, new)
                written = [p for p in (*changed, *new) if p.after.id in rows]
                self._tell(tx, vendor_id, written, rows)
                shown = [p.after.id for p in written if _is_or_was_active(p)]
                if shown:
                    await tx.execute(products.RESHELVE, shown)
        except (UniqueViolation, ForeignKeyViolation, Deadlock):
            return set()
        await self._kept.products_changed(
            [p.found.product for p in written if not p.new], shelves=bool(shown)
        )
        return {place for place, plan in plans.items() if plan.after.id in rows}

    async def _put_brands(self, tx: Tx, plans: Iterable[Plan]) -> None:
        """A product that names a brand nobody named before makes it."""
        named: dict[UUID, tuple[str, str]] = {}
        for product in (p.after for p in plans):
            id = rules.brand_id(product.brand)
            if id is not None:
                named.setdefault(id, (rules.brand_key(product.brand), product.brand))
        if named:
            keys, names = zip(*named.values(), strict=True)
            await tx.execute(sql.BRANDS_NAMED, list(named), list(keys), list(names))

    async def _put_slugs(self, tx: Tx, changed: Sequence[Plan]) -> None:
        """Old addresses of what is called otherwise now lead to it."""
        for plan in changed:
            was, after = plan.found.product, plan.after
            if was.slug != after.slug:  # a file has no column for it: hardly ever one
                await tx.execute(products.SLUG_BACK, after.slug, after.id)
                await tx.execute(products.SLUG_LEFT, was.slug, after.id)

    def _tell(
        self, tx: Tx, vendor_id: UUID, written: Sequence[Plan], versions: dict[UUID, int]
    ) -> None:
        """What is new is told in sets, but for one listing of a batch: who keeps copies hears by it
        that shelves have changed."""
        first = True
        added: list[ListingAdded] = []
        for plan in written:
            tx.emit(*plan.events)
            if plan.after.vendor_id == synthetic.VENDOR or not (plan.listed or plan.was_listed):
                continue
            id, listing = plan.after.id, plan.listing if plan.listed else None
            if plan.new and not first:
                added.append(put_columns.added(plan, versions[id]))
                continue
            tx.emit(ListingChanged(product_id=id, version=versions[id], listing=listing))
            first = first and not plan.new
        tx.emit(*sets.listings(vendor_id, added))
        offers = [one for plan in written if plan.new for one in put_columns.offers_added(plan)]
        tx.emit(*sets.offers(vendor_id, offers))


async def _put(tx: Tx, statement: str, plans: Sequence[Plan]) -> dict[UUID, int]:
    """Of what was written, its id and how often what lists show of it changed."""
    rows = await tx.fetch(statement, *put_columns.of(tx.ctx, plans))
    return {row["id"]: row["listing_version"] for row in rows}


def _decide(
    ctx: Context,
    meant: dict[UUID, tuple[int, PutItem]],
    around: Around,
    done: dict[int, PutOutcome],
) -> dict[int, Plan]:
    plans: dict[int, Plan] = {}
    for id, (place, item) in meant.items():
        try:
            plan = planned(ctx, item, id, around)
        except Problem as problem:
            if problem.status >= 500:
                raise
            done[place] = _refused(id, problem)
            continue
        if plan is None:
            done[place] = _told("unchanged", around.present[id].product)
        else:
            claim(plan, around)
            plans[place] = plan
    return plans


def _is_or_was_active(plan: Plan) -> bool:
    return "active" in (plan.found.product.status, plan.after.status)


def _reduced(
    meant: Mapping[UUID, tuple[int, PutItem]], present: Mapping[UUID, Stored]
) -> list[UUID]:
    """The offers there are of products that may announce a reduction now."""
    wanted = [
        id
        for id, (_, item) in meant.items()
        if any(v.compare_at and v.price.minor < v.compare_at.minor for v in item.draft.variants)
    ]
    found = [present[id].product for id in wanted if id in present]
    return [o.id for product in found for o in rules.offers_of(product) if o.main]


def _codes(drafts: Iterable[ProductDraft]) -> list[str]:
    """Barcodes as they are kept."""
    codes = {barcodes.plain(v.barcode) for one in drafts for v in one.variants if v.barcode}
    return sorted(code for code in codes if code)


def _split(item: PutItem, owners: Mapping[str, UUID]) -> SkuTaken:
    place, sku = next(
        (n, v.sku) for n, v in enumerate(item.draft.variants) if v.sku.strip() in owners
    )
    message = "The SKUs of this product belong to several products here."
    path = f"variants.{place}.sku"
    field = FieldError(path=path, code="sku_split", message=message)
    return SkuTaken(message, fields=[field], skus=[sku])


def _outcome(plan: Plan) -> PutOutcome:
    return _told("created" if plan.new else "changed", plan.after)


def _told(what: Literal["created", "changed", "unchanged"], product: Product) -> PutOutcome:
    return PutOutcome(
        id=product.id,
        what=what,
        status=product.status,
        version=product.version,
        created_at=product.created_at,
        offers={o.sku: o.id for o in rules.offers_of(product) if o.main},
    )


def _refused(id: UUID, problem: Problem) -> PutOutcome:
    path = problem.fields[0].path if problem.fields else ""
    return PutOutcome(id=id, what="refused", code=problem.code, message=problem.detail, path=path)
