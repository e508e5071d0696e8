"""Finding products by words: an index of its own, fed by the catalogue's facts."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Listing
from haat.kernel.context import Context
from haat.kernel.contract import Contract, query
from haat.kernel.model import Model
from haat.kernel.page import Limit

Words = Annotated[str, Field(max_length=200)]


class Facet(Model):
    """How many of the hits have this value."""

    id: UUID
    count: int


class Hits(Model):
    """`next` continues the list; `total` counts up to 1,000."""

    items: list[Listing]
    next: str | None = None
    total: int
    categories: list[Facet] = []
    vendors: list[Facet] = []


class Search(Contract, name="search"):
    @query()
    async def products(
        self,
        ctx: Context,
        *,
        words: Words = "",
        category_ids: list[UUID] | None = None,
        vendor_id: UUID | None = None,
        price_min: int | None = None,
        price_max: int | None = None,
        sort: Literal["relevance", "newest", "price", "-price"] = "relevance",
        limit: Limit = 24,
        cursor: str | None = None,
    ) -> Hits:
        """Active products that match all words, else any of them; prices in minor units."""

    @query()
    async def suggest(self, ctx: Context, *, prefix: Words, limit: Limit = 8) -> list[str]:
        """Titles that have a word beginning like this."""
