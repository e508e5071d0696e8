"""Queries that mean harm are refused quickly, with a code; those of real clients pass."""

import time
from typing import Any

import pytest
from graphql import get_introspection_query

from haat.engines.cache.memory import MemoryCache
from haat.gateways.graphql.engine import Ask, Broken, Engine
from haat.gateways.graphql.persisted import Persisted
from haat.gateways.graphql.problems import told
from haat.gateways.graphql.settings import GraphqlSettings
from haat.kernel.errors import Problem
from tests.gateways.graphql.asking import ask, post
from tests.gateways.town import Town

QUICK_S = 3.0


def engine(**settings: Any) -> Engine:
    persisted = Persisted(MemoryCache(), kept_s=60, listed=None)
    return Engine(GraphqlSettings(**settings), persisted)


async def code_of(query: str, by: Engine | None = None, **variables: Any) -> str | None:
    """The code it is refused with; None when it would be carried out."""
    began = time.process_time()
    try:
        await (by or engine()).plan(Ask(query=query, variables=variables))
    except Broken as error:
        return str(told(error.errors[0], "")["extensions"]["code"])
    except Problem as problem:
        return problem.code
    finally:
        assert time.process_time() - began < QUICK_S
    return None


def nested(levels: int) -> str:
    return (
        "{ vendor(ref: 1) {".replace("1", '"a"')
        + "products { nodes { vendor { " * levels
        + "name"
        + " } } }" * levels
        + " } }"
    )


def fragments_doubling(levels: int) -> str:
    """Each fragment holds the next one twice."""
    parts = [
        f"fragment F{n} on Product {{ a: vendor {{ products {{ nodes {{ ...F{n + 1} }} }} }}"
        f" b: vendor {{ products {{ nodes {{ ...F{n + 1} }} }} }} }}"
        for n in range(levels)
    ]
    last = f"fragment F{levels} on Product {{ title }}"
    return "{ products { nodes { ...F0 } } } " + " ".join(parts) + last


INTROSPECTS = "{ __schema { types { " + "fields { type { " * 8 + "name" + " } }" * 8 + " } } }"
OF_TYPES = "{ __schema { types { fields { type { " + "ofType { " * 30 + "name" + " }" * 35
MANY = " ".join(f"... F{n}" for n in range(60)) + "} } } "
FLOODS = [
    pytest.param(nested(10), "query_too_deep", id="deep"),
    pytest.param(nested(40), "query_too_deep", id="very deep"),
    pytest.param("{a" * 600 + "}" * 600, "query_too_deep", id="braces"),
    pytest.param("{a" * 5000, "query_too_deep", id="nothing but braces"),
    pytest.param("{ a(b: " + "[" * 500 + "]" * 500 + ") }", "query_too_deep", id="lists"),
    pytest.param(
        "{" + " ".join(f"a{n}: market {{ name }}" for n in range(200)) + "}",
        "too_many_aliases",
        id="aliases",
    ),
    pytest.param("{ market { " + "name " * 1500 + "} }", "too_many_repeats", id="repeats"),
    pytest.param(
        "{ market { " + "... on MarketFacts { name name name } " * 150 + "} }",
        None,
        id="repeats in fragments",
    ),
    pytest.param(
        "{ market { name " + "@skip(if: true) " * 200 + "} }",
        "too_many_directives",
        id="directives",
    ),
    pytest.param("{ market { name " + "@no " * 300 + "} }", "too_many_directives", id="unknown"),
    pytest.param(
        "{ market { ...A } } fragment A on MarketFacts { ...B } fragment B on MarketFacts {...A}",
        "fragment_cycle",
        id="cycle",
    ),
    pytest.param(
        "{ market { ...A } } fragment A on MarketFacts { ...A }", "fragment_cycle", id="itself"
    ),
    pytest.param(fragments_doubling(3), "query_too_costly", id="doubling"),
    pytest.param(
        "{ products { nodes { "
        + MANY
        + " ".join(f"fragment F{n} on Product {{ title }}" for n in range(60)),
        "too_many_fragments",
        id="fragments",
    ),
    pytest.param(
        "{ vendors(first: 100) { nodes { products(first: 100) { nodes { title } } } } }",
        "query_too_costly",
        id="wide",
    ),
    pytest.param(
        "query Q($n: Int = 100) { vendors(first: $n) { nodes { products(first: $n) { nodes {"
        " title } } } } }",
        "query_too_costly",
        id="wide by default",
    ),
    pytest.param(
        "{ nodes(ids: [" + '"x" ' * 900 + "]) { id ... on Vendor { products(first: 99) { nodes {"
        " title } } } } }",
        "query_too_costly",
        id="ids",
    ),
    pytest.param(INTROSPECTS, "graphql_invalid", id="circular introspection"),
    pytest.param(OF_TYPES, "query_too_deep", id="deep introspection"),
    pytest.param("#\n" * 5000 + "{ market { name } }", "too_many_tokens", id="comments"),
    pytest.param("{ market { name } }" + " " * 30_000, "query_too_long", id="blanks"),
    pytest.param('{ product(ref: "' + "x" * 30_000 + '") { title } }', "query_too_long", id="long"),
    pytest.param("", "graphql_syntax", id="empty"),
    pytest.param("{ market { nam } }", "graphql_invalid", id="unknown field"),
    pytest.param("{ market { name ", "graphql_syntax", id="broken"),
    pytest.param("\0{ market { name } }", "graphql_syntax", id="nul"),
]


