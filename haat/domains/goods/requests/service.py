"""Requests' use cases."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from haat.domains.goods.catalog.api import (
    Catalog,
    OfferDraft,
    Product,
    ProductDraft,
    ProductExists,
    normalised_barcode,
)
from haat.domains.goods.requests import rules
from haat.domains.goods.requests import statements as sql
from haat.domains.goods.requests.api import (
    Mended,
    ProductRequest,
    ProductRequested,
    RequestApproved,
    RequestDecided,
    RequestExists,
    RequestRefused,
    Requests,
    RequestsClosed,
    RequestsFull,
    RequestState,
    Wanted,
)
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Claim, Media
from haat.engines.sql import Database, Record, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem
from haat.kernel.events import Event
from haat.kernel.ids import derive
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

OPEN_MAX = 200
TWINS_MAX = 5
UNDECIDED: tuple[RequestState, ...] = ("open", "approving")


class RequestsService(Requests):
    """Fulfils the contract. A request being approved is first claimed, then given to the catalogue
    under ids that follow from its own, then closed: so it may stop anywhere and be pressed again.
    """

    def __init__(self, db: Database, market: Market, media: Media, catalog: Catalog) -> None:
        self._db = db
        self._market = market
        self._media = media
        self._catalog = catalog

    async def ask(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, wanted: Wanted
    ) -> ProductRequest:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        settings = await self._market.settings(ctx)
        if settings.offers_policy == "own":
            raise RequestsClosed
        wanted = rules.checked(wanted, settings.currency)
        barcode = normalised_barcode(wanted.barcode) if wanted.barcode else None
        if wanted.category_id is not None:
            await self._need_category(ctx, wanted.category_id)
        event = ProductRequested(request_id=id, vendor_id=vendor_id, title=wanted.title)
        given = (wanted.title, barcode, wanted.brand.strip(), wanted.category_id, wanted.text)
        rest = (wanted.link, wanted.picture_id, wanted.sku)
        price = (wanted.price.minor, wanted.price.currency)
        try:
            added = await self._db.step(
                ctx,
                sql.ADD,
                id,
                vendor_id,
                *given,
                *rest,
                *price,
                ctx.now(),
                OPEN_MAX,
                emit=[event],
            )
        except UniqueViolation as error:
            if error.constraint_name != "ix_requests_barcode":
                raise
            added = []
        known = await self._db.fetchrow(sql.READ, id)
        if known is not None and known["vendor_id"] == vendor_id:
            await self._keep_picture(ctx, known)
            return _request(known)
        if known is not None:
            raise NotFound
        raise RequestExists if not added and await self._has(vendor_id, barcode) else RequestsFull

    async def withdraw(self, ctx: Context, *, id: UUID) -> ProductRequest:
        found = await self._mine(ctx, id)
        moved = await self._move(ctx, id, ("open",), "withdrawn")
        return moved or await self._decided(found.id, "withdrawn")

    async def own(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[ProductRequest]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        after = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(sql.OWN, vendor_id, *after, limit + 1)
        return page_of([_request(row) for row in rows], limit, "created_at", "id")

    async def request(self, ctx: Context, *, id: UUID) -> ProductRequest:
        if not (ctx.caller is not None or ctx.has("staff:products")):
            found = await self._mine(ctx, id)
            if not ctx.has("vendor:products:view"):
                raise Forbidden
            return found
        found = await self._known(id)
        if found.state not in UNDECIDED:
            return found
        matches = await self._catalog.matches(
            ctx, vendor_id=found.vendor_id, words=found.barcode or found.title, limit=TWINS_MAX
        )
        if not matches and found.barcode:
            matches = await self._catalog.matches(
                ctx, vendor_id=found.vendor_id, words=found.title, limit=TWINS_MAX
            )
        return found.model_copy(update={"twins": [one.listing for one in matches]})

    async def queue(
        self,
        ctx: Context,
        *,
        state: RequestState = "open",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ProductRequest]:
        after = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        states = list(UNDECIDED) if state == "open" else [state]
        rows = await self._db.fetch(sql.QUEUE, states, *after, limit + 1)
        return page_of([_request(row) for row in rows], limit, "created_at", "id")

    async def approve(
        self,
        ctx: Context,
        *,
        id: UUID,
        mended: Mended | None = None,
        product_id: UUID | None = None,
        variant_id: UUID | None = None,
    ) -> ProductRequest:
        found = await self._known(id)
        if not await self._move(ctx, id, UNDECIDED, "approving"):
            return await self._decided(id, "approved")
        try:
            if product_id is None:
                product_id = (await self._made(ctx, found, mended or Mended())).id
                attached = False
            else:
                await self._attach(ctx, found, product_id, variant_id)
                attached = True
        except Problem:
            await self._move(ctx, id, ("approving",), "open")
            raise
        event = RequestApproved(
            request_id=id,
            vendor_id=found.vendor_id,
            title=found.title,
            product_id=product_id,
            attached=attached,
        )
        moved = await self._move(
            ctx, id, ("approving",), "approved", product_id=product_id, emit=[event]
        )
        return moved or await self._decided(id, "approved")

    async def refuse(self, ctx: Context, *, id: UUID, reason: str) -> ProductRequest:
        reason = " ".join(reason.split())
        if not reason or "\0" in reason:
            raise Invalid.at("reason", "Say why, so that the vendor understands.", "missing")
        found = await self._known(id)
        event = RequestRefused(
            request_id=id, vendor_id=found.vendor_id, title=found.title, reason=reason
        )
        moved = await self._move(ctx, id, ("open",), "refused", reason=reason, emit=[event])
        return moved or await self._decided(id, "refused")

    # --- what the catalogue does with it ------------------------------------------------------

    async def _made(self, ctx: Context, request: ProductRequest, mended: Mended) -> Product:
        """The product, on sale: each call is harmless when it is repeated."""
        id = derive(request.id, "product")
        draft = rules.draft_of(request, mended)
        await self._need_missing(ctx, request, draft)
        made = await self._catalog.create(ctx, id=id, vendor_id=request.vendor_id, draft=draft)
        if made.status == "active":
            return made
        if made.status in ("draft", "changes_requested", "rejected"):
            # One that was made at an earlier try, and refused for something that is mended now.
            await self._catalog.change(ctx, id=id, draft=draft)
            made = await self._catalog.submit(ctx, id=id)
        if made.status == "active":
            return made
        return await self._catalog.decide(ctx, id=id, decision="approve")

    async def _need_missing(
        self, ctx: Context, request: ProductRequest, draft: ProductDraft
    ) -> None:
        """ProductExists where products are shared and one has that barcode, before one is made."""
        barcode = draft.variants[0].barcode
        if not barcode or (await self._market.settings(ctx)).offers_policy != "shared":
            return
        code = normalised_barcode(barcode)
        found = await self._catalog.matches(ctx, vendor_id=request.vendor_id, words=code, limit=5)
        same = [one for one in found if any(v.barcode == code for v in one.variants)]
        if same and same[0].listing.id != derive(request.id, "product"):
            raise ProductExists(productId=str(same[0].listing.id))

    async def _let_go(self, ctx: Context, request: ProductRequest) -> None:
        """What an earlier try made and could not put on sale: it gives its SKU back."""
        id = derive(request.id, "product")
        try:
            made = await self._catalog.product(ctx, ref=str(id))
        except NotFound:
            return
        if made.status == "archived":
            return
        draft = rules.draft_of(request, Mended(barcode=""))
        draft = draft.model_copy(
            update={
                "variants": [
                    one.model_copy(update={"id": variant.id, "sku": _freed(one.sku, request.id)})
                    for one, variant in zip(draft.variants, made.variants, strict=False)
                ]
            }
        )
        await self._catalog.change(ctx, id=id, draft=draft)
        await self._catalog.archive(ctx, id=id)

    async def _attach(
        self, ctx: Context, request: ProductRequest, product_id: UUID, variant_id: UUID | None
    ) -> None:
        await self._let_go(ctx, request)
        await self._catalog.attach(
            ctx,
            id=derive(request.id, "offer"),
            product_id=product_id,
            vendor_id=request.vendor_id,
            draft=OfferDraft(variant_id=variant_id, sku=request.sku, price=request.price),
        )

    # --- rows ---------------------------------------------------------------------------------

    async def _known(self, id: UUID) -> ProductRequest:
        row = await self._db.fetchrow(sql.READ, id)
        if row is None:
            raise NotFound
        return _request(row)

    async def _mine(self, ctx: Context, id: UUID) -> ProductRequest:
        found = await self._known(id)
        if ctx.caller is None:
            ctx.need_vendor(found.vendor_id)
        return found

    async def _has(self, vendor_id: UUID, barcode: str | None) -> bool:
        if barcode is None:
            return False
        rows = await self._db.fetch(sql.OWN, vendor_id, None, None, OPEN_MAX)
        return any(r["barcode"] == barcode and r["state"] in UNDECIDED for r in rows)

    async def _keep_picture(self, ctx: Context, row: Record) -> None:
        """Files nobody shows are removed after some days; until then this may be said again."""
        if row["picture_id"] is not None:
            claim = Claim(by=f"request:{row['id']}", version=1, ids=[row["picture_id"]])
            await self._media.claim(ctx.as_system(), claims=[claim])

    async def _need_category(self, ctx: Context, id: UUID) -> None:
        try:
            await self._catalog.category(ctx, ref=str(id))
        except NotFound:
            message = "There is no such category."
            raise Invalid.at("categoryId", message, "category_unknown") from None

    async def _move(
        self,
        ctx: Context,
        id: UUID,
        sources: Sequence[RequestState],
        target: RequestState,
        *,
        reason: str | None = None,
        product_id: UUID | None = None,
        emit: Sequence[Event] = (),
    ) -> ProductRequest | None:
        """None when it is in none of these states."""
        decided = (None, None) if target in UNDECIDED else (ctx.now(), ctx.actor.id)
        rows = await self._db.step(
            ctx, sql.MOVE, id, list(sources), target, *decided, reason, product_id, emit=list(emit)
        )
        return _request(rows[0]) if rows else None

    async def _decided(self, id: UUID, wanted: RequestState) -> ProductRequest:
        """The request, if it is what was wanted already. RequestDecided."""
        found = await self._known(id)
        if found.state != wanted:
            raise RequestDecided(state=found.state)
        return found


def _freed(sku: str, request_id: UUID) -> str:
    """What stands in place of an SKU that its vendor needs elsewhere."""
    return f"{sku[:60]}-{request_id.hex[:12]}"


def _request(row: Record) -> ProductRequest:
    known = dict(row)
    price = Money(minor=known.pop("price_minor"), currency=known.pop("currency"))
    return ProductRequest(**known, price=price)
