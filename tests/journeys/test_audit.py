"""Who changed what: noted with the change itself, in every shape, and found by who may look."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from haat.app import proving
from haat.app.importing import Wanted, imported
from haat.domains.trust.audit.api import Audit
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, buy, open_shop


async def entries(box: Box, staff: Client, **asked: str) -> list[dict[str, Any]]:
    """All that the trail has of this, newest first, once what was noted has arrived."""
    await box.settle()
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await staff.ok("GET", f"/admin/audit?limit=100&{query}{cursor}")
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_a_vendors_change_is_noted_with_before_and_after(box: Box) -> None:
    shop: Shop = await open_shop(box, f"Noted {uuid4().hex[:6]}", price=1_000, stock=5)
    staff = await box.staff()
    offer = shop.offer
    request = f"req-{uuid4().hex}"
    answer = await box.http.request(
        "PATCH",
        f"{box.address}/api/v1/offers/{offer}",
        json={"price": {"minor": 1_250, "currency": "USD"}},
        headers={"authorization": f"Bearer {shop.owner.token}", "x-request-id": request},
    )
    assert answer.is_success, answer.text
    found = await entries(box, staff, requestId=request)
    change = next(one for one in found if one["kind"] == "offers" and one["module"] == "catalog")
    assert change["subject"] == offer
    assert change["changes"]["price_minor"] == {"before": 1_000, "after": 1_250}, change
    assert change["actorId"] == shop.owner.person["id"]
    assert (change["acting"], change["change"]) == ("vendor", "update")
    assert change["vendorId"] == shop.id
    assert change["sessionId"]
    assert change["command"].startswith("catalog.")
    # Its own team sees it, another's does not.
    own = await shop.owner.ok("GET", f"/vendors/{shop.id}/audit?subject={offer}")
    assert change["id"] in {one["id"] for one in own["items"]}
    other = await open_shop(box, f"Other {uuid4().hex[:6]}", price=1_000, stock=5)
    theirs = await other.owner.get(f"/vendors/{shop.id}/audit")
    assert theirs.status_code == 404
    assert (await other.owner.get("/admin/audit")).status_code == 403


async def test_staff_are_noted_with_their_reason_and_what_is_personal_is_not(box: Box) -> None:
    staff = await box.staff()
    person = await box.person(f"{uuid4().hex[:8]}@example.com", "Private Name")
    id = person.person["id"]
    await person.ok("PATCH", "/me", {"name": "Another Secret", "phone": "+44 20 7946 0000"})
    await staff.ok("POST", f"/admin/people/{id}/block", {"reason": "Asked us to."})
    await staff.ok("POST", f"/admin/people/{id}/unblock", {"reason": "Asked again."})
    found = await entries(box, staff, subject=id)
    told = json.dumps(found)
    assert "Another Secret" not in told
    assert "7946" not in told
    names = [one for one in found if "name" in one["changes"] and one["change"] == "update"]
    assert names[0]["changes"]["name"] == {"hidden": True}
    assert names[0]["acting"] == "customer"
    blocked = next(one for one in found if one["command"] == "identity.block")
    assert blocked["reason"] == "Asked us to."
    assert blocked["acting"] == "staff"
    assert blocked["changes"]["status"] == {"before": "active", "after": "blocked"}


async def test_a_purchase_writes_no_trail(box: Box) -> None:
    shop = await open_shop(box, f"Bought {uuid4().hex[:6]}", price=1_000, stock=5)
    customer = await box.person(f"{uuid4().hex[:8]}@example.com")
    staff = await box.staff()
    await entries(box, staff)
    before = len(await entries(box, staff, actorId=customer.person["id"]))
    await buy(box, customer, {shop.offer: 1})
    assert len(await entries(box, staff, actorId=customer.person["id"])) == before


async def test_what_a_timer_decides_is_noted_under_its_name(box: Box) -> None:
    shop = await open_shop(box, f"Resting {uuid4().hex[:6]}", price=1_000, stock=5)
    staff = await box.staff()
    since = datetime.now(UTC) + timedelta(seconds=1)
    until = since + timedelta(seconds=1)
    body = {"since": since.isoformat(), "until": until.isoformat(), "message": "", "hidden": False}
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/absence", body)
    command = "timer vendors.turn_absences"
    for _ in range(600):
        await box.runtime.run_timers()
        found = await entries(box, staff, subject=shop.id, acting="system")
        if any(one["command"] == command for one in found):
            break
        await asyncio.sleep(0.05)
    (turned, *_) = [one for one in found if one["command"] == command]
    assert (turned["actorType"], turned["actorId"]) == ("system", None)
    assert turned["changes"]["away_on"]["after"] in (True, False)
    assert (await shop.owner.get(f"/vendors/{shop.id}/audit")).status_code == 200


async def test_a_command_of_the_operator_is_noted(box: Box, tmp_path: Path) -> None:
    shop = await open_shop(box, f"Carted {uuid4().hex[:6]}", price=1_000, stock=5)
    file = tmp_path / "goods.csv"
    file.write_text("Handle,Title,Variant SKU,Variant Price\ncup,Cup,cup-1,9.00\n")
    runtime = box.runtime
    wanted = Wanted([file], shop.vendor["slug"])
    ctx = runtime.system_context("import")
    await imported(runtime, ctx, wanted, file, lambda file, run: None, alone=True)
    found = await entries(box, await box.staff(), vendorId=shop.id, acting="system")
    assert {one["command"] for one in found} == {"haat import"}
    assert {one["kind"] for one in found} == {"runs"}


async def test_the_trail_is_exported_whole(box: Box) -> None:
    shop = await open_shop(box, f"Exported {uuid4().hex[:6]}", price=1_000, stock=5)
    staff = await box.staff()
    wanted = [one["seq"] for one in await entries(box, staff, vendorId=shop.id)]
    assert len(wanted) > 3
    text = (await staff.get(f"/admin/audit.csv?vendorId={shop.id}")).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [int(row["seq"]) for row in rows] == wanted
    lines = (await staff.get(f"/admin/audit.jsonl?vendorId={shop.id}")).text.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == wanted


async def test_the_chain_holds_and_shows_its_head(box: Box) -> None:
    staff = await box.staff()
    await entries(box, staff)
    runtime = box.runtime
    head = await runtime.inner[Audit].head(runtime.system_context("test"))
    assert head is not None
    proof = await proving.proof_of(runtime, audit_heads=[f"{head.hash}@{head.position}"])
    assert proof.findings == []
    assert proof.audit_head is not None
    wrong = await proving.proof_of(runtime, audit_heads=[f"{'0' * 64}@{head.position}"])
    assert [line.partition(":")[0] for line in wrong.findings] == ["audit.noted_head"]
