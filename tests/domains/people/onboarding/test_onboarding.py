import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.people.onboarding import reactions
from haat.domains.people.onboarding.api import (
    BusinessData,
    ChecklistFull,
    ChecklistIncomplete,
    Decision,
    Item,
    Onboarding,
    ReviewMoved,
    TermsDraft,
    TermsOutdated,
)
from haat.domains.people.onboarding.rules import decision_to
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.onboarding.staff_routes import router
from haat.domains.people.vendors.api import (
    Status,
    VendorApplied,
    VendorApproved,
    VendorRejected,
    Vendors,
    WrongVendorState,
)
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Forbidden, Invalid, NotFound, Unavailable
from tests.domains.people.doubles import (
    HOSTILE,
    NOON,
    Rest,
    guest,
    outbox,
    person,
    raw,
    system,
)
from tests.domains.people.onboarding.scene import (
    WHOLE,
    FakeVendors,
    item_of,
    owner,
    photo,
    require,
    sent,
    staff,
)


async def test_a_fresh_market_asks_for_the_usual_and_requires_nothing(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = vendors.add(business_type="individual")
    found = await onboarding.progress(owner(at, vendor), vendor_id=vendor.id)
    # No proof of business from an individual, no terms while there are none.
    assert [(one.item.kind, one.state) for one in found.items] == [
        ("business", "open"), ("document", "open"), ("bank_account", "open"), ("profile", "open"),
    ]  # fmt: skip
    assert (found.stage, found.left, found.missing) == ("submitted", 4, 0)
    company = vendors.add(business_type="company")
    more = await onboarding.progress(owner(at, company), vendor_id=company.id)
    assert [one.item.document_type for one in more.items if one.item.kind == "document"] == [
        "identity", "business",
    ]  # fmt: skip
    done = await onboarding.decide(staff(at), vendor_id=vendor.id, decision="approve")
    assert done.stage == "approved"
    assert vendors.told == [(vendor.id, "approve", "")]


async def test_who_was_a_vendor_before_stays_one(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    await require(onboarding, "identity", at)
    for status, stage in (("active", "approved"), ("suspended", "approved"), ("rejected",) * 2):
        vendor = vendors.add(status)  # type: ignore[arg-type]
        found = await onboarding.progress_of(staff(at), vendor_id=vendor.id)
        assert found.stage == stage
    assert vendors.told == []


async def test_a_vendor_fills_the_list_step_by_step(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    for kind in ("business", "identity", "bank_account", "profile"):
        await require(onboarding, kind, at)
    vendor = vendors.add()
    me = owner(at, vendor)
    assert (await onboarding.progress(me, vendor_id=vendor.id)).stage == "preparing"

    half = await onboarding.save_business(
        me, vendor_id=vendor.id, data=BusinessData(legal_name="  Green   Farm Ltd ")
    )
    assert half.business.legal_name == "Green Farm Ltd"
    assert half.items[0].note.startswith("Missing: Street and number, ")
    with pytest.raises(ChecklistIncomplete) as refused:
        await onboarding.submit(me, vendor_id=vendor.id)
    assert len(refused.value.data["items"]) == 4
    await onboarding.save_business(me, vendor_id=vendor.id, data=WHOLE)
    await onboarding.note_bank(system(at), vendor_id=vendor.id, state="unverified", at=NOON)
    vendors.known[vendor.id] = vendor.model_copy(
        update={"description": "Apples", "logo_id": uuid4()}
    )
    await sent(onboarding, at, vendor)
    ready = await onboarding.progress(me, vendor_id=vendor.id)
    assert [one.state for one in ready.items] == ["done", "waiting", "done", "done"]
    assert (ready.left, ready.missing, ready.unchecked) == (0, 0, 1)

    await outbox(db)
    given = await asyncio.gather(*(onboarding.submit(me, vendor_id=vendor.id) for _ in range(4)))
    assert {one.stage for one in given} == {"submitted"}
    assert [type for type, _ in await outbox(db)] == ["vendor.application_submitted"]
    with pytest.raises(ChecklistIncomplete):  # nobody has looked at the document
        await onboarding.decide(staff(at), vendor_id=vendor.id, decision="approve")
    [document] = await onboarding.documents(me, vendor_id=vendor.id)
    await onboarding.decide_document(staff(at), id=document.id, verified=True)
    await onboarding.decide(staff(at), vendor_id=vendor.id, decision="approve")
    assert vendors.told == [(vendor.id, "approve", "")]


async def test_changes_are_asked_for_and_told(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    vendor, desk = vendors.add(), staff(at)
    with pytest.raises(Invalid):
        await onboarding.decide(desk, vendor_id=vendor.id, decision="request_changes", note=" ")
    for _ in range(2):
        found = await onboarding.decide(
            desk, vendor_id=vendor.id, decision="request_changes", note="A sharper photograph"
        )
    assert (found.stage, found.note) == ("changes", "A sharper photograph")
    assert await outbox(db) == [("vendor.changes_requested", {"vendorId": str(vendor.id)})]
    again = await onboarding.submit(owner(at, vendor), vendor_id=vendor.id)
    assert again.stage == "submitted"
    at.advance(timedelta(minutes=1))
    await onboarding.remark(desk, id=uuid4(), vendor_id=vendor.id, text="Known from the fair")
    at.advance(timedelta(minutes=1))
    await onboarding.decide(desk, vendor_id=vendor.id, decision="reject", note="Two\nlines")
    assert vendors.told == [(vendor.id, "reject", "Two lines")]
    page = await onboarding.history(desk, vendor_id=vendor.id, limit=2)
    assert [(one.what, one.internal) for one in page.items] == [
        ("rejected", False), ("remark", True),
    ]  # fmt: skip
    rest = await onboarding.history(desk, vendor_id=vendor.id, cursor=page.next)
    assert {one.what for one in rest.items} == {"submitted", "changes_requested"}
    assert rest.next is None
    with pytest.raises(WrongVendorState):
        await onboarding.decide(desk, vendor_id=vendor.id, decision="approve")


async def test_two_decisions_at_once(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = vendors.add()
    await onboarding.progress_of(staff(at), vendor_id=vendor.id)
    found = await asyncio.gather(
        *(
            onboarding.decide(staff(at), vendor_id=vendor.id, decision=verb, note="x")
            for verb in ("approve", "reject", "approve", "reject")
        ),
        return_exceptions=True,
    )
    assert len({decision for _, decision, _ in vendors.told}) == 1
    lost = [one for one in found if isinstance(one, BaseException)]
    assert all(isinstance(one, ReviewMoved | WrongVendorState) for one in lost)
    assert lost


async def test_a_decision_survives_vendors_being_away(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = vendors.add()
    vendors.away = True
    with pytest.raises(Unavailable):
        await onboarding.decide(staff(at), vendor_id=vendor.id, decision="approve")
    vendors.away = False
    await onboarding.tell_rest(system(at))
    assert vendors.told == []  # whoever decides may be about to tell
    at.advance(timedelta(minutes=1))
    await onboarding.tell_rest(system(at))
    await onboarding.tell_rest(system(at))
    assert vendors.told == [(vendor.id, "approve", "")]


async def test_what_vendors_decide_is_followed(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    first, second = vendors.add(), vendors.add()
    ctx = system(at)
    applied = [
        VendorApplied(vendor_id=one.id, person_id=uuid4(), name="x") for one in (first, second)
    ]
    await reactions.vendors_moved(onboarding, ctx, [*applied])
    approved = VendorApproved(vendor_id=first.id, slug="x", name="x", country="DE")
    for _ in range(2):
        await reactions.vendors_moved(onboarding, ctx, [approved])
    await reactions.vendors_moved(
        onboarding, ctx, [VendorRejected(vendor_id=second.id, reason="n")]
    )
    found = await onboarding.cases_of(staff(at), vendor_ids=[first.id, second.id])
    assert {one.vendor_id: one.stage for one in found} == {
        first.id: "approved", second.id: "rejected",
    }  # fmt: skip
    history = await onboarding.history(staff(at), vendor_id=first.id)
    assert [one.what for one in history.items] == ["approved"]


async def test_an_item_can_be_waived(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    item, vendor, desk = await require(onboarding, "identity", at), vendors.add(), staff(at)
    given: dict[str, Any] = {"vendor_id": vendor.id, "item_id": item.id}
    with pytest.raises(Invalid):
        await onboarding.waive(desk, **given, waived=True)
    found = await onboarding.waive(desk, **given, waived=True, note="An old friend")
    assert [one.state for one in found.items if one.item.id == item.id] == ["waived"]
    back = await onboarding.waive(desk, **given, waived=False)
    assert back.missing == 1
    with pytest.raises(NotFound):
        await onboarding.waive(desk, vendor_id=vendor.id, item_id=uuid4(), waived=True, note="x")


async def test_terms_are_accepted_by_version(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    vendor, desk = vendors.add(), staff(at)
    me = owner(at, vendor)
    assert await onboarding.terms(guest(at)) is None
    draft, id = TermsDraft(title="Terms", text="Be\r\nkind.", grace_days=10), uuid4()
    found = await asyncio.gather(
        *(onboarding.publish_terms(desk, id=id, draft=draft) for _ in range(3))
    )
    assert {one.version for one in found} == {1}
    assert found[0].text == "Be\nkind."
    first = await onboarding.progress(me, vendor_id=vendor.id)
    assert first.terms_due == NOON + timedelta(days=10)
    accepted = await onboarding.accept_terms(me, vendor_id=vendor.id, version=1)
    at.advance(timedelta(hours=1))
    assert (
        await onboarding.accept_terms(owner(at, vendor), vendor_id=vendor.id, version=1) == accepted
    )
    assert (await onboarding.progress(me, vendor_id=vendor.id)).terms_due is None

    await onboarding.publish_terms(desk, id=uuid4(), draft=draft)
    due = await onboarding.progress(me, vendor_id=vendor.id)
    assert due.terms_due
    assert [i.state for i in due.items if i.item.kind == "terms"] == ["open"]
    other = vendors.add()
    with pytest.raises(TermsOutdated):
        await onboarding.accept_terms(owner(at, other), vendor_id=other.id, version=1)
    for nothing in (0, 3, -1, 2**40):
        with pytest.raises(NotFound):
            await onboarding.accept_terms(me, vendor_id=vendor.id, version=nothing)
    await onboarding.accept_terms(me, vendor_id=vendor.id, version=2)
    page = await onboarding.acceptances(desk, vendor_id=vendor.id, limit=1)
    rest = await onboarding.acceptances(desk, vendor_id=vendor.id, cursor=page.next)
    assert [one.version for one in (*page.items, *rest.items)] == [2, 1]
    assert [one.version for one in await onboarding.versions(desk)] == [2, 1]


async def test_the_checklist_is_the_operators(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    desk, id = staff(at), uuid4()
    licence = Item(kind="document", title="Licence", document_type="licence", position=5)
    made = await onboarding.save_item(desk, id=id, item=licence)
    assert (await onboarding.checklist(desk))[0] == made
    with pytest.raises(NotFound):  # what it is stays
        await onboarding.save_item(desk, id=id, item=Item(kind="profile", title="x"))
    await onboarding.remove_item(desk, id=id)
    await onboarding.remove_item(desk, id=id)
    assert made not in await onboarding.checklist(desk)
    with pytest.raises(NotFound):
        await onboarding.save_item(desk, id=id, item=licence)
    there = len(await onboarding.checklist(desk))
    results = await asyncio.gather(
        *(onboarding.save_item(desk, id=uuid4(), item=licence) for _ in range(40 - there + 3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, ChecklistFull) for one in results) == 3
    wrong: tuple[dict[str, Any], ...] = (
        {"kind": "document"}, {"kind": "business"}, {"kind": "profile", "fields": ["city"]},
        {"kind": "profile", "document_type": "tax"}, {"kind": "profile", "title": " "},
    )  # fmt: skip
    for bad in wrong:
        item = Item.model_validate({"title": "x", **bad})
        with pytest.raises(Invalid):
            await onboarding.save_item(desk, id=uuid4(), item=item)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_kept_or_refused(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, text: str
) -> None:
    vendor = vendors.add()
    body = {"legalName": text}
    rest = Rest(at, {Onboarding: onboarding}, router)
    async with rest.client(owner(at, vendor)) as client:
        answer = await client.put(f"/vendors/{vendor.id}/onboarding/business", **raw(body))
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["business"]["legalName"] == " ".join(text.split())


async def test_over_rest(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor, other = vendors.add(), vendors.add()
    rest = Rest(at, {Onboarding: onboarding, Vendors: vendors}, router)
    item = await item_of(onboarding, "identity", at)
    here = f"/vendors/{vendor.id}"
    async with rest.client(owner(at, vendor)) as client:
        files = {"file": ("pass.png", photo(), "text/html")}
        answer = await client.post(f"{here}/onboarding/{item.id}/documents", files=files)
        assert answer.status_code == 201, answer.text
        document = answer.json()
        assert document["contentType"] == "image/png"
        found = (await client.get(f"{here}/onboarding")).json()
        assert found["unchecked"] == 1
        assert (await client.get(f"/vendors/{other.id}/onboarding")).status_code == 404
        assert (await client.get(f"/vendors/{other.id}/documents")).status_code == 404
        paper = f"/admin/documents/{document['id']}"
        for path in (f"{paper}/page", f"{paper}/looks", f"/admin{here}/documents"):
            assert (await client.get(path)).status_code == 403
    async with rest.client(owner(at, other)) as stranger:
        answer = await stranger.delete(f"/vendors/{other.id}/documents/{document['id']}")
        assert answer.status_code == 404
    async with rest.client(person(at, vendor=vendor.id, scopes=["vendor:orders"])) as helper:
        answer = await helper.post(f"{here}/onboarding/{item.id}/documents", files=files)
        assert answer.status_code == 403
    async with rest.client(staff(at)) as desk:
        shown = await desk.get(f"{paper}/page")
        assert shown.headers["content-type"] == "image/webp"
        assert shown.content[:4] == b"RIFF"
        verdict = await desk.put(paper, json={"verified": True})
        assert verdict.json()["status"] == "verified"
        answer = await desk.patch(f"/admin{here}/status", json={"status": "active"})
        assert answer.json()["status"] == "active"
        again = await desk.patch(f"/admin{here}/status", json={"decision": "approve"})
        assert again.status_code == 200
        cases = (await desk.get("/admin/applications", params={"stage": "approved"})).json()
        assert [one["vendorId"] for one in cases["items"]] == [str(vendor.id)]


async def test_who_may_not_is_refused(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = vendors.add()
    with pytest.raises(NotFound):
        await onboarding.progress(person(at, vendor=uuid4()), vendor_id=vendor.id)
    with pytest.raises((NotFound, Forbidden)):
        await onboarding.submit(person(at), vendor_id=vendor.id)


@pytest.mark.parametrize(
    ("status", "target", "decision"),
    [
        ("pending", "active", "approve"),
        ("suspended", "active", "reinstate"),
        ("active", "active", "approve"),
        ("pending", "rejected", "reject"),
        ("rejected", "rejected", "reject"),
        ("active", "suspended", "suspend"),
        ("suspended", "suspended", "suspend"),
    ],
)
def test_the_decision_for_a_status(status: Status, target: Status, decision: Decision) -> None:
    assert decision_to(status, target) == decision


@pytest.mark.parametrize(
    ("status", "target"),
    [("rejected", "active"), ("pending", "suspended"), ("active", "rejected")],
)
def test_a_status_that_cannot_be_reached(status: Status, target: Status) -> None:
    with pytest.raises(WrongVendorState):
        decision_to(status, target)


async def test_statuses_over_rest(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    rest = Rest(at, {Onboarding: onboarding, Vendors: vendors}, router)
    vendor = vendors.add()
    admin = f"/admin/vendors/{vendor.id}"
    async with rest.client(owner(at, vendor)) as client:
        answer = await client.patch(f"{admin}/status", json={"decision": "approve"})
        assert answer.status_code == 403
    async with rest.client(staff(at)) as client:
        for body, status in (
            ({"status": "active"}, "active"),
            ({"status": "active"}, "active"),
            ({"status": "suspended", "reason": "Fakes"}, "suspended"),
            ({"status": "active"}, "active"),
            ({"decision": "approve"}, "active"),
        ):
            answer = await client.patch(f"{admin}/status", json=body)
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        bad: list[Any] = [{}, {"decision": "approve", "status": "active"}, {"status": "pending"}]
        for body in bad:
            assert (await client.patch(f"{admin}/status", json=body)).status_code == 422
        answer = await client.patch(f"{admin}/status", json={"status": "rejected", "reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "vendor_state")
        answer = await client.patch(f"/admin/vendors/{uuid4()}/status", json={"status": "active"})
        assert answer.status_code == 404
