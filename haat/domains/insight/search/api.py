"""Finding products and vendors by words: an index of its own, fed by the catalogue's facts."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Listing
from haat.domains.insight.search.narrowing import (
    RADIUS_MAX_KM,
    Distance,
    Narrow,
    Near,
    RatingRange,
    Ring,
)
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Invalid
from haat.kernel.model import Model
from haat.kernel.page import Limit
from haat.kernel.rating import Rating

__all__ = ["RADIUS_MAX_KM", "Distance", "Narrow", "Near", "RatingRange", "Ring"]

Words = Annotated[str, Field(max_length=200)]
Sort = Literal["relevance", "newest", "price", "-price", "popular", "rating", "distance"]
VendorSort = Literal["relevance", "rating", "distance"]
Named = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)]
Matched = Literal["every", "most", "any"]
WEIGHT_MAX = 2000
SoldBefore = Annotated[
    dict[UUID, Annotated[int, Field(ge=1, le=1_000_000_000)]], Field(max_length=5000)
]


class SynonymsInvalid(Invalid, code="synonyms_invalid"):
    """A group has at least two different words or phrases."""


class Facet(Model):
    """How many of the hits have this value."""

    id: UUID
    count: int


class Value(Model):
    """How many of the hits have this brand, category with those above it, or attribute."""

    value: str
    count: int


class PriceRange(Model):
    """Hits from `low` to below `high`, in minor units; None: without an end."""

    low: int | None
    high: int | None
    count: int


class Reason(Model):
    """What a word gave in a field, or a signal; shares of what the best hit's words gave."""

    what: str
    field: str
    score: float


class Explanation(Model):
    id: UUID
    score: float
    reasons: list[Reason]


class Hits(Model):
    """`next` continues the list. `matched`: whether hits have every word, most, or any of them;
    `did_you_mean` are the words as they were understood, where some were misspelt. `total` is
    exact; below 1, `counted` is the share of very many hits that facets were counted on: they are
    estimates then.

    What is counted beside the hits is counted with all filters but those of its own group, so that
    another value of it can be chosen as well: `in_stock` and `verified` say how many would stay."""

    items: list[Listing]
    next: str | None = None
    total: int
    categories: list[Facet] = []
    vendors: list[Facet] = []
    facets: dict[str, list[Value]] = {}
    prices: list[PriceRange] = []
    ratings: list[RatingRange] = []
    in_stock: int = 0
    verified: int = 0
    rings: list[Ring] = []  # where a point is named
    distances: list[Distance] = []  # the same, of each hit that is somewhere
    matched: Matched = "every"
    did_you_mean: str | None = None
    counted: float = 1.0
    explanations: list[Explanation] = []


class FoundVendor(Model):
    id: UUID
    slug: str
    name: str
    country: str
    place: str = ""
    verified: bool = False
    rating: Rating | None = None
    km: float | None = None  # how far, where a point was named
    products: int  # on sale


class FoundVendors(Model):
    """`verified` says how many would stay if only those were wanted; `ratings` the same."""

    items: list[FoundVendor]
    next: str | None = None
    total: int
    verified: int = 0
    ratings: list[RatingRange] = []
    did_you_mean: str | None = None


class Completion(Model):
    """What may be meant by what is typed so far. `searches` are others' and one's own."""

    products: list[Listing] = []
    categories: list[UUID] = []
    vendors: list[FoundVendor] = []
    searches: list[str] = []


class PastSearch(Model):
    words: str
    searched_at: datetime


class Discovery(Model):
    """To look around: what sells, what is new, who sells, what others look for."""

    trending: list[Listing]
    newest: list[Listing]
    vendors: list[FoundVendor]
    searches: list[str]


class SynonymGroup(Model):
    """Each finds the others; `one_way`: the first finds the others, which do not find it."""

    id: UUID
    words: list[str]
    one_way: bool = False


class Ranking(Model):
    """What signals add to a hit's score, in thousandths of what its words can give. Freshness
    falls to nothing within `fresh_days`. `meaning` counts where the extra `haat[semantic]` is
    installed: how alike title and question are by what their words mean."""

    popularity: Annotated[int, Field(ge=0, le=WEIGHT_MAX)]
    freshness: Annotated[int, Field(ge=0, le=WEIGHT_MAX)]
    fresh_days: Annotated[int, Field(ge=1, le=3650)]
    meaning: Annotated[int, Field(ge=0, le=WEIGHT_MAX)] = 0


