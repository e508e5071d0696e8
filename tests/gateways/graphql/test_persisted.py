"""Queries known by their hash: sent once by clients, or allowed by the operator."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from haat.engines.cache import Read
from haat.engines.cache.memory import MemoryCache, NoCache
from haat.gateways.graphql import GraphqlSettings, persisted
from haat.gateways.graphql.persisted import NotAllowed, NotKnown, Persisted, digest_of
from haat.kernel.errors import Conflict
from tests.gateways.graphql.asking import post
from tests.gateways.graphql.wire import opened
from tests.gateways.town import Town

QUERY = "query Name { market { name } }"


def named(query: str) -> dict[str, Any]:
    digest = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


async def test_apollos_protocol(town: Town) -> None:
    by_hash = {"extensions": named(QUERY)}
    unknown = await post(town.box, by_hash)
    assert unknown.status_code == 200
    [error] = unknown.json()["errors"]
    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    sent = await post(town.box, {"query": QUERY, **by_hash})
    assert sent.json()["data"]["market"]["name"] == "Test Market"
    assert (await post(town.box, by_hash)).json() == sent.json()
    url = f"{town.box.address}/graphql"
    got = await town.box.http.get(url, params={"extensions": json.dumps(named(QUERY))})
    assert got.json() == sent.json()
    assert got.headers["cache-control"] == "private, no-store"


async def test_what_is_wrong_is_not_kept(town: Town) -> None:
    broken = "{ market { nothing } }"
    await post(town.box, {"query": broken, "extensions": named(broken)})
    again = await post(town.box, {"extensions": named(broken)})
    assert again.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    other = await post(town.box, {"query": QUERY, "extensions": named("{ another }")})
    code = other.json()["errors"][0]["extensions"]["code"]
    assert code == "persisted_query_hash_wrong"
    short = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}}
    code = (await post(town.box, short)).json()["errors"][0]["extensions"]["code"]
    assert code == "invalid"


async def test_get_is_for_queries_only(town: Town) -> None:
    url = f"{town.box.address}/graphql"
    answer = await town.box.http.get(url, params={"query": QUERY})
    assert answer.json()["data"]["market"]["name"] == "Test Market"
    change = "mutation { cartAdd(input: {offer: 1, quantity: 1}) { __typename } }"
    answer = await town.box.http.get(url, params={"query": change})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    answer = await town.box.http.get(url, params={"query": QUERY, "variables": "{"})
    assert (answer.status_code, answer.json()["code"]) == (400, "json_malformed")


async def test_kept_ones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache()
    by = Persisted(cache, kept_s=60, listed=None)
    long = "{ a } #" + "x" * persisted.KEPT_BYTES
    await by.keep(long, digest_of(long))
    with pytest.raises(NotKnown):
        await by.text_of(None, digest_of(long))
    monkeypatch.setattr(persisted, "NEW_IN_AN_HOUR", 3)
    for n in range(6):
        await by.keep(f"{{ a{n} }}", digest_of(f"{{ a{n} }}"))
    kept = [n for n in range(6) if await known(by, f"{{ a{n} }}")]
    assert kept == [0, 1, 2]
    await by.keep("{ a1 }", digest_of("{ a1 }"))  # an old one again is no new one
    assert await known(by, "{ a1 }")


async def known(by: Persisted, query: str) -> bool:
    try:
        return await by.text_of(None, digest_of(query)) == query
    except NotKnown:
        return False


async def test_without_a_cache_clients_send_the_query_every_time() -> None:
    by = Persisted(NoCache(), kept_s=60, listed=None)
    await by.keep(QUERY, digest_of(QUERY))
    assert await by.text_of(QUERY, digest_of(QUERY)) == QUERY
    with pytest.raises(NotKnown):
        await by.text_of(None, digest_of(QUERY))
    assert (await NoCache().get_many(["x"])) == Read({}, 0)


@pytest.mark.parametrize("kind", ["folder", "manifest", "apollo"])
async def test_an_operators_list(town: Town, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "queries"
    if kind == "folder":
        place.mkdir()
        (place / "name.graphql").write_text(QUERY + "\n")
    elif kind == "manifest":
        place.write_text(json.dumps({digest_of(QUERY): QUERY}))
    else:
        operation = {"id": digest_of(QUERY), "body": QUERY, "name": "Name", "type": "query"}
        place.write_text(json.dumps({"version": 1, "operations": [operation]}))
    async with opened(town.box, graphql_only_persisted=place) as door:
        transport = httpx.ASGITransport(app=door.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            for listed in ({"query": QUERY}, {"extensions": named(QUERY)}):
                found = (await http.post("/graphql", json=listed)).json()
                assert found["data"]["market"]["name"] == "Test Market"
            for query in ("{ market { currency } }", "{ __schema { types { name } } }"):
                for more in ({}, {"extensions": named(query)}):
                    body: dict[str, Any] = {"query": query, **more}
                    found = (await http.post("/graphql", json=body)).json()
                    assert found["errors"][0]["extensions"]["code"] == "query_not_allowed"


async def test_a_list_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("[]")
    for place in (tmp_path / "none", tmp_path / "no.json"):
        with pytest.raises(Conflict):
            Persisted(MemoryCache(), kept_s=60, listed=place)
    listed = Persisted(MemoryCache(), kept_s=60, listed=tmp_path)
    with pytest.raises(NotAllowed):
        await listed.text_of(QUERY, None)


def test_an_empty_setting_is_no_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAAT_GRAPHQL_ONLY_PERSISTED", "")
    assert GraphqlSettings().graphql_only_persisted is None
    monkeypatch.setenv("HAAT_GRAPHQL_ONLY_PERSISTED", str(tmp_path))
    assert GraphqlSettings().graphql_only_persisted == tmp_path
