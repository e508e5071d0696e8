import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image

from haat.domains.people.media import reactions
from haat.domains.people.media.api import (
    SIZE_MAX,
    WIDTHS,
    Content,
    Media,
    MediaFile,
    MediaIdTaken,
    MediaUploaded,
    NotAPicture,
    PictureTooLarge,
)
from haat.domains.people.media.rules import made_width, made_widths
from haat.domains.people.media.service import MediaOptions, MediaService
from haat.domains.people.media.site_routes import media_router
from haat.domains.people.media.tus import router
from haat.engines.blob import Blob, open_blob
from haat.engines.http import Signer
from haat.engines.rpc.loopback import loopback
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import NotFound, Unavailable
from haat.kernel.events import noted_in
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import SECRET as SECRET_KEY
from tests.domains.people.doubles import Rest, clock, guest, outbox, person, system
from tests.domains.people.test_media_pictures import SECRET, picture, with_metadata


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("media")
    for table in ("files", "uploads", "usage", "claims", "outbox"):
        await db.execute(f"DELETE FROM media.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blob(store: Path) -> Blob:
    return open_blob(str(store))


@pytest.fixture
def media(db: Database, blob: Blob, at: SettableClock) -> MediaService:
    return MediaService(db, blob, Signer(SECRET_KEY, at), MediaOptions())


def stored(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file()]


async def rendered(media: MediaService, at: SettableClock, *ids: UUID) -> None:
    [reaction] = noted_in(reactions).reactions
    assert not reaction.writes
    await reaction.handler(media, system(at), [MediaUploaded(media_id=id) for id in ids])


async def test_a_picture_is_kept_and_rendered(
    media: MediaService, at: SettableClock, db: Database, store: Path
) -> None:
    me, id = person(at), uuid4()
    kept = await media.upload(me, id=id, content=with_metadata("JPEG"))
    assert (kept.content_type, kept.width, kept.height, kept.ready) == ("image/jpeg", 40, 60, False)
    assert await outbox(db) == [("media.uploaded", {"mediaId": str(id)})]
    original = await media.content(guest(at), id=id)
    assert (original.content_type, original.final) == ("image/jpeg", True)
    assert len(original.data) == kept.size_bytes
    assert SECRET not in original.data
    early = await media.content(guest(at), id=id, width=160)
    assert (early.data, early.final) == (original.data, False)
    for _ in range(2):
        await rendered(media, at, id, uuid4())
    for width in WIDTHS:
        found = await media.content(guest(at), id=id, width=width)
        assert (found.content_type, found.final) == ("image/webp", True)
    assert await media.files(guest(at), ids=[id, uuid4()]) == [
        kept.model_copy(update={"ready": True})
    ]
    assert len(stored(store)) == 2  # it is narrower than all of them, so one stands for all


async def test_renditions_in_two_formats(
    media: MediaService, at: SettableClock, db: Database, store: Path
) -> None:
    id = uuid4()
    await media.upload(person(at), id=id, content=picture("JPEG", (1000, 500)))
    await rendered(media, at, id)
    assert {path.name for path in stored(store)} == {
        *("original", "160", "320", "480", "640", "960", "1280")
    }
    early = await media.content(guest(at), id=id, width=480, format="avif")
    assert (early.content_type, early.final) == ("image/webp", False)
    assert await media.render_rest(system(at)) == 1
    assert await media.render_rest(system(at)) == 0
    for width, wide in ((160, 160), (480, 480), (960, 960), (1280, 1000)):
        for kind in ("avif", "webp"):
            found = await media.content(guest(at), id=id, width=width, format=kind)
            assert (found.content_type, found.final) == (f"image/{kind}", True)
            with Image.open(BytesIO(found.data)) as shown:
                assert shown.size == (wide, wide // 2)


async def test_an_older_installations_pictures_get_the_new_widths(
    media: MediaService, at: SettableClock, db: Database, store: Path
) -> None:
    id = uuid4()
    await media.upload(person(at), id=id, content=picture("JPEG", (1000, 500)))
    await rendered(media, at, id)
    for path in stored(store):
        if path.name in ("320", "640", "1280"):
            path.unlink()
    early = await media.content(guest(at), id=id, width=320)
    assert (early.content_type, early.final) == ("image/jpeg", False)
    await media.render_rest(system(at))
    assert len(stored(store)) == 1 + 2 * len(WIDTHS)
    assert (await media.content(guest(at), id=id, width=320)).final


def test_made_widths() -> None:
    assert made_widths(100) == (160,)
    assert made_widths(160) == (160,)
    assert made_widths(161) == (160, 320)
    assert made_widths(1280) == made_widths(1000) == WIDTHS
    assert made_widths(5000) == WIDTHS
    assert [made_width(w, 400) for w in WIDTHS] == [160, 320, 480, 480, 480, 480]


async def test_the_same_upload_again(
    media: MediaService, at: SettableClock, db: Database, store: Path
) -> None:
    me, id, content = person(at), uuid4(), picture()
    found = await asyncio.gather(*(media.upload(me, id=id, content=content) for _ in range(4)))
    assert len(set(found)) == 1
    assert await media.upload(me, id=id, content=content) == found[0]
    assert len(await outbox(db)) == 1
    with pytest.raises(MediaIdTaken):
        await media.upload(me, id=id, content=picture())
    with pytest.raises(MediaIdTaken):
        await media.upload(person(at), id=id, content=content)
    assert len(stored(store)) == 1


async def test_two_pictures_race_for_one_id(
    media: MediaService, at: SettableClock, store: Path
) -> None:
    me, id = person(at), uuid4()
    sent = [picture(size=(30 + n, 20)) for n in range(4)]
    found = await asyncio.gather(
        *(media.upload(me, id=id, content=content) for content in sent), return_exceptions=True
    )
    [kept] = [one for one in found if isinstance(one, MediaFile)]
    assert sum(isinstance(one, MediaIdTaken) for one in found) == 3
    shown = await media.content(guest(at), id=id)
    assert len(shown.data) == kept.size_bytes
    assert len(stored(store)) == 1


async def test_nothing_is_kept_of_what_is_refused(
    media: MediaService, at: SettableClock, db: Database, store: Path
) -> None:
    for content in (b"", b"GIF89a", picture()[:-5], b"<svg/>", picture("BMP")):
        with pytest.raises(NotAPicture):
            await media.upload(person(at), id=uuid4(), content=content)
    with pytest.raises(PictureTooLarge):
        await media.upload(person(at), id=uuid4(), content=bytes(SIZE_MAX + 1))
    with pytest.raises(NotFound):
        await media.upload(person(at), id=uuid4(), content=picture(), vendor_id=uuid4())
    assert await db.fetchval("SELECT count(*) FROM media.files") == 0
    assert await outbox(db) == []
    assert stored(store) == []


async def test_a_vendors_picture(media: MediaService, at: SettableClock, db: Database) -> None:
    vendor = uuid4()
    for ctx in (person(at, vendor=vendor), system(at)):
        await media.upload(ctx, id=uuid4(), content=picture(), vendor_id=vendor)
    assert await db.fetchval("SELECT count(*) FROM media.files WHERE vendor_id = $1", vendor) == 2


async def test_what_is_not_there(media: MediaService, at: SettableClock) -> None:
    id = uuid4()
    await media.upload(system(at), id=id, content=picture())
    for width in (0, -1, 161, 10**9):
        with pytest.raises(NotFound):
            await media.content(guest(at), id=id, width=width)
    for wanted in (None, 160):
        with pytest.raises(NotFound):
            await media.content(guest(at), id=uuid4(), width=wanted)


async def test_a_lost_rendition_is_answered_with_the_original(
    media: MediaService, at: SettableClock, store: Path
) -> None:
    id = uuid4()
    await media.upload(system(at), id=id, content=picture())
    await rendered(media, at, id)
    [lost] = [path for path in stored(store) if path.name == "160"]
    lost.unlink()
    found = await media.content(guest(at), id=id, width=160)
    assert (found.content_type, found.final) == ("image/png", False)


class Away:
    """A store that does not answer."""

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        raise Unavailable


async def test_a_store_that_is_away_keeps_no_row(at: SettableClock, db: Database) -> None:
    away: Any = Away()
    media = MediaService(db, away, Signer(SECRET_KEY, at), MediaOptions())
    with pytest.raises(Unavailable):
        await media.upload(system(at), id=uuid4(), content=picture())
    assert await db.fetchval("SELECT count(*) FROM media.files") == 0


async def test_bytes_travel_between_processes(media: MediaService, at: SettableClock) -> None:
    there: Media = loopback(Media, media, caller="catalog")
    id, content = uuid4(), picture("JPEG")
    kept = await there.upload(system(at), id=id, content=content)
    found = await there.content(guest(at), id=id)
    assert isinstance(found, Content)
    assert found == await media.content(guest(at), id=id)
    assert len(found.data) == kept.size_bytes


NO_WIDTHS = ("161", "160.png", "160.avif.webp", "0160x", "-160", "99999", "160.AVIF")


async def negotiated(client: httpx.AsyncClient, url: str) -> None:
    """One address for all readers, and one for each format."""
    browser = {"accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
    for headers, kind in ((browser, "avif"), ({"accept": "image/webp"}, "webp"), ({}, "webp")):
        answer = await client.get(url, headers=headers)
        assert (answer.headers["content-type"], answer.headers["vary"]) == (
            f"image/{kind}",
            "Accept",
        )
    for kind in ("avif", "webp"):
        answer = await client.get(f"{url}.{kind}")
        assert answer.headers["content-type"] == f"image/{kind}"
        assert "vary" not in answer.headers
        assert "immutable" in answer.headers["cache-control"]
        known = {"if-none-match": answer.headers["etag"]}
        assert (await client.get(f"{url}.{kind}", headers=known)).status_code == 304


async def test_rest(media: MediaService, at: SettableClock) -> None:
    rest = Rest(at, {Media: media}, router, media_router)
    file = {"file": ("x.png", picture(), "text/html")}  # what the client calls it counts nothing
    async with rest.client() as client:
        assert (await client.post("/media", files=file)).status_code == 401
    async with rest.client(person(at)) as client:
        made = await client.post("/media", files=file)
        assert made.status_code == 201
        kept = made.json()
        assert set(kept["urls"]) == {"original", *map(str, WIDTHS)}
        assert (kept["contentType"], kept["width"]) == ("image/png", 60)
        for sent, status, code in (
            (b"<html>", 422, "not_a_picture"),
            (bytes(SIZE_MAX + 1), 413, "picture_too_large"),
        ):
            answer = await client.post("/media", files={"file": ("x.png", sent, "image/png")})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        requests: list[dict[str, Any]] = [{"files": {"other": b"x"}}, {"json": {}}, {}]
        for bad in (*requests, {"data": {"file": "x"}}):
            answer = await client.post("/media", **bad)
            assert answer.status_code == (415 if "json" in bad else 422), bad
    async with rest.client() as client:
        early = await client.get(kept["urls"]["160"])
        assert (early.status_code, early.headers["cache-control"]) == (200, "public, max-age=5")
        assert "etag" not in early.headers
        await rendered(media, at, UUID(kept["id"]))
        await media.render_rest(system(at))
        for size, url in kept["urls"].items():
            answer = await client.get(url)
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
            kind = "image/png" if size == "original" else "image/webp"
            assert answer.headers["content-type"] == kind
            known = {"if-none-match": answer.headers["etag"]}
            assert (await client.get(url, headers=known)).status_code == 304
            assert (await client.head(url)).status_code == 200
        await negotiated(client, f"/media/{kept['id']}/480")
        for path in (f"/media/{uuid4()}", *(f"/media/{kept['id']}/{x}" for x in NO_WIDTHS)):
            assert (await client.get(path)).status_code == 404
        for path in ("/media/x", f"/media/{kept['id']}/x", "/media/..%2f..%2fetc%2fpasswd"):
            assert (await client.get(path)).status_code in (404, 422)
