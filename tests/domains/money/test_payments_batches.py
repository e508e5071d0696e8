"""Many payments at once: captures of a batch, and messages that tell what is known."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments import proof
from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import ProviderPayment
from haat.domains.money.payments.providers.test import TestCards as CardNetwork
from haat.engines.sql import Database
from haat.kernel.context import Context
from tests.domains.money import cards
from tests.domains.money.cards import Cards, running
from tests.domains.money.emptying import emptied
from tests.domains.money.paying import CTX, World, opened

ALL = (cards.SUCCESS, cards.SUCCESS, cards.DECLINED, cards.CAPTURE_FAILS)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    with running(tmp_path_factory.mktemp("cards")) as found:
        yield found


@pytest.fixture(scope="module")
def hook_port() -> int:
    return cards.free_port()


@pytest.fixture
async def world(
    database_of: Callable[[str], Awaitable[Database]],
    database_url: str,
    network: Cards,
    hook_port: int,
) -> AsyncIterator[World]:
    await emptied(database_url, "payments")
    async with opened(await database_of("payments"), network, hook_port) as found:
        yield found


async def statuses(world: World, ids: list[UUID]) -> list[str]:
    return [one.status for one in await world.payments.capture_all(CTX, ids=ids)]


async def test_a_batch_is_captured_once_however_often_it_comes(world: World) -> None:
    before = await world.network.balance()
    held = [(await world.hold(number)).id for number in ALL]
    ids = [*held, uuid4(), held[0]]  # one that is not known is left out, one twice is one
    expected = ["captured", "captured", "declined", "capture_failed"]
    answers = await asyncio.gather(*(statuses(world, ids) for _ in range(4)))
    assert all(set(found) <= {*expected, "authorized"} for found in answers)
    assert await statuses(world, ids) == expected
    assert await world.network.balance() == before + 2 * 1299
    paid = [one["paymentId"] for one in await world.told("payment.succeeded")]
    assert sorted(paid) == sorted(str(id) for id in held[:2])
    assert len(await world.told("payment.failed")) == 2
    assert await world.payments.capture_all(CTX, ids=[]) == []
    assert await proof.prove(world.db) == []


async def test_what_a_provider_answered_is_written_when_others_break_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, away, broken = [(await world.hold()).id for _ in range(3)]
    real = CardNetwork.capture

    async def capture(
        self: CardNetwork, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        await asyncio.sleep(0 if id == good else 0.2)  # away only after the first was asked
        if id == away:
            raise ProviderAway
        if id == broken:
            raise RuntimeError("cut off")
        return await real(self, ctx, id, ref=ref)

    monkeypatch.setattr(CardNetwork, "capture", capture)
    with pytest.raises(RuntimeError):
        await world.payments.capture_all(CTX, ids=[good, away, broken])
    assert [await world.status(id) for id in (good, away, broken)] == [
        "captured",
        "authorized",
        "authorized",
    ]
    assert await statuses(world, [good, away]) == ["captured", "authorized"]
    monkeypatch.setattr(CardNetwork, "capture", real)
    assert await statuses(world, [good, away, broken]) == ["captured"] * 3
    assert len(await world.told("payment.succeeded")) == 3


def message(intent: dict[str, Any], kind: str, **changed: Any) -> dict[str, Any]:
    return {"id": "x", "type": f"intent.{kind}", "data": {"object": {**intent, **changed}}}


async def kept(world: World) -> list[str]:
    rows = await world.db.fetch(
        "SELECT event_id FROM payments.provider_events WHERE event_id LIKE 'batch%'"
    )
    return sorted(row["event_id"] for row in rows)


async def test_messages_of_one_moment_are_heard_each_for_itself(world: World) -> None:
    """Known ones, a doubled one, one that tells something new, one with another amount, a stray
    and a stranger's, all at once."""
    done = await world.captured()
    new = await world.hold(minor=1000)
    wrong = await world.hold(minor=1000)
    ended = await world.hold(minor=1000)
    await world.payments.void(CTX, id=ended.id)
    there = {id: await world.there(id) for id in (done, new.id, wrong.id, ended.id)}
    taken = {"status": "captured", "capturedMinor": 1000}
    docs = {
        "batch1": message(there[done], "authorized", status="authorized", capturedMinor=0),
        "batch2": message(there[done], "captured"),
        "batch3": message(there[new.id], "captured", **taken),
        "batch4": message(there[wrong.id], "authorized", amount={"minor": 1, "currency": "USD"}),
        "batch5": message(there[ended.id], "captured", **taken),
        "batch6": message(there[done], "captured", id=str(uuid4())),
    }
    sent = [(id, doc) for id, doc in docs.items() for _ in range(2)]
    await asyncio.gather(*(world.hear(doc, id=id) for id, doc in sent))
    # A stranger's payment is no reason to keep a row that names none of ours.
    assert set(await kept(world)) >= {"batch1", "batch2", "batch3", "batch4", "batch5"}
    assert await world.status(done) == "captured"
    assert await world.status(new.id) == "captured"
    assert await world.status(wrong.id) == "declined"
    assert await world.status(ended.id) == "voided"
    due = "SELECT void_due FROM payments.payments WHERE id = $1"
    assert await world.db.fetchval(due, ended.id), "money taken after the end must go back"
    succeeded = [one["paymentId"] for one in await world.told("payment.succeeded")]
    assert sorted(succeeded) == sorted([str(done), str(new.id)])
    raw = await world.payments.raw(CTX, payment_id=done)
    assert json.dumps(raw).count("intent.captured") >= 1
