"""Products of a file, written through the catalogue's and the inventory's doors."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Category, Offer, Product, ProductDraft
from haat.domains.goods.imports.formats.products import PICTURES_MAX, Imported
from haat.domains.goods.imports.formats.refusals import Noted, Refused
from haat.domains.goods.inventory.api import Inventory
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem
from haat.kernel.ids import derive

AT_ONCE = 8

# A path in a problem → the field it came from; the first that the path begins with.
_FIELDS = (("title", "title"), ("descriptionHtml", "description"), ("pictures", "images"))
_VARIANT_FIELDS = {"price": "price", "compareAt": "compare_at", "barcode": "barcode", "sku": "sku"}

What = Literal["created", "updated", "unchanged", "refused"]


@dataclass(slots=True)
class Outcome:
    what: What
    refused: list[Refused] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)


class Shelf:
    """Where a category of a file belongs in the market's tree."""

    def __init__(self, tree: Sequence[Category]) -> None:
        self._known = {category.id: category for category in tree}
        self._by_name: dict[str, list[UUID]] = {}
        for category in tree:
            for name in {category.name.casefold(), category.slug}:
                self._by_name.setdefault(name, []).append(category.id)

    def find(self, path: Sequence[str]) -> UUID | None:
        """The category with the last of these names that agrees best with those above it; of a
        path whose end nobody knows, the deepest that is known."""
        names = [name.casefold() for name in path]
        for end in range(len(names), 0, -1):
            there = self._by_name.get(names[end - 1], [])
            if there:
                above = set(names[: end - 1])
                return max(there, key=lambda id: len(above & {*self._above(id)}))
        return None

    def _above(self, id: UUID) -> list[str]:
        return [name.casefold() for name in self.path(id)[:-1]]

    def path(self, id: UUID | None) -> list[str]:
        """Names from the top, as `find` takes them."""
        found: list[str] = []
        while id is not None and id in self._known:
            found.insert(0, self._known[id].name)
            id = self._known[id].parent_id
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """What products of one file have in common while they are written."""

    run_id: UUID
    vendor_id: UUID
    started_at: datetime
    dry_run: bool
    shelf: Shelf
    owners: Mapping[str, UUID] = field(default_factory=dict)  # SKU → product