class AskedOnDay(Model):
    """Searches of a day, and how many of them found nothing."""

    day: date
    searches: int
    empty: int


class SearchReport(Model):
    """What people look for: by day, most often, and in vain."""

    days: list[AskedOnDay]
    most: list["AskedInVain"]
    in_vain: list["AskedInVain"]


class AskedInVain(Model):
    """Words that found nothing, so many times of all."""

    words: str
    searches: int
    empty: int


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
        brands: Named | None = None,
        attributes: dict[str, Named] | None = None,
        sort: Sort = "relevance",
        limit: Limit = 24,
        cursor: str | None = None,
        explain: bool = False,
        narrow: Narrow | None = None,
    ) -> Hits:
        """Active products that match all words, else most, else any of them; prices in minor
        units. A brand is one of `brands`; every attribute named has one of its values. By distance
        only where `narrow` names a point (Invalid)."""

    @query()
    async def suggest(self, ctx: Context, *, prefix: Words, limit: Limit = 8) -> list[str]:
        """Titles that have a word beginning like this."""

    @query()
    async def complete(self, ctx: Context, *, prefix: Words, limit: Limit = 5) -> Completion:
        """Products, categories, vendors and past searches for what is typed so far."""

    @query()
    async def vendors(
        self,
        ctx: Context,
        *,
        words: Words = "",
        category_ids: list[UUID] | None = None,
        narrow: Narrow | None = None,
        sort: VendorSort = "relevance",
        limit: Limit = 24,
        cursor: str | None = None,
    ) -> FoundVendors:
        """Active vendors by name; those with products in these categories. Of `narrow` counts what
        can be said of a vendor."""

    @query()
    async def trending(self, ctx: Context, *, limit: Limit = 12) -> list[Listing]:
        """What was bought most in the last weeks, the rest newest first."""

    @query()
    async def discover(self, ctx: Context, *, limit: Limit = 12) -> Discovery: ...

    @query(scope="person")
    async def past(self, ctx: Context, *, limit: Limit = 20) -> list[PastSearch]:
        """The actor's own searches, the last one first."""

    @command(scope="person", repeatable=True)
    async def forget(self, ctx: Context, *, words: Words | None = None) -> None:
        """Clears the actor's searches, or one of them."""

    @query(scope="staff:products")
    async def synonyms(self, ctx: Context) -> list[SynonymGroup]: ...

    @command(scope="staff:products")
    async def save_synonyms(
        self,
        ctx: Context,
        *,
        id: UUID,
        words: Annotated[
            list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=20)
        ],
        one_way: bool = False,
    ) -> SynonymGroup:
        """Adds a group or changes it. SynonymsInvalid."""

    @command(scope="staff:products", repeatable=True)
    async def drop_synonyms(self, ctx: Context, *, id: UUID) -> None: ...

    @query(scope="staff:products")
    async def ranking(self, ctx: Context) -> Ranking: ...

    @command(scope="staff:products", repeatable=True)
    async def set_ranking(self, ctx: Context, *, ranking: Ranking) -> Ranking: ...

    @query(scope="staff:products")
    async def in_vain(
        self, ctx: Context, *, days: Annotated[int, Field(ge=1, le=90)] = 30, limit: Limit = 50
    ) -> list[AskedInVain]:
        """What was looked for and not found, most often first."""

    @command(scope="internal", repeatable=True)
    async def sold_before(self, ctx: Context, *, sold: SoldBefore) -> None:
        """How many of these products were sold before this market knew of them, as in a shop that
        moves here: for their popularity. Products may come later; the first word counts."""

    @query(scope="staff:products")
    async def report(
        self, ctx: Context, *, days: Annotated[int, Field(ge=1, le=90)] = 30, limit: Limit = 20
    ) -> SearchReport: ...

    @command(scope="staff:products")
    async def rebuild(self, ctx: Context) -> int:
        """Has the index made anew beside the old one, which answers until then. Its number."""
