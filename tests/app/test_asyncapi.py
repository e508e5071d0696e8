"""The AsyncAPI document is one, whole, and speaks both vocabularies; so does the page on events."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from haat.app.asyncapi import document, router
from haat.app.schemas import events

HERE = Path(__file__)
PAGE = HERE.parents[2] / "docs" / "flows" / "events.md"
# Every topic that the two specifications name.
TOPICS = """
user.created vendor.applied vendor.approved product.created product.updated product.approved
product.price.updated product.index.requested product.viewed inventory.low_stock inventory.reserved
inventory.released inventory.committed cart.checked_out order.created order.placed order.paid
order.shipped order.fulfilled order.cancelled order.return_requested payment.intent.created
payment.succeeded payment.success payment.failed payment.refund payout.requested payout.processed
shipping.label.created shipping.status.updated review.submitted review.approved
ai.recommendation.requested ai.recommendation.served
""".split()


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(HERE.with_name("asyncapi-3.0.0.json").read_text("utf-8"))
    return Draft7Validator(schema)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document()


def test_it_is_valid(validator: Any, made: dict[str, Any]) -> None:
    assert [error.message for error in validator.iter_errors(made)] == []


@pytest.mark.parametrize("spoilt", ["channels", "operations", "info"])
def test_the_schema_would_notice(validator: Any, made: dict[str, Any], spoilt: str) -> None:
    wrong = {**made, spoilt: {"x": {"action": "shout"}}}
    assert not validator.is_valid(wrong)


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    found = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(made)))
    assert found
    for reference in found:
        at: Any = made
        for part in reference.removeprefix("#/").split("/"):
            assert part in at, reference
            at = at[part]


def test_both_vocabularies_are_channels(made: dict[str, Any]) -> None:
    names = {name for one in events().values() for name in (one.event_name, *one.event_aliases)}
    assert set(made["channels"]) == names
    placed = made["channels"]["order.placed"]
    assert placed["x-alias-of"] == "order.created"
    assert all(len(channel["messages"]) == 1 for channel in made["channels"].values())
    message = made["components"]["messages"]["order.placed.v1"]["payload"]["allOf"][1]
    assert message["properties"]["type"] == {"const": "order.placed"}


async def test_it_is_served(made: dict[str, Any]) -> None:
    app = FastAPI()
    app.include_router(router())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as client:
        answer = await client.get("/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == made


def test_the_page_on_events_is_right() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))
    known = {event.event_name: event for event in events().values()}
    aliases = {alias: name for name, event in known.items() for alias in event.event_aliases}
    assert sorted(rows) == sorted(TOPICS)
    for topic, told in rows.items():
        if topic in aliases:
            assert told == f"alias of `{aliases[topic]}`"
        elif topic in known:
            assert told.partition(":")[0] == known[topic].__name__
        else:
            assert told.startswith("later, with "), topic


def test_aliases_are_nobody_elses_names() -> None:
    names = [event.event_name for event in events().values()]
    aliases = [alias for event in events().values() for alias in event.event_aliases]
    assert len({*aliases}) == len(aliases)
    assert not {*aliases} & {*names}
