"""`haat doctor` on a small market: green, and red with its cause when a guard is broken.

The guards are broken in the process that serves the doctor's customers.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from haat.app import runtime as runtime_module
from haat.app.doctor.examining import Examination, Plan
from haat.app.proving import prove_all
from haat.domains.goods.inventory.service import reserving
from haat.domains.money.payments.providers import signatures, test
from haat.domains.money.payments.service import hearing
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.backoffice.api import Backoffice, DoctorAtWork, DoctorReport, Drill
from haat.engines.bus import open_bus
from haat.engines.bus.port import Limits
from haat.engines.sql import Database
from haat.kernel import synthetic
from haat.kernel.context import Context
from tests import postgres
from tests.gateways.web.browser import Browser
from tests.journeys.box import Box, environment, market
from tests.journeys.scene import open_shop

HASTE = Limits(tries=3, backoff_s=0.05)  # a dead letter within moments, not after a minute


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres.database(postgres_url, template=postgres.name_of(template_url)) as url,
        environment({"HAAT_DATA": str(folder)}),
    ):
        patch.setattr(runtime_module, "open_bus", partial(open_bus, limits=HASTE))
        async with market(url, folder, "local") as running:
            yield running


async def examined(box: Box, *only: str, patience_s: float = 20) -> DoctorReport:
    plan = Plan(box.address, only, spared="a test does not kill itself", patience_s=patience_s)
    return await Examination(box.runtime, plan).run()


def drill(report: DoctorReport, name: str) -> Drill:
    return next(one for one in report.drills if one.name == name)


async def listed(box: Box) -> str:
    """Whatever a visitor or a search engine can find."""
    guest = box.guest()
    found = [
        (await guest.get(path)).text
        for path in ("/products", "/vendors", "/search?q=drill", "/marketplace/stats")
    ]
    return " ".join(found)


async def test_green_twice_and_nothing_is_left(box: Box) -> None:
    shop = await open_shop(box, "Clay House", price=1000, stock=50)
    before = await listed(box)
    seen: list[str] = []
    watching = asyncio.create_task(watch(box, seen))
    first = await examined(box)
    watching.cancel()
    assert first.verdict == "green", first.model_dump_json(indent=1)
    assert {one.name: one.verdict for one in first.drills} == {
        "purchase": "green",
        "poison_message": "green",
        "expired_hold": "green",
        "slow_provider": "green",
        "race": "green",
        "double_webhook": "green",
        "forged_webhook": "green",
        "killed_worker": "not_run",
        "clean_up": "green",
    }
    assert "10 orders; the others: 30 × 409 out_of_stock" in drill(first, "race").evidence
    assert set(seen) == {before}, "a visitor saw what is there for drills only"
    again = await examined(box, "double_webhook")
    assert [one.name for one in again.drills] == ["purchase", "double_webhook", "clean_up"]
    assert again.verdict == "green"
    assert await prove_all(box.runtime) == []
    ctx = box.runtime.system_context("test")
    [vendor] = await box.runtime.inner[Vendors].by_ids(ctx, ids=[synthetic.VENDOR])
    assert vendor.status == "suspended"
    assert shop.product["title"] in await listed(box)


async def watch(box: Box, seen: list[str]) -> None:
    while True:
        seen.append(await listed(box))
        await asyncio.sleep(0.2)


async def test_staff_read_the_reports(box: Box) -> None:
    staff = await box.staff()
    found = await staff.ok("GET", "/admin/doctor")
    assert [one["verdict"] for one in found["items"]] == ["green", "green"]
    id = found["items"][1]["id"]
    assert (await staff.ok("GET", f"/admin/doctor/{id}"))["drills"][0]["name"] == "purchase"
    assert (await staff.get(f"/admin/doctor/{uuid4()}")).status_code == 404
    admin = await Browser(box).sign_in("admin@staff.example.com")
    assert f"/admin/doctor/{id}" in await admin.page("/admin/doctor")
    text = await admin.page(f"/admin/doctor/{id}")
    assert "30 × 409 out_of_stock" in text
    assert "a test does not kill itself" in text


async def test_one_doctor_at_a_time_and_what_one_left_is_cleaned(box: Box) -> None:
    assert (await examined(box, "purchase")).verdict == "green"
    office: Backoffice = box.runtime.inner[Backoffice]
    ctx = box.runtime.system_context("test")
    cut_off = await office.begin_report(ctx, id=uuid4(), site=box.address)
    with pytest.raises(DoctorAtWork):
        await examined(box)
    # It was not heard of for a while, and died after it had opened its vendor.
    await box.runtime.databases["backoffice"].execute(
        "UPDATE backoffice.doctor_reports SET alive_until = $2 WHERE id = $1",
        cut_off.id,
        ctx.now() - timedelta(seconds=1),
    )
    await box.runtime.inner[Vendors].decide(ctx, id=synthetic.VENDOR, decision="reinstate")
    report = await examined(box, "purchase")
    assert report.verdict == "green", report.model_dump_json(indent=1)
    assert report.drills[0].name == "clean_up_earlier"
    assert (await office.doctor_report(ctx, id=cut_off.id)).verdict == "broken_off"


async def test_nobody_else_pays_with_drill_cards(box: Box) -> None:
    offers = (await box.guest().ok("GET", "/products"))["items"][0]["offerIds"]
    ways = await box.guest().ok("GET", "/payments/providers")
    assert synthetic.PROVIDER not in {way["name"] for way in ways["items"]}
    body = {
        "items": [{"offerId": offers[0], "quantity": 1}],
        "email": "thief@example.com",
        "shipTo": {"name": "A", "line1": "B", "city": "C", "postalCode": "D", "country": "GB"},
        "payment": {"provider": synthetic.PROVIDER, "token": "tok_any"},
    }
    answer = await box.guest().post("/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_declined")


async def test_red_when_a_message_is_not_known_again(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEEP", "HEAR_PAYMENT"):
        monkeypatch.setattr(hearing, name, _with_ids_of_its_own(getattr(hearing, name)))
    report = await examined(box, "double_webhook")
    assert report.verdict == "red"
    cause = drill(report, "double_webhook").cause
    assert re.search("one message, .* was kept [2-9] times", cause), cause
    assert drill(report, "clean_up").verdict == "green"


def _with_ids_of_its_own(sql: str) -> str:
    """The statement, deduplicating nothing: every copy of a message is another one to it."""
    for place in ("($1, $2, $3,", "($10, $11, $12,"):
        provider, event, rest = place.split(", ")
        sql = sql.replace(place, f"{provider}, {event}::text || gen_random_uuid(), {rest}")
    return sql


async def test_red_when_signatures_are_not_checked(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(key: bytes, headers: Any, body: bytes, now: Any) -> str:
        return str(headers.get("webhook-id", "none"))

    monkeypatch.setattr(test, "verify", trusting)
    report = await examined(box, "forged_webhook")
    found = drill(report, "forged_webhook")
    assert report.verdict == found.verdict == "red"
    assert found.cause.startswith("a message with a signature by another key was believed")
    assert signatures.__name__.rpartition(".")[2] in found.cause
    assert drill(report, "clean_up").verdict == "green"


async def test_red_when_a_letter_handed_over_again_is_lost(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box.runtime.bus, "replay", box.runtime.bus.discard)
    report = await examined(box, "poison_message", patience_s=3)
    assert "never came: heard [1, 3, 4]" in drill(report, "poison_message").cause
    assert drill(report, "clean_up").verdict == "green"


async def test_red_when_stock_is_read_and_then_written(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = box.runtime.databases["inventory"]
    monkeypatch.setattr(inventory, "step", partial(reading_then_writing, inventory, inventory.step))
    report = await examined(box, "race", patience_s=3)
    found = drill(report, "race")
    assert report.verdict == found.verdict == "red", report.model_dump_json(indent=1)
    assert "stock was changed without a condition" in found.cause
    assert "inventory.reserve" in found.cause


async def reading_then_writing(
    db: Database, sound: Any, ctx: Context, sql: str, *args: Any, **more: Any
) -> Any:
    """In place of the conditional update: look what is left, then write what will be."""
    if sql != reserving.RESERVE:
        return await sound(ctx, sql, *args, **more)
    id, [offer], [quantity], now, expires_at, *_ = args
    stock = f"FROM inventory.stock s WHERE offer_id = '{offer}'"
    seen = json.loads(await db.fetchval(f"SELECT to_json(s)::text {stock}"))
    if seen["on_hand"] - seen["reserved"] < quantity:
        return [{"born": False, "state": None, "expires_at": None, "fell": False, "last": False}]
    await asyncio.sleep(0.2)  # others read the same meanwhile
    row = {
        "id": id,
        "state": "held",
        "offers": [offer],
        "quantities": [quantity],
        "warehouses": [seen.get("warehouse_id")],
        "created_at": now,
        "expires_at": expires_at,
    }
    await db.execute(
        "INSERT INTO inventory.reservations"
        " SELECT (jsonb_populate_record(NULL::inventory.reservations, $1)).*",
        json.dumps(row, default=str),
    )
    await db.execute(
        "UPDATE inventory.stock SET reserved = $2 WHERE offer_id = $1",
        offer,
        seen["reserved"] + quantity,
    )
    return [{"born": True, "state": None, "expires_at": None, "fell": False, "last": False}]
