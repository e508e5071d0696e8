"""What is found, and how soon, in every shape: prices and stock change, the index is made anew
while people search, and the process that writes it is killed."""

import asyncio
import os
import signal
from time import perf_counter
from typing import Any

import psutil
import pytest

from tests.journeys.box import Box
from tests.journeys.conftest import APART, SHAPE
from tests.journeys.fleet import Fleet
from tests.journeys.scene import Shop, open_shop

CHANGES = 20
SLOW_S, GIVE_UP_S, BACK_S = 10.0, 60.0, 120.0


async def found(box: Box, query: str) -> Any:
    return await box.guest().ok("GET", f"/search?{query}")


async def seen(box: Box, query: str, price: int | None) -> float:
    """How long it takes until the one product of that search costs this; None: until it is gone."""
    began = perf_counter()
    while True:
        hits = await found(box, query)
        prices = [one["priceFrom"]["minor"] for one in hits["items"]]
        if prices == ([] if price is None else [price]):
            return perf_counter() - began
        assert perf_counter() - began < GIVE_UP_S, (prices, price)
        if not APART.get(SHAPE):
            await box.settle()  # nothing else reacts in these shapes
        await asyncio.sleep(0.02)


async def set_price(shop: Shop, minor: int) -> None:
    price = {"minor": minor, "currency": "USD"}
    await shop.owner.ok("PATCH", f"/offers/{shop.offer}", {"price": price})


async def test_changes_are_found_soon(box: Box) -> None:
    shop = await open_shop(box, "Quick Silver", price=1_000, stock=5)
    delays = []
    for number in range(CHANGES):
        await set_price(shop, 1_100 + number)
        delays.append(await seen(box, "q=quick+silver", 1_100 + number))
    last = 1_100 + CHANGES - 1
    for _ in range(CHANGES // 4):
        await shop.owner.ok("PUT", f"/inventory/{shop.offer}", {"onHand": 0})
        delays.append(await seen(box, "q=quick+silver&inStock=true", None))
        await shop.owner.ok("PUT", f"/inventory/{shop.offer}", {"onHand": 3})
        delays.append(await seen(box, "q=quick+silver&inStock=true", last))
    delays.sort()
    p95 = delays[int(len(delays) * 0.95)]
    print(f"found after {delays[len(delays) // 2]:.2f} s (median), {p95:.2f} s (p95)")
    if SHAPE in APART:  # where processes follow by themselves; else `settle` is what took so long
        assert p95 < SLOW_S  # 2 s where nothing else runs: docs/operate/search.md


async def test_a_vendor_is_found_by_what_it_is(box: Box) -> None:
    shop = await open_shop(box, "Near Here", price=1_000, stock=5)
    here = {"latitude": 51.5, "longitude": -0.12, "place": "London"}
    await shop.owner.ok("PATCH", f"/vendors/{shop.id}", {"location": here})
    staff = await box.staff()
    await staff.ok("PUT", f"/admin/vendors/{shop.id}/verification", {"verified": True})
    await box.settle()
    await seen(box, "q=near+here&verified=true&near=51.6,-0.12&withinKm=20", 1_000)
    await seen(box, "q=near+here&verified=true&near=48.85,2.35&withinKm=20", None)
    vendors = await box.guest().ok("GET", "/search/vendors?q=near+here&verified=true")
    assert [one["place"] for one in vendors["items"]] == ["London"]


async def test_made_anew_while_people_search(box: Box) -> None:
    shop = await open_shop(box, "Ever There", price=1_000, stock=5)
    await seen(box, "q=ever+there", 1_000)
    staff, failures, asked = await box.staff(), [], 0
    done = asyncio.Event()

    async def search() -> None:
        nonlocal asked
        while not done.is_set():
            answer = await box.guest().get("/search?q=ever+there")
            asked += 1
            if answer.status_code != 200 or answer.json()["total"] != 1:
                failures.append(answer.text[:200])
            await asyncio.sleep(0.01)

    searching = asyncio.create_task(search())
    for number in range(3):
        await staff.ok("POST", "/admin/search/rebuild")
        await set_price(shop, 2_000 + number)
        await seen(box, "q=ever+there", 2_000 + number)
    done.set()
    await searching
    assert failures == []
    assert asked > 10


def writers(fleet: Fleet) -> list[int]:
    """The processes that hold the lock of an index."""
    every = psutil.Process(fleet.process.pid).children(recursive=True)
    return [
        one.pid for one in every if any("writer.lock" in file.path for file in one.open_files())
    ]


@pytest.mark.skipif(SHAPE not in APART, reason="there is no process to kill in this shape")
async def test_who_writes_the_index_is_killed(box: Box, request: pytest.FixtureRequest) -> None:
    fleet: Fleet = request.getfixturevalue("running_fleet")
    shop = await open_shop(box, "Comes Back", price=1_000, stock=5)
    await seen(box, "q=comes+back", 1_000)
    for number in range(2):
        mine = writers(fleet)
        assert mine
        await set_price(shop, 3_000 + number)
        for pid in mine:
            os.kill(pid, signal.SIGKILL)
        began = perf_counter()
        prices: list[int] = []
        while prices != [3_000 + number]:  # its supervisor starts it again
            assert perf_counter() - began < BACK_S, "what changed while it was away is not found"
            answer = await box.guest().get("/search?q=comes+back")
            if answer.status_code == 200:
                prices = [one["priceFrom"]["minor"] for one in answer.json()["items"]]
            await asyncio.sleep(0.1)
        print(f"killed: found again after {perf_counter() - began:.1f} s")
