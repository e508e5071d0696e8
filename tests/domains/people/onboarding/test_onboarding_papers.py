import asyncio
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image, ImageChops

from haat.domains.people.onboarding import drawing, reactions
from haat.domains.people.onboarding.api import (
    DOCUMENT_BYTES_MAX,
    DocumentDecided,
    DocumentDeleted,
    DocumentIdTaken,
    DocumentsFull,
    DocumentTooLarge,
    DocumentUnreadable,
)
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.vendors.api import (
    VendorRejected,
)
from haat.engines.blob import Blob, BlobMissing
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, NotFound, Unavailable
from tests.domains.people.doubles import (
    outbox,
    system,
)
from tests.domains.people.onboarding.scene import (
    FakeVendors,
    item_of,
    owner,
    pdf,
    photo,
    sent,
    staff,
)


async def test_documents_are_sealed_and_seen_with_a_mark(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, blob: Blob, db: Database
) -> None:
    vendor, desk = vendors.add(), staff(at)
    content = pdf(text="Secret 4711")
    id = await sent(onboarding, at, vendor, content)
    [key] = await blob.keys(f"documents/{vendor.id}")
    stored = await blob.get(key)
    assert len(stored) == len(content) + 28
    assert b"%PDF" not in stored
    seen = await onboarding.look(desk, id=id, page=2)
    assert seen.pages == 2
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert picture.format == "WEBP"
        assert picture.width > 1000
        # The mark: a white page has red in it.
        red, green, _ = picture.convert("RGB").split()
        most = ImageChops.subtract(red, green).getextrema()[1]
        assert isinstance(most, int)
        assert most > 30
    looks = await onboarding.looks(desk, id=id)
    assert [(one.person_id, one.page) for one in looks] == [(desk.actor.id, 2)]
    with pytest.raises(NotFound):
        await onboarding.look(desk, id=id, page=3)
    # What is moved to another row, or changed on the disk, does not open.
    await blob.put(key, stored[:-1] + bytes([stored[-1] ^ 1]), "x")
    with pytest.raises(Exception, match="damaged"):
        await onboarding.look(desk, id=id)
    other = await sent(onboarding, at, vendor, pdf(1))
    await blob.put(f"documents/{vendor.id}/{other}", stored, "x")
    with pytest.raises(Exception, match="damaged"):
        await onboarding.look(desk, id=other)


async def test_a_document_is_what_its_bytes_are(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, blob: Blob
) -> None:
    vendor = vendors.add()
    for good in (pdf(1), photo("PNG"), photo("JPEG")):
        await sent(onboarding, at, vendor, good)
    wrong = (
        b"<html><script>alert(1)</script>", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"\xff\xd8\xff\xe0", photo("GIF"), b"PK\x03\x04zip", photo("PNG")[:60],
    )  # fmt: skip
    for bad in wrong:
        with pytest.raises(DocumentUnreadable):
            await sent(onboarding, at, vendor, bad)
    with pytest.raises(DocumentTooLarge):
        await sent(onboarding, at, vendor, pdf(1) + b"\0" * DOCUMENT_BYTES_MAX)
    with pytest.raises(DocumentTooLarge):
        await sent(onboarding, at, vendor, pdf(31))
    assert len(await blob.keys(f"documents/{vendor.id}")) == 3