@pytest.mark.parametrize(("query", "code"), FLOODS)
async def test_floods(query: str, code: str | None) -> None:
    assert await code_of(query) == code


async def test_a_variable_counts_as_what_it_is() -> None:
    query = """query Q($n: Int) { vendors(first: $n) { nodes { products(first: $n) { nodes {
      title vendor { name } } } } } }"""
    query = query.replace("$n: Int)", "$n: Int!)")
    assert await code_of(query, n=5) is None
    assert await code_of(query, n=100) == "query_too_costly"
    assert await code_of(query, n="many") == "query_too_costly"
    assert await code_of(query, n=10**30) == "query_too_costly"


async def test_introspection_of_real_tools_passes_and_can_be_switched_off() -> None:
    asked = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert await code_of(asked) is None
    closed = engine(graphql_introspection=False)
    assert await code_of(asked, closed) == "graphql_invalid"
    assert await code_of("{ __typename market { name } }", closed) is None


async def test_without_introspection_errors_name_nothing() -> None:
    for by, told_more in ((engine(), True), (engine(graphql_introspection=False), False)):
        with pytest.raises(Broken) as caught:
            await by.plan(Ask(query="{ markt { name } }"))
        assert ("Did you mean" in str(caught.value)) is told_more


async def test_the_cost_is_told(town: Town) -> None:
    few = await ask(town.box, "{ products(first: 2) { nodes { title } } }")
    many = await ask(town.box, "{ products(first: 20) { nodes { title } } }")
    told_few, told_many = few["extensions"]["cost"], many["extensions"]["cost"]
    assert told_few["requested"] == 12
    assert told_many["requested"] == 30
    assert told_few["maximum"] == 5000
    assert told_few["depth"] == 3


async def test_refusals_over_http(town: Town) -> None:
    query = {"query": "{ vendors(first: 100) { nodes { products(first: 100) { nodes { id }}}}}"}
    plain = await post(town.box, query)
    assert plain.status_code == 200
    [error] = plain.json()["errors"]
    assert error["extensions"]["code"] == "query_too_costly"
    assert error["extensions"]["maximum"] == 5000
    assert "data" not in plain.json()
    exact = await post(town.box, query, accept="application/graphql-response+json")
    assert exact.status_code == 400
    assert exact.headers["content-type"] == "application/graphql-response+json"


async def test_batches_are_bounded(town: Town) -> None:
    one = {"query": "{ market { name } }"}
    found = await post(town.box, [one, {"query": "{ nothing }"}, one])
    first, second, third = found.json()
    assert first["data"] == third["data"] == {"market": {"name": "Test Market"}}
    assert second["errors"][0]["extensions"]["code"] == "graphql_invalid"
    for batch in ([one] * 11, []):
        answer = await post(town.box, batch)
        assert answer.status_code == 422
        assert answer.json()["code"] == "batch_too_large"
    costly = {"query": "{ products(first: 100) { nodes { variants { offers { uuid } } } } }"}
    codes = [
        one.get("errors", [{}])[0].get("extensions", {}).get("code")
        for one in (await post(town.box, [costly] * 10)).json()
    ]
    assert codes[0] is None
    assert codes[-1] == "query_too_costly"


async def test_a_slow_query_ends_at_its_deadline() -> None:
    import asyncio

    from haat.gateways.graphql.inquiry import Inquiry
    from haat.kernel.context import Context

    class Slow:
        async def settings(self, ctx: Context) -> None:
            await asyncio.sleep(30)

    class Doors(dict[Any, Any]):
        def __missing__(self, key: Any) -> Any:
            return Slow()

    by = engine(graphql_deadline_s=0.05)
    plan = await by.plan(Ask(query="{ market { name } }"))
    answer = await by.run(plan, Inquiry(Doors(), Context(), site="", watch=None))
    assert answer["errors"][0]["extensions"]["code"] == "query_too_slow"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "json_malformed"),
        (b"[" * 100_000, "application/json", 400, "json_too_deep"),
        (b"{}", "application/json", 200, "query_missing"),
        (b'"x"', "application/json", 422, "invalid"),
        (b'{"query": 5}', "application/json", 422, "invalid"),
        (b'{"query": "{ market { name } }", "variables": []}', "application/json", 422, "invalid"),
        (b"query=1", "application/x-www-form-urlencoded", 415, "media_type_unsupported"),
        (b'{"query": "{ a"}', "application/json; charset=utf-8", 200, "graphql_syntax"),
    ],
)
async def test_what_is_no_question(
    town: Town, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = await town.box.http.post(
        f"{town.box.address}/graphql", content=content, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert (found["errors"][0]["extensions"] if status == 200 else found)["code"] == code
