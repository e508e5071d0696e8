"""Uploads in several requests, on a folder and on a real S3 server."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.people.media import sessions
from haat.domains.people.media.proof import prove
from haat.engines.blob import open_blob
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from tests import seaweed
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import person, system
from tests.domains.people.test_media_pictures import SECRET, picture, with_metadata
from tests.domains.people.uploading import Desk, emptied, film, id_of, webm

PNG = "image/png"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with seaweed.server(tmp_path_factory.mktemp("seaweed")) as found:
        yield found


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    return await emptied(await database_of("media"))


@pytest.fixture
def at() -> SettableClock:
    """The time of the day: the store has its own clock."""
    return SettableClock(datetime.now(UTC))


@pytest.fixture(params=["folder", "s3"])
def desk(request: pytest.FixtureRequest, db: Database, at: SettableClock, tmp_path: Path) -> Desk:
    if request.param == "s3":
        endpoint = request.getfixturevalue("endpoint")
        return Desk(db, open_blob(seaweed.url_of(endpoint, uuid4().hex)), at)
    return Desk(db, open_blob(str(tmp_path / "blobs")), at)


@pytest.fixture
def me(at: SettableClock) -> Context:
    return person(at)


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a thousand bytes, so that little has several."""
    monkeypatch.setattr("haat.domains.people.media.rules.PART_BYTES", 1000)


small_parts = pytest.mark.usefixtures("_small_parts")


