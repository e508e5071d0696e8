"""Show 7: of an erased customer nothing readable is left anywhere, and the books still add up."""

import asyncio
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from haat.app import erasing, proving
from haat.app.erasing import do_work, read_list, write_list
from haat.app.migrating import migrate_all
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.trust.privacy.api import Privacy
from haat.engines.sql.copying import dump, load
from tests import postgres
from tests.journeys.box import Box, Client
from tests.journeys.conftest import APART, SHAPE
from tests.journeys.past import (
    ADDRESS,
    HOST,
    HOST_SECRET,
    customer_with_a_past,
    everything_in,
    files_below,
    leaks,
    picture,
    settled,
    words,
)
from tests.journeys.scene import buy, deliver, open_shop, part_of

KEY = Path(tempfile.gettempdir()) / f"haat-host-{os.getpid()}.key"
SETTINGS = {
    "HAAT_ERASURE_DAYS": "0",
    "HAAT_WEBHOOKS_ALLOW_PRIVATE": "127.0.0.0/8",
    "HAAT_WEBHOOKS_ALLOW_HTTP": "1",
    "HAAT_HOST_KEY_FILE": str(KEY),
    **HOST,
}
pytestmark = pytest.mark.skipif(
    SHAPE in APART, reason="the settings of other processes cannot be set"
)


@pytest.fixture(scope="module", autouse=True)
def beforehand() -> Iterator[None]:
    """The host's secret; and what a process does every two seconds is done here by hand."""
    KEY.write_text(HOST_SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasing, "EVERY_S", 3600.0)
        yield
    KEY.unlink()


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof's second look comes at once: nothing else is going on."""
    monkeypatch.setattr(proving, "SURE_S", 0.2)


