"""Show: every string of the list of naughty strings in every text field of the API. Here each
string meets some fields and each field some strings, in rotation; HAAT_HOSTILE=whole asks for the
product (docs/operate/proofs.md)."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from haat.domains.people.identity.api import Identity
from haat.kernel.clock import SystemClock
from tests import postgres
from tests.domains.people.providers import CLIENT, SECRET, FakeProvider
from tests.gateways.rest.hostile import FILE, Judge, TextField, all_texts, strings, text_fields
from tests.gateways.rest.supplies import Supplies
from tests.gateways.town import Town
from tests.journeys.box import PASSWORD, Box, Client, Quiet, market

WHOLE = os.environ.get("HAAT_HOSTILE") == "whole"
PIECE = os.environ.get(
    "HAAT_HOSTILE_PIECE", "1/1"
)  # "2/8": all fields with every eighth string from the second on
EACH = 2  # strings that a field meets where it is not the product
RENEWED = 1_000  # requests with one access token
# What nobody can read afterwards, or comes to at all.
UNREACHED = {
    # Said about somebody who is erased: it goes with them, from the audit as well.
    "POST /admin/people/{id}/erasure reason",
    "POST /admin/orders/{id}/erasure reason",
    # Two people decide, of somebody who is neither: its own tests have them.
    "POST /admin/people/{id}/factor-resets evidence",
}
# They change what every other request stands on: who asks, and what all prices are in.
LEFT_OUT = {"PATCH /admin/settings", "PUT /me/password", "PUT /admin/payout-policy"}

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="HAAT_TEST_DATA has no hostile strings")


OPTIONS = {
    "HAAT_BANK_IBAN": "DE02120300000000202051",
    "HAAT_BANK_HOLDER": "Test Market",
    "HAAT_WALLET_PAYOUT_PROVIDER": "bank",
}


AT_ACME = {"HAAT_SIGN_IN__ACME__CLIENT_ID": CLIENT, "HAAT_SIGN_IN__ACME__CLIENT_SECRET": SECRET}


class Anybody(FakeProvider):
    """Somebody else signs in there each time."""

    def claims(self, asked: Mapping[str, str]) -> dict[str, Any]:
        name = uuid4().hex
        return {**super().claims(asked), "sub": name, "email": f"{name}@example.com"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[FakeProvider]:
    """On a port of this machine, as the market has no other way to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Anybody(SystemClock(), f"http://127.0.0.1:{listening.getsockname()[1]}")

        async def answer(request: Request) -> Response:
            content = await request.body()
            asked = httpx.Request(
                request.method, str(request.url), headers=request.headers.raw, content=content
            )
            told = found.answer(asked)
            return Response(told.content, told.status_code, dict(told.headers))

        app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
        server = Quiet(uvicorn.Config(app, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield found
        server.should_exit = True
        await serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    provider: FakeProvider,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Box]:
    """A market that takes bank transfers as well, and lets people in who are known elsewhere."""
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        known = {**OPTIONS, **AT_ACME, "HAAT_SIGN_IN__ACME__ISSUER": provider.issuer}
        async with market(url, folder, "local", return_window_minutes=60, options=known) as running:
            yield running


def turns() -> list[tuple[TextField, str]]:
    """Which field meets which string."""
    fields = [one for one in text_fields() if str(one.operation) not in LEFT_OUT]
    texts = strings()
    if WHOLE:
        at, pieces = map(int, PIECE.split("/"))
        return [(one, text) for text in texts[at - 1 :: pieces] for one in fields]
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


async def test_hostile_strings_are_refused_or_kept(town: Town, provider: FakeProvider) -> None:
    box, client = town.box, town.clay.owner
    await box.runtime.inner[Identity].grant_staff(
        box.runtime.system_context("test"),
        person_id=UUID(client.person["id"]),
        role="super_admin",
    )
    asked = turns()
    assert WHOLE or {text for _, text in asked} == set(strings())
    await client.sign_in("owner@clay-house.example.com", PASSWORD)
    judge = Judge(Supplies(town, client, provider))
    await judge.supplies.set_up()
    for begin in range(0, len(asked), RENEWED):
        for one in (client, town.customer, town.loom.owner):
            await one.sign_in(one.person["email"], PASSWORD)
        await _in_lanes(judge, asked[begin : begin + RENEWED])
        if WHOLE:
            print(f"{begin + RENEWED} of {len(asked)}, {len(judge.found)} found", flush=True)
    await box.settle()
    judge.audited(await _audit(client))
    reached = judge.kept | judge.refused | judge.taken
    fields = {str(place) for place, _ in asked}
    print(f"{len(asked)} requests, {len(fields)} fields: {len(judge.kept)} kept texts,")
    print(f"{len(judge.refused)} refused some, {len(judge.taken - judge.kept)} took them unread,")
    print(f"{len(fields - reached)} were not reached")
    for name in sorted(judge.elsewhere):
        if WHOLE or name not in reached:
            sign = "sometimes" if name in reached else "never"
            print(f"  {sign} {name}: {judge.elsewhere[name].most_common(3)}")
    assert not judge.found, "\n".join(judge.found)
    assert fields - reached <= UNREACHED


async def _audit(staff: Client) -> set[str]:
    """Every text in the audit."""
    answer = await staff.get("/admin/audit.jsonl")
    assert answer.is_success, answer.text
    return {
        text for line in answer.text.split("\n") if line for text in all_texts(json.loads(line))
    }
