"""Show: every string of the list of naughty strings in every text field of the API. Here each
string meets some fields and each field some strings, in rotation; HAAT_HOSTILE=whole asks for the
product (docs/operate/proofs.md)."""

import asyncio
import os
from dataclasses import replace
from uuid import UUID

import pytest

from haat.domains.people.identity.api import Identity
from tests.gateways.rest.hostile import FILE, Judge, TextField, strings, text_fields
from tests.gateways.town import Town
from tests.journeys.box import ADDRESS, PASSWORD

WHOLE = os.environ.get("HAAT_HOSTILE") == "whole"
EACH = 2  # strings that a field meets where it is not the product
RENEWED = 2_000  # requests with one access token
# They change what every other request stands on: who asks, and what all prices are in.
LEFT_OUT = {"PATCH /admin/settings", "PUT /me/password", "PUT /admin/payout-policy"}

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="HAAT_TEST_DATA has no hostile strings")


def turns() -> list[tuple[TextField, str]]:
    """Which field meets which string."""
    fields = [one for one in text_fields() if str(one.operation) not in LEFT_OUT]
    texts = strings()
    if WHOLE:
        return [(one, text) for one in fields for text in texts]
    count = max(len(fields) * EACH, len(texts))
    return [(fields[at % len(fields)], texts[at * 7 % len(texts)]) for at in range(count)]


async def _in_lanes(judge: Judge, asked: list[tuple[TextField, str]]) -> None:
    """Some at once, but of one kind of row one by one: what is read is what was written."""
    lanes: dict[str, list[tuple[TextField, str]]] = {}
    for place, text in asked:
        lanes.setdefault(place.operation.path.split("/{")[0], []).append((place, text))

    async def lane(turns: list[tuple[TextField, str]]) -> None:
        for turn in turns:
            await judge.ask(*turn)

    await asyncio.gather(*map(lane, lanes.values()))


async def test_hostile_strings_are_refused_or_kept(town: Town) -> None:
    box, client = town.box, town.clay.owner
    await box.runtime.inner[Identity].grant_staff(
        box.runtime.system_context("test"),
        person_id=UUID(client.person["id"]),
        role="super_admin",
    )
    asked = turns()
    assert WHOLE or {text for _, text in asked} == set(strings())
    own = await client.ok("POST", "/me/addresses", ADDRESS)
    judge = Judge(replace(town, rows={**town.rows, "address": own["id"]}), "")
    for begin in range(0, len(asked), RENEWED):
        await client.sign_in("owner@clay-house.example.com", PASSWORD)
        judge.token = str(client.token)
        await _in_lanes(judge, asked[begin : begin + RENEWED])
    reached = judge.kept | judge.refused
    fields = {str(place) for place, _ in asked}
    print(f"{len(asked)} requests, {len(fields)} fields: {len(judge.kept)} kept texts,")
    print(f"{len(judge.refused)} refused some, {len(fields - reached)} were not reached")
    assert not judge.found, "\n".join(judge.found)
    assert len(reached) > len(fields) * 0.5, sorted(fields - reached)