class Writing:
    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog, self._inventory = catalog, inventory

    async def write(
        self, ctx: Context, batch: Batch, products: Sequence[Imported]
    ) -> list[Outcome]:
        """Of each product what became of it. A product is known by any of its SKUs, else by its
        handle; the same file again changes nothing."""
        batch = replace(batch, owners=await self._owners(ctx, batch.vendor_id, products))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(item: Imported) -> Outcome:
            async with gate:
                return await self._one(ctx, batch, item)

        return list(await asyncio.gather(*(one(item) for item in products)))

    async def _owners(
        self, ctx: Context, vendor_id: UUID, products: Sequence[Imported]
    ) -> dict[str, UUID]:
        """SKU → the product of this vendor that has it."""
        skus = sorted({sku for item in products for sku in item.lines})
        offers = await self._catalog.offers_by_sku(ctx, vendor_id=vendor_id, skus=skus)
        lines = await self._catalog.offers(ctx, ids=list(offers.values())) if offers else []
        products_of = {line.offer_id: line.product_id for line in lines}
        return {sku: products_of[id] for sku, id in offers.items() if id in products_of}

    async def _one(self, ctx: Context, batch: Batch, item: Imported) -> Outcome:
        noted = []
        category_id = batch.shelf.find(item.category)
        if item.category and category_id is None:
            reason = f"There is no category {item.category[-1][:80]!r} here; the product has none."
            noted.append(Noted(line=item.line, column="category", reason=reason, key=item.key))
        owners = {batch.owners[sku] for sku in item.lines if sku in batch.owners}
        if len(owners) > 1:
            sku = next(sku for sku in item.lines if sku in batch.owners)
            reason = "The SKUs of this product belong to several products here."
            return _refused(item, item.lines[sku], "sku", reason)
        id = owners.pop() if owners else derive(batch.vendor_id, f"import:{item.key}")
        draft = item.draft.model_copy(update={"category_id": category_id})
        item = item.model_copy(update={"draft": draft})
        try:
            what = await self._written(ctx, batch, id, item)
        except Problem as problem:
            if problem.status >= 500:
                raise
            return _refused(item, item.line, _field(problem), problem.detail)
        return Outcome(what, noted=noted)

    async def _written(self, ctx: Context, batch: Batch, id: UUID, item: Imported) -> What:
        try:
            before: Product | None = await self._catalog.product(ctx, ref=str(id))
        except NotFound:
            before = None
        if batch.dry_run:
            return "updated" if before is not None else "created"
        if before is None:
            product = await self._catalog.create(
                ctx, id=id, vendor_id=batch.vendor_id, draft=item.draft
            )
        else:
            if before.status == "archived" and item.status != "archived":
                before = await self._catalog.restore(ctx, id=id)
            product = await self._catalog.change(ctx, id=id, draft=_kept(item, before))
        product = await self._moved(ctx, product, item)
        counted = await self._counted(ctx, batch, product, item)
        if before is None or before.created_at >= batch.started_at:
            return "created"
        return "updated" if counted or product.version != before.version else "unchanged"

    async def _moved(self, ctx: Context, product: Product, item: Imported) -> Product:
        """Towards the state it has in the file, also when an earlier try ended on the way. To be
        on sale it is submitted: staff, or a rule of theirs, approve it."""
        if item.status == "archived" and product.status != "archived":
            return await self._catalog.archive(ctx, id=product.id)
        if item.status == "active" and product.status == "draft":
            return await self._catalog.submit(ctx, id=product.id)
        return product

    async def _counted(self, ctx: Context, batch: Batch, product: Product, item: Imported) -> bool:
        """Sets what is on hand, once: what is sold afterwards stays sold if the run goes on."""
        offers = {offer.sku: offer.id for offer in _own(product)}
        wanted = {offers[sku]: count for sku, count in item.stock.items() if sku in offers}
        if not wanted:
            return False
        rows = await self._inventory.stock_of(ctx, offers=list(wanted))
        present = {stock.offer_id: stock.on_hand for stock in rows}
        changed = False
        for offer_id, count in wanted.items():
            if present.get(offer_id, 0) == count:
                continue
            await self._inventory.set_on_hand(
                ctx,
                id=derive(offer_id, f"import:{batch.run_id}"),
                offer_id=offer_id,
                on_hand=count,
                reason="import",
            )
            changed = True
        return changed


def _kept(item: Imported, before: Product) -> ProductDraft:
    """The draft with what the file says nothing of, as it was: how its page is found, its
    specifications, pictures kept here, the goods' condition."""
    draft = item.draft
    pictures = draft.pictures
    if not pictures or any(picture.media_id for picture in before.pictures):
        ours = [one for one in before.pictures if one.media_id or not pictures]
        pictures = [*ours, *pictures][:PICTURES_MAX]
    offers = {offer.sku: offer for offer in _own(before)}
    variants = [
        variant.model_copy(
            update={
                "condition": offers[variant.sku].condition,
                "handling_days": offers[variant.sku].handling_days,
            }
        )
        if variant.sku in offers
        else variant
        for variant in draft.variants
    ]
    return draft.model_copy(
        update={
            "pictures": pictures,
            "variants": variants,
            "seo": before.seo,
            "specs": before.specs,
        }
    )


def _own(product: Product) -> list[Offer]:
    """The offers of the product's own vendor: others may sell it too."""
    offers = (offer for variant in product.variants for offer in variant.offers)
    return [offer for offer in offers if offer.vendor_id == product.vendor_id]


def _refused(item: Imported, line: int, column: str, reason: str) -> Outcome:
    return Outcome("refused", [Refused(line=line, column=column, reason=reason, key=item.key)])


def _field(problem: Problem) -> str:
    path = problem.fields[0].path if problem.fields else ""
    if problem.code in ("sku_taken", "sku_twice"):
        return "sku"
    if problem.code.startswith("stock") or problem.code.startswith("warehouse"):
        return "stock"
    last = path.rpartition(".")[2]
    return next(
        (name for start, name in _FIELDS if path.startswith(start)),
        _VARIANT_FIELDS.get(last, "handle"),
    )
