"""Whatever is asked over HTTP, the answer is hits or says what was wrong with the question."""

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Search
from haat.domains.insight.search.routes import router
from haat.domains.insight.search.service import SearchService
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from tests.domains.goods.doubles import FakeMarket
from tests.domains.insight.test_search import FakeCatalog, FakeVendors, ctx, db, filled, search
from tests.domains.people.doubles import Rest, clock

__all__ = ["ctx", "db", "filled", "search"]

_signs = st.sampled_from([*'"-|():*^~\\&!<>%', " OR ", " NOT ", "\0", "\ud800", "\u202e", "bowl "])
_texts = st.lists(_signs | st.text(max_size=4), max_size=12).map("".join) | st.text(max_size=80)
_long = st.integers(190, 5_000).map(lambda many: "ab " * (many // 3))
_some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def http(filled: SearchService) -> httpx.AsyncClient:
    doors = {Search: filled, Catalog: FakeCatalog(), Vendors: FakeVendors(), Market: FakeMarket()}
    return Rest(clock(), doors, router).client()


def fits(answer: httpx.Response) -> bool:
    """A problem document has a code; hits have parts that are their score."""
    said = answer.json()
    if answer.status_code != 200:
        assert answer.status_code in (400, 422), answer.text
        assert said["code"]
        return False
    for one in said.get("explanations", ()):
        signals = ("", "popularity", "created", "meaning")
        given = [reason["score"] for reason in one["reasons"] if reason["field"] in signals]
        assert one["score"] == pytest.approx(sum(given), abs=1e-3)
    return True


@_some
@given(words=_texts | _long)
async def test_any_words_in_an_address(http: httpx.AsyncClient, words: str) -> None:
    asked = quote(words.encode("utf-8", "surrogatepass"), safe="")
    is_right = fits(await http.get(f"/search?explain=true&q={asked}"))
    assert is_right or len(words) > 200
    for path in ("suggest", "complete", "vendors"):
        fits(await http.get(f"/search/{path}?q={asked}"))


@_some
@given(raw=st.binary(max_size=60))
async def test_any_bytes_in_an_address(http: httpx.AsyncClient, raw: bytes) -> None:
    assert fits(await http.get(f"/search?explain=true&q={quote(raw, safe='')}"))


@_some
@given(words=_texts | _long)
async def test_any_words_in_a_body(http: httpx.AsyncClient, words: str) -> None:
    """Half a surrogate pair is written as JSON writes it."""
    body = json.dumps({"query": words, "explain": True}).encode()
    headers = {"content-type": "application/json"}
    fits(await http.post("/marketplace/search", content=body, headers=headers))
    odd = json.dumps({"query": "bowl", "cursor": words, "brands": [words]}).encode()
    fits(await http.post("/marketplace/search", content=odd, headers=headers))