async def test_nothing_readable_is_left(
    box: Box, postgres_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime = box.runtime
    shop = await open_shop(box, f"Plain {uuid4().hex[:6]}", price=1_000, stock=99)
    person = await customer_with_a_past(box, shop, box.runtime.settings.folder / "sms")
    id = person.person["id"]
    url = runtime.settings.sql_url.get_secret_value()
    folder = runtime.settings.folder
    await plant_letter(url, person)
    before = leaks(await everything_in(url))
    assert {line.partition(".")[0] for line in before} >= {
        *("identity", "profiles", "orders", "settlement", "receipts", "checkout", "search"),
        *("audit", "payments", "wallet", "returns", "support", "notifications", "webhooks"),
        *("rest", "bus"),
    }, before
    assert leaks(files_below(folder)), "mails were written"
    older = tmp_path / "older.dump"
    await asyncio.to_thread(dump, url, older)

    assert (await person.delete("/me/erasure")).status_code == 404  # nothing is asked for
    assert (await person.ok("GET", "/me/erasure"))["obstacles"] == []
    assert (await person.post("/me/erasure")).status_code == 201
    await settled(runtime, id, "erased")
    await write_list(runtime)

    assert leaks(await everything_in(url)) == []
    assert leaks(files_below(folder)) == []
    newer = tmp_path / "newer.dump"
    await asyncio.to_thread(dump, url, newer)
    with postgres.database(postgres_url) as restored:
        await asyncio.to_thread(load, newer, restored)
        assert leaks(await everything_in(restored)) == []
    out, err = capfd.readouterr()
    assert leaks({"log": out + err}) == []
    assert UUID(id) in read_list(runtime.settings.erased_path)
    proof = await proving.proof_of(runtime)
    assert proof.findings == []
    assert proof.audit_head is not None
    # Signing in is over, and the vendor's order reads on.
    assert (await person.get("/auth/me")).status_code == 401
    listed = await shop.owner.ok("GET", "/orders")
    assert listed["items"][0]["shipToName"] == "Erased"
    order = await shop.owner.ok("GET", f"/orders/{listed['items'][0]['id']}")
    assert order["shipTo"]["country"] == "GB"
    await restored_is_erased_again(runtime, postgres_url, older, tmp_path, id)


async def plant_letter(url: str, person: Client) -> None:
    """A fact with a reason of theirs that nobody could handle, and so is kept."""
    order = (await person.ok("GET", "/me/orders"))["items"][0]["id"]
    envelope = {"data": {"orderId": order, "reason": words("dead letter")}}
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO bus.dead (subscriber, event_id, type, key, source, pos, partition,"
            " envelope, attempts, error, failed_at) VALUES ('no.one', gen_random_uuid(),"
            " 'order.cancelled', $1, 'orders', 0, 0, $2::text::jsonb, 1, 'ValueError', now())",
            order,
            json.dumps(envelope),
        )
    finally:
        await connection.close()


async def restored_is_erased_again(
    runtime: Runtime, server: str, older: Path, folder: Path, id: str
) -> None:
    """A backup from before, put back: what the list names is erased before anybody asks."""
    with postgres.database(server) as url:
        await asyncio.to_thread(load, older, url)
        assert leaks(await everything_in(url))
        migrate_all(AppSettings(sql_url=SecretStr(url)))
        settings = runtime.settings.model_copy(
            update={
                "sql_url": SecretStr(url),
                "bus_url": SecretStr(""),
                "data": folder / "restored",
                "secret_file": runtime.settings.secret_path,
                "erased": runtime.settings.erased_path,
            }
        )
        async with Runtime(settings, all_modules(), reacts=True, timers=False) as again:
            await settled(again, id, "erased")
            assert leaks(await everything_in(url)) == []
            assert (await proving.proof_of(again)).findings == []


async def test_what_hinders_is_told_and_a_wish_can_be_taken_back(box: Box) -> None:
    shop = await open_shop(box, f"Hinder {uuid4().hex[:6]}", price=1_000, stock=9)
    owner = await shop.owner.ok("GET", "/me/erasure")
    assert [one["code"] for one in owner["obstacles"]] == ["vendor_owned"]
    refused = await shop.owner.post("/me/erasure")
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_refused")
    person = await box.person(f"{uuid4().hex[:8]}@example.com")
    placed = await buy(box, person, {shop.offer: 1})
    told = await person.ok("GET", "/me/erasure")
    assert [one["code"] for one in told["obstacles"]] == ["orders_open"]
    await deliver(box, shop, await part_of(shop, placed))
    first = await person.ok("POST", "/me/erasure")
    again = await person.ok("POST", "/me/erasure")
    assert first["id"] == again["id"]
    back = await person.ok("DELETE", "/me/erasure")
    assert back["state"] == "withdrawn"
    assert (await person.ok("DELETE", "/me/erasure"))["state"] == "withdrawn"
    assert (await person.ok("GET", "/auth/me"))["id"] == person.person["id"]


async def test_ones_own_data_come_as_a_file(box: Box) -> None:
    shop = await open_shop(box, f"Told {uuid4().hex[:6]}", price=1_000, stock=9)
    email = f"{uuid4().hex[:8]}@example.com"
    person = await box.person(email, "Told Plainly")
    await person.ok("POST", "/me/addresses", ADDRESS)
    sent = picture()
    answer = await box.http.post(
        f"{box.address}/api/v1/media",
        files={"file": ("a.png", sent, "image/png")},
        headers={"authorization": f"Bearer {person.token}", "idempotency-key": uuid4().hex},
    )
    assert answer.is_success, answer.text
    placed = await buy(box, person, {shop.offer: 1})
    asked = await person.ok("POST", "/me/data-exports")
    for _ in range(600):
        await do_work(box.runtime)
        await box.runtime.run_timers()
        (found,) = (await person.ok("GET", "/me/data-exports"))["items"]
        if found["state"] == "ready":
            break
        await asyncio.sleep(0.05)
    assert found["id"] == asked["id"]
    await box.runtime.run_timers()
    mails = files_below(box.runtime.settings.folder / "mail").values()
    assert any("/account/privacy" in text and f"To: {email}" in text for text in mails)
    file = await person.get(f"/me/data-exports/{asked['id']}/file")
    archive = zipfile.ZipFile(io.BytesIO(file.content))
    assert archive.testzip() is None
    assert "Quarzstrasse 77" in archive.read("profiles.json").decode()
    identity = json.loads(archive.read("identity.json"))
    assert identity["people"][0]["email"] == email
    assert "password" not in archive.read("identity.json").decode()
    orders = json.loads(archive.read("orders.json"))
    assert orders["orders"][0]["id"] == placed["orderId"]
    assert [name for name in archive.namelist() if name.startswith("files/")]
    other = await box.person(f"{uuid4().hex[:8]}@example.com")
    assert (await other.get(f"/me/data-exports/{asked['id']}/file")).status_code == 404


async def test_an_export_goes_on_whoever_died(box: Box) -> None:
    person = await box.person(f"{uuid4().hex[:8]}@example.com")
    asked = await person.ok("POST", "/me/data-exports")
    db = box.runtime.databases["privacy"]

    async def is_so(change: str) -> None:
        await db.execute(f"UPDATE privacy.exports SET {change} WHERE id = $1", UUID(asked["id"]))

    async def state() -> str:
        (found,) = (await person.ok("GET", "/me/data-exports"))["items"]
        return str(found["state"])

    assert await do_work(box.runtime)
    await is_so("gathered_at = NULL")  # died behind the last part
    await box.runtime.run_timers()
    assert await state() == "making"
    await do_work(box.runtime)
    await is_so("packing = gen_random_uuid(), packed_until = now() + interval '1 hour'")
    await box.runtime.run_timers()
    assert await state() == "making", "somebody is at it"
    await is_so("packed_until = now() - interval '1 hour'")  # and never came back
    privacy = box.runtime.services[Privacy]
    ctx = box.runtime.system_context("test")
    await asyncio.gather(*(privacy.pack(ctx) for _ in range(3)))
    assert await state() == "ready"
    file = await person.get(f"/me/data-exports/{asked['id']}/file")
    assert zipfile.ZipFile(io.BytesIO(file.content)).testzip() is None


async def test_an_erasure_ends_though_who_did_the_last_part_died(box: Box) -> None:
    person = await box.person(f"{uuid4().hex[:8]}@example.com")
    id, db = UUID(person.person["id"]), box.runtime.databases["privacy"]
    await person.ok("POST", "/me/erasure")
    await settled(box.runtime, person.person["id"], "erased")
    await db.execute(
        "UPDATE privacy.erasures SET state = 'erasing', ended_at = NULL WHERE person_id = $1", id
    )
    await settled(box.runtime, person.person["id"], "erased")