async def begun(desk: Desk, ctx: Context, content: bytes, **more: Any) -> dict[str, Any]:
    async with desk.client(ctx) as client:
        body = {"contentType": PNG, "sizeBytes": len(content), **more}
        answer = await client.post("/media/uploads", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def completed(desk: Desk, ctx: Context, upload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with desk.client(ctx) as client:
        answer = await client.post(f"/media/uploads/{upload['id']}/complete")
        return answer.status_code, answer.json()


async def sent(desk: Desk, upload: dict[str, Any], content: bytes) -> None:
    """Every missing part, all at once."""

    async def one(part: dict[str, Any]) -> None:
        start = part["start"]
        answer = await desk.send(part["request"], content[start : start + part["sizeBytes"]])
        assert answer.status_code in (200, 204), answer.text

    await asyncio.gather(*(one(part) for part in upload["parts"] if part["request"]))


@small_parts
async def test_a_picture_in_parts(desk: Desk, me: Context) -> None:
    content = with_metadata("PNG")
    upload = await begun(desk, me, content, alt="A mug", sha256=sha256(content).hexdigest())
    assert len(upload["parts"]) == -(-len(content) // 1000) > 3
    assert upload["status"] == "open"
    await sent(desk, upload, content)
    status, kept = await completed(desk, me, upload)
    assert (status, kept["contentType"], kept["width"]) == (200, PNG, 40)
    assert kept["id"] == upload["id"]
    assert SECRET not in (await desk.media.content(me, id=id_of_(upload))).data
    assert await completed(desk, me, upload) == (200, kept)  # again, it answers the same
    assert await desk.left("uploads") == []
    [file] = await desk.media.files(me, ids=[id_of_(upload)])
    assert file.alt == "A mug"
    assert await prove(desk.db, 10) == []


def id_of_(upload: dict[str, Any]) -> UUID:
    return UUID(upload["id"])


@small_parts
async def test_it_goes_on_where_it_stopped(desk: Desk, me: Context) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    for part in upload["parts"][::2]:
        piece = content[part["start"] : part["start"] + part["sizeBytes"]]
        assert (await desk.send(part["request"], piece)).status_code in (200, 204)
    status, problem = await completed(desk, me, upload)
    missing = [part["number"] for part in upload["parts"][1::2]]
    assert (status, problem["code"], problem["missing"]) == (409, "upload_incomplete", missing)
    async with desk.client(me) as client:
        now = (await client.get(f"/media/uploads/{upload['id']}")).json()
    assert [part["number"] for part in now["parts"] if part["request"]] == missing
    await sent(desk, now, content)
    assert (await completed(desk, me, upload))[0] == 200


async def test_what_is_sent_must_be_what_was_signed(desk: Desk, me: Context) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    [part] = upload["parts"]
    request = part["request"]
    for body in (content + b"x", content[:-1], b"", b"x" * 200_000):
        assert 400 <= (await desk.send(request, body)).status_code < 500, len(body)
    html = {**request, "headers": {"Content-Type": "text/html"}}
    assert 400 <= (await desk.send(html, content)).status_code < 500
    forged = {**request, "url": request["url"][:-8] + "00000000"}
    assert 400 <= (await desk.send(forged, content)).status_code < 500
    other = await begun(desk, me, content)
    stolen = other["parts"][0]["request"]["url"].replace(other["id"], upload["id"])
    if stolen != other["parts"][0]["request"]["url"]:
        assert (await desk.send({**request, "url": stolen}, content)).status_code == 403
    assert await desk.left() == []
    for one in (upload, other):
        status, problem = await completed(desk, me, one)
        assert (status, problem["code"]) == (409, "upload_incomplete")


async def test_a_request_expires(desk: Desk, me: Context, at: SettableClock) -> None:
    at.advance(timedelta(hours=-2))  # so that what is signed now is old already
    upload = await begun(desk, me, picture())
    at.advance(timedelta(hours=2))
    answer = await desk.send(upload["parts"][0]["request"], picture())
    assert answer.status_code in (403, 410)
    assert await desk.left() == []


async def test_an_upload_expires(desk: Desk, me: Context, at: SettableClock) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    await sent(desk, upload, content)
    at.advance(timedelta(hours=25))
    status, problem = await completed(desk, me, upload)
    assert (status, problem["code"]) == (410, "upload_expired")
    async with desk.client(me) as client:
        assert (await client.get(f"/media/uploads/{upload['id']}")).json()["status"] == "ended"
    assert await desk.media.forget_uploads(system(at)) == 1
    assert await desk.media.forget_uploads(system(at)) == 0
    await desk.is_empty()
    assert (await completed(desk, me, upload))[0] == 404


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not_a_picture"),
        (b"<!doctype html><script>alert(1)</script>", "not_a_picture"),
        (film(), "not_a_picture"),
        (picture()[:-5], "not_a_picture"),
        (picture() + b"<script>alert(1)</script>", "not_a_picture"),
        (picture("BMP"), "not_a_picture"),
    ],
)  # fmt: skip
async def test_what_is_refused_leaves_nothing(
    desk: Desk, me: Context, content: bytes, code: str
) -> None:
    upload = await begun(desk, me, content)
    await sent(desk, upload, content)
    for _ in range(2):
        status, problem = await completed(desk, me, upload)
        assert (status, problem["code"]) == (422, code)
    await desk.is_empty()
    async with desk.client(me) as client:
        told = (await client.get(f"/media/uploads/{upload['id']}")).json()
    assert (told["status"], told["refused"]) == ("refused", code)


async def test_another_digest_is_refused(desk: Desk, me: Context) -> None:
    content = picture()
    upload = await begun(desk, me, content, sha256=sha256(b"else").hexdigest())
    await sent(desk, upload, content)
    status, problem = await completed(desk, me, upload)
    assert (status, problem["code"]) == (422, "digest_differs")
    await desk.is_empty()


async def test_completed_twice_at_once(desk: Desk, me: Context) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    await sent(desk, upload, content)
    answers = await asyncio.gather(*(completed(desk, me, upload) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert len({kept["id"] for _, kept in answers}) == 1
    assert await desk.db.fetchval("SELECT files FROM media.usage") == 1
    assert await prove(desk.db, 10) == []
    assert len(await desk.left()) == 1


async def test_two_send_the_same_part(desk: Desk, me: Context) -> None:
    one, other = picture(), picture()
    size = max(len(one), len(other))
    one, other = one.ljust(size, b"\0"), other.ljust(size, b"\0")
    upload = await begun(desk, me, one)
    request = upload["parts"][0]["request"]
    await asyncio.gather(*(desk.send(request, body) for body in (one, other) * 3))
    status, kept = await completed(desk, me, upload)
    assert status == 200
    # Whoever came last, what was looked at is what is there, and sending once more changes nothing.
    before = (await desk.media.content(me, id=id_of_(upload))).data
    await desk.send(request, other)
    assert (await desk.media.content(me, id=id_of_(upload))).data == before
    assert len(before) == kept["sizeBytes"]


async def test_what_comes_late_goes_with_the_timer(
    desk: Desk, me: Context, at: SettableClock
) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    await sent(desk, upload, content)
    await completed(desk, me, upload)
    await desk.send(upload["parts"][0]["request"], content)
    assert len(await desk.left("uploads")) == 1
    at.advance(timedelta(hours=25))
    await desk.media.forget_uploads(system(at))
    assert await desk.left("uploads") == []
    assert len(await desk.left()) == 1


async def test_given_up(desk: Desk, me: Context) -> None:
    content = picture()
    upload = await begun(desk, me, content)
    await sent(desk, upload, content)
    async with desk.client(me) as client:
        for _ in range(2):
            assert (await client.delete(f"/media/uploads/{upload['id']}")).status_code == 204
    await desk.is_empty()
    assert (await completed(desk, me, upload))[1]["code"] == "upload_expired"


async def test_anothers_upload_is_not_there(desk: Desk, me: Context, at: SettableClock) -> None:
    upload = await begun(desk, me, picture())
    path = f"/media/uploads/{upload['id']}"
    for ctx, status in ((person(at), 404), (None, 401)):
        async with desk.client(ctx) as client:
            assert (await client.get(path)).status_code == status
            assert (await client.post(f"{path}/complete")).status_code == status
            assert (await client.delete(path)).status_code == status
    async with desk.client() as client:
        body = {"contentType": PNG, "sizeBytes": 10}
        assert (await client.post("/media/uploads", json=body)).status_code == 401


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"contentType": "image/svg+xml"}, 422, "upload_type"),
        ({"contentType": "text/html"}, 422, "upload_type"),
        ({"contentType": ""}, 422, "upload_type"),
        ({"contentType": "video/mp4"}, 422, "upload_type"),  # not for this kind
        ({"contentType": "video/mp4", "kind": "review"}, 422, "poster_needed"),
        ({"contentType": "video/mp4", "kind": "post", "sizeBytes": 1 << 27}, 413, "film_too_large"),
        ({"sizeBytes": (10 << 20) + 1}, 413, "picture_too_large"),
        ({"sizeBytes": 0}, 422, None),
        ({"sizeBytes": -1}, 422, None),
        ({"sizeBytes": 10**30}, 413, None),
        ({"sizeBytes": "many"}, 422, None),
        ({"sha256": "abc"}, 422, None),
        ({"alt": "x" * 301}, 422, None),
        ({"kind": "label"}, 422, None),
        ({"kind": "product"}, 403, "no_vendor"),
        ({"protocol": "ftp"}, 422, None),
        ({"posterId": "x"}, 422, None),
    ],
)  # fmt: skip
async def test_what_cannot_begin(
    desk: Desk, me: Context, asked: dict[str, Any], status: int, code: str | None
) -> None:
    async with desk.client(me) as client:
        body = {"contentType": PNG, "sizeBytes": 10, **asked}
        answer = await client.post("/media/uploads", json=body)
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["code"] == code
    await desk.is_empty()


