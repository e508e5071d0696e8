"""Importing goods from other shops' exports: an operator's command, through the contracts."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Product, SkuTaken, VendorNotActive
from haat.domains.goods.catalog.module import Found, Refused, read_shopify
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem
from haat.kernel.ids import derive
from haat.kernel.model import Model

CHUNK = 1 << 16
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

# A path in a problem → the column it came from; the first that the path begins with.
_COLUMNS = (("title", "Title"), ("descriptionHtml", "Body (HTML)"), ("variants", "Variant Price"))


class ImportReport(Model):
    """How many products there were, and every part of the file that was left out."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refused] = []


async def import_shopify(
    doors: Mapping[Any, Any], ctx: Context, file: Path, vendor: str
) -> ImportReport:
    """Imports a Shopify product export for the vendor with this slug.

    Products that are active there are submitted and approved, drafts stay drafts. Ids follow from
    vendor and handle: the same file again changes nothing. `doors` are proxies by contract; `ctx`
    must be the system's. NotFound or VendorNotActive when the vendor cannot sell.
    """
    try:
        found = await doors[Vendors].find(ctx, slug=vendor)
    except NotFound:
        raise NotFound(
            f"There is no vendor {vendor!r}; the slug stands in the address of its page."
        ) from None
    if found.status != "active":
        raise VendorNotActive
    currency = (await doors[Market].settings(ctx)).currency
    tree = await doors[Catalog].categories(ctx)
    work = _Import(doors[Catalog], doors[Inventory], ctx, found.id, _digest(file))
    work.categories = {c.name.casefold(): c.id for c in reversed(tree)}
    with _lines(file) as lines:
        for item in read_shopify(lines, currency):
            if isinstance(item, Refused):
                work.refused.append(item)
            else:
                await work.product(item)
    return ImportReport(**work.counts, refused=work.refused)


class _Import:
    def __init__(
        self, catalog: Catalog, inventory: Inventory, ctx: Context, vendor_id: UUID, digest: str
    ) -> None:
        self._catalog, self._inventory, self._ctx = catalog, inventory, ctx
        self._vendor_id, self._digest = vendor_id, digest
        self.categories: dict[str, UUID] = {}
        self.counts = {"created": 0, "updated": 0, "unchanged": 0}
        self.refused: list[Refused] = []

    async def product(self, item: Found) -> None:
        category_id = self.categories.get(item.category.casefold())
        draft = item.draft.model_copy(update={"category_id": category_id})
        try:
            outcome = await self._written(item.model_copy(update={"draft": draft}))
        except Problem as problem:
            if problem.status >= 500:
                raise
            self._refuse(item, item.line, _column(problem), problem.detail)
        else:
            self.counts[outcome] += 1

    async def _written(self, item: Found) -> str:
        """'created', 'updated' or 'unchanged'."""
        id = derive(self._vendor_id, f"shopify:{item.handle}")
        try:
            before: Product | None = await self._catalog.product(self._ctx, ref=str(id))
        except NotFound:
            before = None
        if before is not None and before.status == "archived":
            if item.status != "archived":
                self._refuse(item, item.line, "Status", "The product is archived here.")
            return "unchanged"
        while True:
            try:
                product = await self._put(id, item, before)
                break
            except SkuTaken as problem:
                item = self._without(item, set(problem.data.get("skus", [])))
        product = await self._moved(product, item.status)
        counted = await self._counted(product, item)
        if before is None:
            return "created"
        return "unchanged" if product.version == before.version and not counted else "updated"

    async def _put(self, id: UUID, item: Found, before: Product | None) -> Product:
        if before is not None:
            kept = {"seo": before.seo, "specs": before.specs}
            draft = item.draft.model_copy(update=kept)
            return await self._catalog.change(self._ctx, id=id, draft=draft)
        return await self._catalog.create(
            self._ctx, id=id, vendor_id=self._vendor_id, draft=item.draft
        )

    def _without(self, item: Found, taken: set[str]) -> Found:
        """The product without the variants whose SKUs another product has."""
        left = [v for v in item.draft.variants if v.sku not in taken]
        if not left or len(left) == len(item.draft.variants):
            raise SkuTaken("Other products of this vendor have these SKUs.")
        for sku in taken & item.lines.keys():
            reason = "Another product of this vendor has this SKU."
            self._refuse(item, item.lines[sku], "Variant SKU", reason, "variant")
        draft = item.draft.model_copy(update={"variants": left})
        return item.model_copy(update={"draft": draft})

    async def _moved(self, product: Product, wanted: str) -> Product:
        """To the state it has there, also when an earlier run was interrupted on the way."""
        if wanted == "archived":
            return await self._catalog.archive(self._ctx, id=product.id)
        if wanted == "active" and product.status == "draft":
            product = await self._catalog.submit(self._ctx, id=product.id)
        if wanted == "active" and product.status == "pending":
            product = await self._catalog.decide(self._ctx, id=product.id, decision="approve")
        return product

    async def _counted(self, product: Product, item: Found) -> bool:
        """Sets what is on hand; this file's counts apply once, whatever is sold afterwards."""
        offers = {o.sku: o.id for v in product.variants for o in v.offers if o.main}
        wanted = {offers[v.sku]: v.sku for v in item.draft.variants if v.sku in offers}
        rows = await self._inventory.stock_of(self._ctx, offers=list(wanted))
        before = {s.offer_id: s.on_hand for s in rows}
        changed = False
        for offer_id, sku in wanted.items():
            try:
                stock = await self._inventory.set_on_hand(
                    self._ctx,
                    id=derive(offer_id, f"shopify:{self._digest}"),
                    offer_id=offer_id,
                    on_hand=item.stock[sku],
                    reason="import",
                )
            except Problem as problem:
                if problem.status >= 500:
                    raise
                line = item.lines[sku]
                self._refuse(item, line, "Variant Inventory Qty", problem.detail, "variant")
            else:
                changed = changed or stock.on_hand != before.get(offer_id, 0)
        return changed

    def _refuse(
        self, item: Found, line: int, column: str, reason: str, what: Any = "product"
    ) -> None:
        refused = Refused(line=line, column=column, reason=reason, what=what, handle=item.handle)
        self.refused.append(refused)


def _column(problem: Problem) -> str:
    path = problem.fields[0].path if problem.fields else ""
    if isinstance(problem, SkuTaken):
        return "Variant SKU"
    return next((column for start, column in _COLUMNS if path.startswith(start)), "Handle")


def _digest(file: Path) -> str:
    """Of the whole file, to tell a repeated import from a newer export."""
    digest = hashlib.sha256()
    with file.open("rb") as raw:
        while chunk := raw.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _lines(file: Path) -> Iterator[Iterator[str]]:
    with file.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        encoding = "utf-16" if start in _UTF16 else "utf-8-sig"
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        yield iter(io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline=""))
