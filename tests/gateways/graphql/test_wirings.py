"""The same answers where every call of a contract goes through the wire, as in a split market."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests import postgres
from tests.gateways.graphql.asking import data
from tests.gateways.graphql.test_catalogue import PRODUCT
from tests.gateways.graphql.test_changes import ADD, STOCK, usd
from tests.gateways.graphql.test_loading import NESTED
from tests.gateways.graphql.wire import opened
from tests.journeys.box import Box, market
from tests.journeys.scene import open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "loopback") as running:
            yield running


async def test_a_split_market_answers_the_same(box: Box) -> None:
    clay = await open_shop(box, "Clay House", price=1_200, stock=50)
    loom = await open_shop(box, "Loom Works", price=900, stock=50)
    path = f"/products/{clay.product['id']}/offers"
    offer = await loom.owner.ok("POST", path, {"sku": "loom-1b", "price": usd(1_100)})
    await loom.owner.ok("PUT", f"/inventory/{offer['id']}", {"onHand": 7})
    await box.settle()
    found = (await data(box, PRODUCT, ref=clay.product["slug"]))["product"]
    [variant] = found["variants"]
    by_uuid = {one["uuid"]: one for one in variant["offers"]}
    assert by_uuid[offer["id"]]["availability"]["quantity"] == 7
    assert sorted(one["standing"]["place"] for one in variant["offers"]) == [1, 2]
    assert by_uuid[variant["buyBox"]["uuid"]]["standing"]["place"] == 1
    nodes = (await data(box, NESTED, first=2))["products"]["nodes"]
    assert {node["vendor"]["name"] for node in nodes} == {"Clay House", "Loom Works"}
    added = await data(box, ADD, input={"offer": offer["id"], "quantity": 2})
    assert added["cartAdd"]["goods"]["minor"] == 2_200
    async with opened(box) as door:
        wire = door.wire()
        await wire.begin()
        query = "subscription S($o: [ID!]) { stockChanged(offers: $o) { available } }"
        wire.subscribe("s", query, o=[offer["id"]])
        assert (await wire.next())["payload"]["data"]["stockChanged"]["available"] == 7
        input = {"offer": offer["id"], "onHand": 6}
        await data(box, STOCK, loom.owner, input=input)
        assert (await wire.next())["payload"]["data"]["stockChanged"]["available"] == 6
        await wire.hang_up()
