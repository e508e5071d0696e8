"""What goods cost a member of a customer group, in the answers everybody reads of them: the price
a quote would say, what others pay (`usualPrice`), and by which list not (`priceNote`).

The modules' own routes, and the copies kept beside them, know everybody's prices alone. A person's
are put in their place on the way out, so that no kept copy can hold them, and a guest's request
goes the way it always went. The answers are `private, no-store`.
"""

import re
from typing import Any

from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from haat.domains.goods.catalog.api import Catalog, Listing, Product
from haat.domains.goods.pricing.api import Pricing
from haat.engines.http.context import Given, context_from
from haat.gateways.rest.rewriting import Rewriting
from haat.gateways.views.own import CartAsk, OwnPrice, OwnPrices, Wanted, own_prices
from haat.kernel.context import Context
from haat.kernel.errors import Problem

# Where customers read of goods, and where a cart answers. What vendors and staff work on is not
# among it: they read what they wrote.
READ = re.compile(
    r"/products/?|/products/[^/]+|/vendors/(?!me/)[^/]+/products|/categories/[^/]+"
    r"|/search(/[a-z]+)?|/cart"
)
WRITTEN = re.compile(r"/marketplace/search|/cart/.+")
_LISTING = {"priceFrom", "priceTo", "offerIds", "vendorId"}
_PRODUCT = {"variants", "optionNames", "vendorId"}
_ITEM = {"offerId", "quantity", "price"}


class OwnPriced:
    """Stands before the application; touches what a signed-in person reads of goods."""

    def __init__(self, app: ASGIApp, state: State, prefixes: tuple[str, ...]) -> None:
        self._app = app
        self.state = state  # of the application behind, for who looks before it is reached
        self._prefixes = prefixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ctx = await self._member(scope)
        if ctx is None:
            await self._app(scope, receive, send)
            return

        async def change(answer: Any) -> Any:
            return await _owned(self.state.doors, ctx, answer)

        await self._app(scope, receive, Rewriting(send, change).send)

    async def _member(self, scope: Scope) -> Context | None:
        """Who asks about goods, if a price list is for them."""
        if scope["type"] != "http" or not self._is_place(scope):
            return None
        given: Given = {}
        for name, value in scope["headers"]:
            given.setdefault(name, value)
        if b"authorization" not in given and not scope.get("state", {}).get("access_token"):
            return None
        try:
            ctx = context_from(self.state, scope, given)
            if ctx.actor.type != "person":
                return None
            viewing = await self.state.doors[Pricing].viewing(ctx)
        except Problem:  # whoever is behind says what is wrong with the request
            return None
        return ctx if viewing.has_lists else None

    def _is_place(self, scope: Scope) -> bool:
        path: str = scope["path"]
        found = READ if scope["method"] == "GET" else WRITTEN
        return any(
            path.startswith(f"{prefix}/") and found.fullmatch(path, len(prefix))
            for prefix in self._prefixes
        )


async def _owned(doors: Any, ctx: Context, answer: Any) -> Any:
    """The same JSON with this person's prices."""
    lists: list[dict[str, Any]] = []
    products: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    _look(answer, lists, products, items)
    wanted = Wanted(
        listings=[Listing.model_validate(one) for one in lists],
        products=[p for one in products if not _works_on(ctx, p := Product.model_validate(one))],
        items=[CartAsk.model_validate(one) for one in items],
    )
    found = await own_prices({Catalog: doors[Catalog], Pricing: doors[Pricing]}, ctx, wanted)
    _put(found, wanted, lists, products, items)
    return answer


def _works_on(ctx: Context, product: Product) -> bool:
    """Whether who asks may be about to write it, and must read what is there."""
    mine = {product.vendor_id, *(o.vendor_id for v in product.variants for o in v.offers)}
    return "staff" in ctx.scopes or ctx.vendor_id in mine


def _look(value: Any, lists: list[Any], products: list[Any], items: list[Any]) -> None:
    """Everything in it that has a price."""
    if isinstance(value, list):
        for one in value:
            _look(one, lists, products, items)
    elif isinstance(value, dict):
        if value.keys() >= _LISTING:
            lists.append(value)
        elif value.keys() >= _PRODUCT:
            products.append(value)
        elif value.keys() >= _ITEM:
            items.append(value)
        else:
            for one in value.values():
                _look(one, lists, products, items)


def _put(
    found: OwnPrices, wanted: Wanted, lists: list[Any], products: list[Any], items: list[Any]
) -> None:
    for listing, there in zip(wanted.listings, lists, strict=True):
        own = found.listings.get(listing.id)
        if own is not None:
            assert own.price_to is not None, "a product has a dearest offer"
            there["priceFrom"] = own.price.model_dump(mode="json")
            there["priceTo"] = own.price_to.model_dump(mode="json")
            if own.note:
                _put_note(there, own)
    own_ids = {str(id): own for id, own in found.offers.items()}
    for product in products:
        for offer in (o for v in product["variants"] for o in v["offers"]):
            if (own := own_ids.get(offer["id"])) is not None:
                offer["price"] = own.price.model_dump(mode="json")
                _put_note(offer, own)
    for asked, there in zip(wanted.items, items, strict=True):
        own = found.items.get(asked.offer_id)
        if own is not None:
            there["price"] = own.price.model_dump(mode="json")
            _put_note(there, own)


def _put_note(there: dict[str, Any], own: OwnPrice) -> None:
    """A list's price is no announced reduction: the price before belongs to everybody's."""
    there["usualPrice"] = own.usual.model_dump(mode="json")
    there["priceNote"] = own.note
    for name in ("compareAt", "lowestBefore"):
        if name in there:
            there[name] = None
