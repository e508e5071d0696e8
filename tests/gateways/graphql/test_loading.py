"""However wide a query is, a contract is asked for each kind of thing once."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from haat.engines.cache.memory import MemoryCache
from haat.gateways.graphql import Gate, GraphqlSettings
from haat.gateways.graphql.engine import Ask
from haat.kernel.context import Context
from haat.kernel.contract import Contract, methods_of
from tests.gateways.town import Town
from tests.journeys.scene import draft

NESTED = """query Nested($first: Int!) { products(first: $first) { nodes {
  title available vendor { name slug } category { name path { name } }
  specifications { key name }
  variants { title buyBox { uuid } offers { uuid vendor { name } availability { quantity }
    standing { place score } product { title } } }
} } }"""


class Counting:
    """A door that counts what goes through."""

    def __init__(self, door: Any, contract: type[Contract], calls: Counter[str]) -> None:
        self._door, self._contract, self._calls = door, contract, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._door, name)
        key: Any = self._contract
        if name not in methods_of(key):
            return method

        async def counted(*given: Any, **named: Any) -> Any:
            self._calls[f"{self._contract.contract_name}.{name}"] += 1
            return await method(*given, **named)

        return counted


async def calls(doors: Mapping[type[Contract], Any], town: Town, first: int) -> Counter[str]:
    """What a list of so many products asks of whom."""
    counted: Counter[str] = Counter()
    wrapped = {contract: Counting(door, contract, counted) for contract, door in doors.items()}
    runtime = town.box.runtime

    async def admits(scope: Any) -> bool:
        return True

    settings = GraphqlSettings()
    gate = Gate(settings, wrapped, MemoryCache(), runtime.clock, site="", admits=admits)
    ctx = Context(clock=runtime.clock, request_id="test")
    plan = await gate.engine.plan(Ask(query=NESTED, variables={"first": first}))
    answer = await gate.engine.run(plan, gate.inquiry(ctx))
    assert "errors" not in answer, answer["errors"]
    assert len(answer["data"]["products"]["nodes"]) == first
    for node in answer["data"]["products"]["nodes"]:
        assert node["vendor"]["name"]
        assert all(o["standing"]["place"] == 1 for v in node["variants"] for o in v["offers"])
    return counted


@pytest.mark.slow
async def test_a_nested_list_makes_a_constant_number_of_calls(town: Town) -> None:
    staff = await town.box.staff()
    shelf = town.rows["category"]
    for n in range(24):
        shop = (town.clay, town.loom)[n % 2]
        body = {**draft(f"Jug {n}", f"jug-{uuid4().hex[:8]}", 700 + n), "categoryId": shelf}
        body["specs"] = {"colour": "red"}
        product = await shop.owner.ok("POST", "/products", body)
        await shop.owner.ok("POST", f"/products/{product['id']}/submit")
        await staff.ok("PATCH", f"/admin/products/{product['id']}/approve", {"decision": "approve"})
    await town.box.settle()
    doors = town.box.runtime.doors
    few, many = await calls(doors, town, 2), await calls(doors, town, 24)
    assert many == few
    assert max(many.values()) == 1, many
    assert set(many) == {
        "catalog.listings",
        "catalog.categories",
        "catalog.details",
        "catalog.attributes_of",
        "catalog.rankings",
        "inventory.available",
        "vendors.by_ids",
        "market.settings",
        "shipping.rates",
    }
