"""Products of a file, written through the catalogue's and the inventory's doors, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Category, PutItem, PutOutcome
from haat.domains.goods.imports.formats.products import Imported
from haat.domains.goods.imports.formats.refusals import Noted, Refused
from haat.domains.goods.inventory.api import Inventory, PutCount
from haat.kernel.context import Context
from haat.kernel.ids import derive

COUNTS_AT_ONCE = 5_000
PATHS_KEPT = 10_000  # a file says the same few again and again

# A path in a problem → the field it came from; the first that the path begins with.
_FIELDS = (("title", "title"), ("descriptionHtml", "description"), ("pictures", "images"))
_VARIANT_FIELDS = {"price": "price", "compareAt": "compare_at", "barcode": "barcode", "sku": "sku"}

_COUNT_REFUSED = {
    "stock_reserved": "More than that is reserved by orders; the count cannot fall below it.",
    "warehouse_required": "It lies in several warehouses: count it there.",
    "not_found": "Its stock cannot be found.",
}

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
        self._found: dict[tuple[str, ...], UUID | None] = {}
        for category in tree:
            for name in {category.name.casefold(), category.slug}:
                self._by_name.setdefault(name, []).append(category.id)

    def find(self, path: Sequence[str]) -> UUID | None:
        """The category with the last of these names that agrees best with those above it; of a
        path whose end nobody knows, the deepest that is known."""
        asked = tuple(path)
        if asked not in self._found:
            if len(self._found) >= PATHS_KEPT:
                self._found.clear()
            self._found[asked] = self._look(asked)
        return self._found[asked]

    def _look(self, path: Sequence[str]) -> UUID | None:
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


class Writing:
    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog, self._inventory = catalog, inventory

    async def write(
        self, ctx: Context, batch: Batch, products: Sequence[Imported]
    ) -> list[Outcome]:
        """Of each product what became of it. A product is known by any of its SKUs, else by its
        handle; the same file again changes nothing."""
        items = [_item(batch, one) for one in products]
        put = await self._catalog.put(
            ctx, vendor_id=batch.vendor_id, items=items, dry_run=batch.dry_run
        )
        told = await self._counted(ctx, batch, products, put)
        return [
            _outcome(batch, product, item, one, told)
            for product, item, one in zip(products, items, put, strict=True)
        ]

    async def _counted(
        self, ctx: Context, batch: Batch, products: Sequence[Imported], put: Sequence[PutOutcome]
    ) -> dict[UUID, str]:
        """Sets what is on hand, once: what is sold afterwards stays sold if the run goes on."""
        counts = [
            PutCount(
                id=derive(one.offers[sku], f"import:{batch.run_id}"),
                offer_id=one.offers[sku],
                product_id=one.id,
                sku=sku,
                on_hand=count,
            )
            for product, one in zip(products, put, strict=True)
            for sku, count in product.stock.items()
            if sku in one.offers
        ]
        if batch.dry_run:
            return await self._would_count(ctx, counts)
        told: dict[UUID, str] = {}
        for start in range(0, len(counts), COUNTS_AT_ONCE):
            told |= await self._inventory.put_on_hand(
                ctx, vendor_id=batch.vendor_id, counts=counts[start : start + COUNTS_AT_ONCE]
            )
        return told

    async def _would_count(self, ctx: Context, counts: Sequence[PutCount]) -> dict[UUID, str]:
        wanted = {one.offer_id: one.on_hand for one in counts}
        if not wanted:
            return {}
        present = await self._inventory.stock_of(ctx, offers=list(wanted))
        return {one.offer_id: "changed" for one in present if one.on_hand != wanted[one.offer_id]}


def _item(batch: Batch, product: Imported) -> PutItem:
    draft = product.draft.model_copy(update={"category_id": batch.shelf.find(product.category)})
    return PutItem(
        id=derive(batch.vendor_id, f"import:{product.key}"),
        draft=draft,
        status=product.status,
        by_sku=True,
        keeps=True,
    )


def _outcome(
    batch: Batch, product: Imported, item: PutItem, put: PutOutcome, told: dict[UUID, str]
) -> Outcome:
    if put.what == "refused":
        return _refused(product, _line(product, put.path), _field(put), put.message)
    noted = []
    if product.category and item.draft.category_id is None:
        reason = f"There is no category {product.category[-1][:80]!r} here; the product has none."
        noted.append(Noted(line=product.line, column="category", reason=reason, key=product.key))
    counted = {sku: told[id] for sku, id in put.offers.items() if id in told}
    for sku, verdict in counted.items():
        if verdict != "changed":
            reason = _COUNT_REFUSED.get(verdict, "This count cannot be set.")
            return _refused(product, product.lines.get(sku, product.line), "stock", reason)
    # One that an earlier try of this run created is created, however often it was sent.
    if put.created_at is not None and put.created_at >= batch.started_at:
        return Outcome("created", noted=noted)
    if put.what == "created":
        return Outcome("created", noted=noted)
    changed = put.what == "changed" or "changed" in counted.values()
    return Outcome("updated" if changed else "unchanged", noted=noted)


def _refused(item: Imported, line: int, column: str, reason: str) -> Outcome:
    return Outcome("refused", [Refused(line=line, column=column, reason=reason, key=item.key)])


def _line(product: Imported, path: str) -> int:
    """Of the variant that the path names, else of the product."""
    first, _, rest = path.partition(".")
    place = rest.partition(".")[0]
    if first == "variants" and place.isdecimal() and int(place) < len(product.draft.variants):
        sku = product.draft.variants[int(place)].sku
        return product.lines.get(sku, product.line)
    return product.line


def _field(put: PutOutcome) -> str:
    if put.code in ("sku_taken", "sku_twice"):
        return "sku"
    last = put.path.rpartition(".")[2]
    return next(
        (name for start, name in _FIELDS if put.path.startswith(start)),
        _VARIANT_FIELDS.get(last, "handle"),
    )
