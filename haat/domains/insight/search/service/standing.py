"""What search's use cases stand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json

from haat.domains.goods.catalog.api import Catalog, Category, Listing
from haat.domains.insight.search import documents
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import FoundVendor, Hits, Ranking, Search
from haat.domains.insight.search.following import Follower, Made, Source
from haat.domains.insight.search.tally import Tally
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Orders
from haat.engines.search import Answer, Hit, Question, SearchAway, SearchEngine, Synonyms
from haat.engines.sql import Database, Record
from haat.kernel.context import SYSTEM, Context

KNOWN_S = 2.0  # how long what staff decided may be known late, by each process
_LISTINGS = TypeAdapter(list[Listing])
_VENDORS = TypeAdapter(list[FoundVendor])


@dataclass(frozen=True, slots=True)
class Ruled:
    """What staff decided, as it was read."""

    synonyms: Synonyms
    ranking: Ranking
    edition: int


class Cases(Search):
    """Both indexes, who follows the tables, and what staff decided."""

    def __init__(
        self,
        db: Database,
        engine: SearchEngine,
        catalog: Catalog,
        vendors: Vendors,
        orders: Orders,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._vendors = vendors
        self._orders = orders
        self._products = engine.index("products", documents.PRODUCTS)
        self._stores = engine.index("vendors", documents.VENDORS)
        self._ruled: Ruled | None = None
        self._ruled_at = 0.0
        self._tally = Tally()
        self._made: dict[tuple[int, str, int, int], tuple[Answer, Hits]] = {}
        self._shelves: list[Category] = []
        self._shelves_at = -KNOWN_S
        goods = Source(
            "products", sql.LISTINGS_AFTER, sql.LISTINGS_END, sql.LISTINGS_COUNT, self._documents
        )
        stores = Source(
            "vendors", sql.VENDORS_AFTER, sql.VENDORS_END, sql.VENDORS_COUNT, _vendor_documents
        )
        self._goods_follower = Follower(db, self._products, goods, self._edition)
        self._stores_follower = Follower(db, self._stores, stores, self._edition)

    async def _rules(self) -> Ruled:
        """Not older than KNOWN_S."""
        if self._ruled is None or monotonic() - self._ruled_at > KNOWN_S:
            self._ruled_at = monotonic()
            groups = await self._db.fetch(sql.SYNONYMS)
            row = await self._db.fetchrow(sql.RANKING)
            assert row is not None, "a migration wrote it"
            self._ruled = Ruled(
                Synonyms(
                    [group["words"] for group in groups if not group["one_way"]],
                    [group["words"] for group in groups if group["one_way"]],
                ),
                Ranking(**{name: row[name] for name in Ranking.model_fields}),
                row["edition"],
            )
        return self._ruled

    async def _tree(self, ctx: Context) -> list[Category]:
        """All categories, not older than KNOWN_S."""
        if monotonic() - self._shelves_at > KNOWN_S:
            self._shelves_at = monotonic()
            self._shelves = await self._catalog.categories(ctx)
        return self._shelves

    async def _edition(self) -> int:
        row = await self._db.fetchrow(sql.RANKING)
        assert row is not None, "a migration wrote it"
        return int(row["edition"])

    async def _ask(self, question: Question) -> Answer:
        """In a market without a product there is nothing to find; else SearchAway where the index
        is not there yet."""
        try:
            return await self._products.ask(question)
        except SearchAway:
            if await self._db.fetchval(sql.LISTINGS_END):
                raise
            return Answer((), 0, dict.fromkeys(question.facets, ()))

    async def _documents(self, rows: Sequence[Record]) -> Made:
        tree: dict[UUID, tuple[Category, ...]] = {}
        if any(row["card"] for row in rows):
            ctx = Context(actor=SYSTEM, caller="search")
            tree = documents.paths(await self._catalog.categories(ctx))
        cards = [(row, from_json(row["card"])) for row in rows if row["card"]]
        offers = list({id for _, card in cards for id in card["offerIds"]})
        there = {str(row["offer_id"]) for row in await self._db.fetch(sql.IN_STOCK, offers)}
        shown = [
            documents.of_listing(row, tree, card, in_stock=not there.isdisjoint(card["offerIds"]))
            for row, card in cards
        ]
        return shown, [str(row["id"]) for row in rows if not row["card"]]


async def _vendor_documents(rows: Sequence[Record]) -> Made:
    shown = [documents.of_vendor(row) for row in rows if row["is_active"]]
    return shown, [str(row["id"]) for row in rows if not row["is_active"]]


def listings(hits: Sequence[Hit]) -> list[Listing]:
    """All read at once, which is several times faster than one by one."""
    return _LISTINGS.validate_json(b"[" + b",".join(hit.payload for hit in hits) + b"]")


def stores(hits: Sequence[Hit], counts: dict[str, int]) -> list[FoundVendor]:
    found = _VENDORS.validate_json(
        b"[" + b",".join(hit.payload[:-1] + b',"products":0}' for hit in hits) + b"]"
    )
    return [
        one.model_copy(
            update={
                "products": counts.get(str(one.id), 0),
                "km": None if hit.km is None else round(hit.km, 1),
            }
        )
        for one, hit in zip(found, hits, strict=True)
    ]