async def test_each_kind_lies_in_its_place(desk: Desk, at: SettableClock) -> None:
    vendor = uuid4()
    team = person(at, vendor=vendor)
    for kind, folder in (("product", "products"), ("vendor", "vendors"), ("review", "reviews")):
        content = picture()
        upload = await begun(desk, team, content, kind=kind)
        await sent(desk, upload, content)
        assert (await completed(desk, team, upload))[0] == 200
        assert len(await desk.left(folder)) == 1
    row = await desk.db.fetchrow("SELECT files FROM media.usage WHERE holder_id = $1", vendor)
    assert row is not None
    assert row["files"] == 2


# -- videos -------------------------------------------------------------------------------------


async def with_poster(desk: Desk, ctx: Context) -> str:
    async with desk.client(ctx) as client:
        made = await client.post("/media", files={"file": ("x.png", picture(), PNG)})
        return str(id_of(made))


@small_parts
@pytest.mark.parametrize(("content", "kind"), [(film(), "video/mp4"), (webm(), "video/webm")])
async def test_a_video(desk: Desk, me: Context, content: bytes, kind: str) -> None:
    poster = await with_poster(desk, me)
    upload = await begun(desk, me, content, contentType="video/mp4", kind="review", posterId=poster)
    await sent(desk, upload, content)
    status, kept = await completed(desk, me, upload)
    assert status == 200, kept
    assert (kept["contentType"], kept["posterId"], kept["width"]) == (kind, poster, 60)
    assert await prove(desk.db, 10) == []
    async with desk.client() as client:
        url = kept["urls"]["original"]
        whole = await client.get(url)
        assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
        assert len(whole.content) == len(content) == kept["sizeBytes"]
        assert b"13.4050" not in whole.content
        assert b"Ada" not in whole.content
        size = len(content)
        for asked, start, end in (
            ("bytes=0-", 0, size),
            ("bytes=0-0", 0, 1),
            ("bytes=100-299", 100, 300),
            ("bytes=-50", size - 50, size),
            (f"bytes={size - 1}-{size + 100}", size - 1, size),
            (f"bytes=-{size * 2}", 0, size),
        ):
            part = await client.get(url, headers={"range": asked})
            assert (part.status_code, part.content) == (206, whole.content[start:end]), asked
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
            assert part.headers["content-length"] == str(end - start)
        for asked in (f"bytes={size}-", "bytes=-0"):
            part = await client.get(url, headers={"range": asked})
            assert part.status_code == 416
            assert part.headers["content-range"] == f"bytes */{size}"
        for asked in ("bytes=5-2", "bytes=-", "bytes=0-1,5-6", "words=0-1", "bytes=a-b"):
            assert (await client.get(url, headers={"range": asked})).status_code == 200, asked
        old = {"range": "bytes=0-9", "if-range": '"else"'}
        assert (await client.get(url, headers=old)).status_code == 200
        head = await client.head(url)
        assert (head.headers["content-length"], head.content) == (str(size), b"")
        assert (await client.get(f"{url}/480")).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        b"",
        picture(),
        film()[:-1],
        film()[:40],
        film(tail=b"PK\x03\x04 something behind"),
        film()[8:],
        b"<html>" + film(),
        b"\x00\x00\x00\x18ftypavif" + bytes(100),
        b"\x00\x00\x00\x18ftypisom" + bytes(100),
        b"\x1aE\xdf\xa3 matroska" + bytes(100),
        webm()[:40],
    ],
)
async def test_other_things_are_no_video(desk: Desk, me: Context, content: bytes) -> None:
    content = content or b"\0"
    poster = await with_poster(desk, me)
    upload = await begun(desk, me, content, contentType="video/mp4", kind="review", posterId=poster)
    await sent(desk, upload, content)
    status, problem = await completed(desk, me, upload)
    assert (status, problem["code"]) == (422, "not_a_film")
    assert len(await desk.left()) == 1  # the poster
    assert await prove(desk.db, 10) == []


async def test_a_poster_is_a_picture_of_ones_own(
    desk: Desk, me: Context, at: SettableClock
) -> None:
    poster = await with_poster(desk, person(at))
    async with desk.client(me) as client:
        for given in (poster, str(uuid4())):
            body = {
                "contentType": "video/mp4",
                "sizeBytes": 10,
                "kind": "review",
                "posterId": given,
            }
            answer = await client.post("/media/uploads", json=body)
            assert answer.json()["code"] in ("poster_needed", "not_found")


def test_parts_fit_between_processes() -> None:
    assert sessions.PART_BYTES * 4 / 3 < 16 << 20
    assert sessions.PART_BYTES * sessions.PARTS_MAX >= 1 << 30