async def test_the_same_document_twice_is_one(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor, other = vendors.add(), vendors.add()
    item = await item_of(onboarding, "identity", at)
    given: dict[str, Any] = {"id": uuid4(), "item_id": item.id, "name": "../../etc/p\x00ass\n.pdf"}
    content = pdf(1)
    found = await asyncio.gather(
        *(
            onboarding.add_document(
                owner(at, vendor), vendor_id=vendor.id, content=content, **given
            )
            for _ in range(3)
        )
    )
    assert {one.name for one in found} == {"pass.pdf"}
    assert len(await onboarding.documents(owner(at, vendor), vendor_id=vendor.id)) == 1
    with pytest.raises(DocumentIdTaken):
        await onboarding.add_document(
            owner(at, vendor), vendor_id=vendor.id, content=photo(), **given
        )
    with pytest.raises(DocumentIdTaken):
        await onboarding.add_document(
            owner(at, other), vendor_id=other.id, content=content, **given
        )
    with pytest.raises(NotFound):
        await onboarding.add_document(
            owner(at, other), vendor_id=vendor.id, content=content, **{**given, "id": uuid4()}
        )


async def test_documents_have_an_end(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    vendor = vendors.add()
    await sent(onboarding, at, vendor, photo())
    await db.execute(
        "INSERT INTO onboarding.documents (id, vendor_id, item_id, type, name, digest,"
        " content_type, size_bytes, pages, stored, status, uploaded_at)"
        " SELECT gen_random_uuid(), vendor_id, item_id, type, name, digest, content_type,"
        " size_bytes, pages, stored, status, uploaded_at FROM onboarding.documents,"
        " generate_series(1, 38)"
    )
    found = await asyncio.gather(
        *(sent(onboarding, at, vendor, photo()) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, DocumentsFull) for one in found) == 2


async def test_each_document_is_decided_on_by_itself(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    vendor, desk = vendors.add(), staff(at)
    first = await sent(onboarding, at, vendor, photo())
    at.advance(timedelta(seconds=1))
    second = await sent(onboarding, at, vendor, photo())
    await outbox(db)
    with pytest.raises(Invalid):
        await onboarding.decide_document(desk, id=first, verified=False)
    refused = await onboarding.decide_document(desk, id=first, verified=False, reason="Blurred")
    assert refused.delete_after == at.now() + timedelta(days=30)
    for _ in range(2):
        await onboarding.decide_document(desk, id=second, verified=True)
    assert [data["verified"] for _, data in await outbox(db)] == [False, True]
    with pytest.raises(DocumentDecided):
        await onboarding.decide_document(desk, id=first, verified=True)
    found = await onboarding.progress(owner(at, vendor), vendor_id=vendor.id)
    assert [one.state for one in found.items if one.item.kind == "document"] == ["done"]
    with pytest.raises(DocumentDecided):
        await onboarding.remove_document(owner(at, vendor), id=second)
    await onboarding.decide_document(desk, id=second, verified=False, reason="Forged")
    found = await onboarding.progress(owner(at, vendor), vendor_id=vendor.id)
    [state] = [one for one in found.items if one.item.kind == "document"]
    assert (state.state, state.note) == ("refused", "Forged")


async def test_documents_are_deleted_when_their_time_has_come(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, blob: Blob
) -> None:
    vendor, stays, desk = vendors.add(), vendors.add(), staff(at)
    verified = await sent(onboarding, at, vendor, photo())
    kept = await sent(onboarding, at, stays, photo())
    await onboarding.decide_document(desk, id=verified, verified=True)
    own = await sent(onboarding, at, vendor, photo())
    await onboarding.remove_document(owner(at, vendor), id=own)
    await onboarding.remove_document(owner(at, vendor), id=own)
    assert await blob.keys(f"documents/{vendor.id}") == [f"documents/{vendor.id}/{verified}"]
    event = VendorRejected(vendor_id=vendor.id, reason="No")
    await reactions.vendors_moved(onboarding, system(at), [event])
    at.advance(timedelta(days=29))
    assert await onboarding.delete_due(system(at)) == 0
    await onboarding.look(desk, id=verified)
    at.advance(timedelta(days=2))
    assert await onboarding.delete_due(system(at)) == 1
    with pytest.raises(DocumentDeleted):
        await onboarding.look(desk, id=verified)
    with pytest.raises(BlobMissing):
        await blob.get(f"documents/{vendor.id}/{verified}")
    [there] = await onboarding.documents_of(desk, vendor_id=stays.id)
    assert there.id == kept
    assert there.deleted_at is None
    gone = await onboarding.documents_of(desk, vendor_id=vendor.id)
    assert {one.name for one in gone} == {""}
    assert len(gone) == 2


async def test_an_upload_cut_short_is_cleared_away(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, blob: Blob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    vendor = vendors.add()

    async def down(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(type(blob), "put", down)
        with pytest.raises(Unavailable):
            await sent(onboarding, at, vendor, photo())
    assert await onboarding.documents_of(staff(at), vendor_id=vendor.id) == []
    at.advance(timedelta(hours=2))
    assert await onboarding.delete_due(system(at)) == 1


def test_a_decoder_that_fails_takes_nothing_with_it() -> None:
    for content in (b"%PDF-" + b"9" * 1000, pdf(1)[:-200], photo()[:80]):
        try:
            drawing.drawn(content, 1, "x")
        except drawing.Unreadable:
            continue
    assert drawing.pages_in(pdf(3)) == 3
