"""Resumable uploads by the protocol tus 1.0.0, as its clients send them."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from haat.domains.people.media import tus
from haat.domains.people.media.proof import prove
from haat.engines.blob import open_blob
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import clock, person, system
from tests.domains.people.test_media_pictures import picture
from tests.domains.people.uploading import Desk, emptied, film

SPOKEN = {"tus-resumable": "1.0.0"}
BYTES = {**SPOKEN, "content-type": "application/offset+octet-stream"}


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    return await emptied(await database_of("media"))


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def desk(db: Database, at: SettableClock, tmp_path: Path) -> Desk:
    return Desk(db, open_blob(str(tmp_path / "blobs")), at)


@pytest.fixture
def me(at: SettableClock) -> Context:
    return person(at)


def metadata(**said: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in said.items())


async def created(
    desk: Desk, ctx: Context, size: int, *, body: bytes | None = None, **said: str
) -> httpx.Response:
    headers = {
        **(SPOKEN if body is None else BYTES),
        "upload-length": str(size),
        "upload-metadata": metadata(**{"filename": "x.png", "filetype": "image/png", **said}),
    }
    async with desk.client(ctx) as client:
        return await client.post("/media/tus", headers=headers, content=body or b"")


class Upload:
    """What a client does with the address it got. Nobody need be signed in there."""

    def __init__(self, desk: Desk, answer: httpx.Response) -> None:
        assert answer.status_code == 201, answer.text
        self.desk = desk
        self.path = answer.headers["location"].removeprefix("/api/v1")

    async def head(self) -> httpx.Response:
        async with self.desk.client() as client:
            return await client.head(self.path, headers=SPOKEN)

    async def patch(self, offset: int, body: Any, **headers: str) -> httpx.Response:
        async with self.desk.client() as client:
            given = {**BYTES, "upload-offset": str(offset), **headers}
            return await client.patch(self.path, headers=given, content=body)

    async def delete(self) -> httpx.Response:
        async with self.desk.client() as client:
            return await client.delete(self.path, headers=SPOKEN)


async def kept(desk: Desk) -> int:
    return int(await desk.db.fetchval("SELECT count(*) FROM media.files"))


async def test_what_is_spoken(desk: Desk) -> None:
    async with desk.client() as client:
        said = await client.options("/media/tus")
    assert said.status_code == 204
    assert said.headers["tus-version"] == "1.0.0"
    assert "creation" in said.headers["tus-extension"]
    assert int(said.headers["tus-max-size"]) >= 1 << 30
    assert said.headers["tus-checksum-algorithm"] == "sha1,sha256,md5"


async def test_step_by_step(desk: Desk, me: Context, at: SettableClock) -> None:
    content = picture()
    answer = await created(desk, me, len(content), alt="A mug")
    assert answer.headers["tus-resumable"] == "1.0.0"
    until = parsedate_to_datetime(answer.headers["upload-expires"])
    assert until == at.now() + timedelta(hours=24)
    upload = Upload(desk, answer)
    for start in range(0, len(content), 2000):
        told = await upload.head()
        assert told.headers["upload-offset"] == str(start)
        assert told.headers["upload-length"] == str(len(content))
        assert told.headers["cache-control"] == "no-store"
        sent = await upload.patch(start, content[start : start + 2000])
        assert sent.status_code == 204, sent.text
    assert sent.headers["upload-offset"] == str(len(content))
    assert await kept(desk) == 1
    assert await desk.left("uploads") == []
    assert (await upload.head()).headers["upload-offset"] == str(len(content))
    again = await upload.patch(len(content), b"")
    assert again.status_code == 204
    assert await prove(desk.db, 10) == []


async def test_all_in_the_first_request(desk: Desk, me: Context) -> None:
    content = picture()
    answer = await created(desk, me, len(content), body=content)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(content)))
    assert await kept(desk) == 1


async def test_a_connection_that_breaks_keeps_what_arrived(
    desk: Desk, me: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus, "STEP_BYTES", 1000)
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))

    async def breaking() -> AsyncIterator[bytes]:
        yield content[:2500]
        raise OSError("the cable was pulled")

    with pytest.raises(OSError, match="cable"):
        await upload.patch(0, breaking())
    told = int((await upload.head()).headers["upload-offset"])
    assert told == 2000
    assert (await upload.patch(told, content[told:])).status_code == 204
    assert await kept(desk) == 1


async def test_two_who_send_at_once(desk: Desk, me: Context) -> None:
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))
    answers = await asyncio.gather(*(upload.patch(0, content) for _ in range(5)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 204
    assert set(codes[1:]) <= {409, 204}
    assert await kept(desk) == 1
    assert await desk.left("uploads") == []
    assert await prove(desk.db, 10) == []


async def test_two_who_send_different_halves(desk: Desk, me: Context) -> None:
    """What one of them lost is nowhere in the file."""
    content = picture("JPEG", (200, 200))
    upload = Upload(desk, await created(desk, me, len(content), filetype="image/jpeg"))
    answers = await asyncio.gather(
        upload.patch(0, content[:3000]), upload.patch(0, b"\0" * 3000, **{"x-other": "1"})
    )
    won = [n for n, answer in enumerate(answers) if answer.status_code == 204]
    assert len(won) == 1
    rest = await upload.patch(3000, content[3000:])
    assert rest.status_code == (204 if won == [0] else 422)
    assert await kept(desk) == (1 if won == [0] else 0)


async def test_checksums(desk: Desk, me: Context) -> None:
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))

    def sum_of(algorithm: str, data: bytes) -> str:
        digest = hashlib.new(algorithm, data).digest()
        return f"{algorithm} {base64.b64encode(digest).decode()}"

    damaged = await upload.patch(0, content[:999], **{"upload-checksum": sum_of("sha1", b"x")})
    assert (damaged.status_code, damaged.json()["code"]) == (460, "checksum_differs")
    for bad in ("crc32 AAAA", "sha1", "sha1 ???"):
        answer = await upload.patch(0, content[:999], **{"upload-checksum": bad})
        assert answer.status_code in (400, 460), bad
    assert (await upload.head()).headers["upload-offset"] == "0"
    start = 0
    for algorithm in ("sha1", "sha256", "md5"):
        part = content[start : start + 500]
        answer = await upload.patch(start, part, **{"upload-checksum": sum_of(algorithm, part)})
        assert answer.status_code == 204
        start += 500
    assert (await upload.patch(start, content[start:])).status_code == 204
    assert await kept(desk) == 1


async def test_wrong_requests(desk: Desk, me: Context) -> None:
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))
    async with desk.client() as client:
        plain = {"upload-offset": "0", "content-type": "application/offset+octet-stream"}
        for version in ({}, {"tus-resumable": "0.2.2"}):
            answer = await client.patch(upload.path, headers={**plain, **version}, content=b"x")
            assert answer.status_code == 412
        for path in ("/media/tus/x", f"{upload.path[:-4]}AAAA", f"/media/tus/{'x' * 300}"):
            answer = await client.patch(path, headers={**BYTES, "upload-offset": "0"}, content=b"x")
            assert answer.status_code == 422, path
            assert (await client.head(path, headers=SPOKEN)).status_code == 422
    wrong_type = await upload.patch(0, b"x", **{"content-type": "image/png"})
    assert wrong_type.status_code == 415
    for offset in ("-1", "x", "", "9" * 16):
        answer = await upload.patch(0, b"x", **{"upload-offset": offset})
        assert answer.status_code == 400, offset
    ahead = await upload.patch(5, b"x")
    assert (ahead.status_code, ahead.json()["offset"]) == (409, 0)
    over = await upload.patch(0, content + b"x")
    assert (over.status_code, over.json()["code"]) == (413, "upload_oversize")
    assert (await upload.head()).headers["upload-offset"] == "0"
    assert await desk.left() == []


async def test_what_cannot_begin(desk: Desk, me: Context, at: SettableClock) -> None:
    cases: list[tuple[int, dict[str, str], int]] = [
        (0, {}, 422),
        (10, {"filetype": "image/svg+xml"}, 422),
        (10, {"kind": "label"}, 422),
        (10, {"kind": "product"}, 403),
        (10, {"poster": "x"}, 422),
        (10, {"sha256": "x"}, 422),
        (1 << 40, {"filetype": "video/mp4", "kind": "review"}, 413),
    ]
    for size, said, status in cases:
        assert (await created(desk, me, size, body=None, **said)).status_code == status, said
    async with desk.client(me) as client:
        for headers in (
            {"upload-defer-length": "1"},
            {"upload-length": "-5"},
            {"upload-length": "10", "upload-metadata": "filetype ???"},
            {"upload-length": "10", "upload-metadata": "x" * 5000},
        ):
            answer = await client.post("/media/tus", headers={**SPOKEN, **headers})
            assert answer.status_code == 400, headers
        answer = await client.post("/media/tus", headers={"upload-length": "10"})
        assert answer.status_code == 412
    async with desk.client() as client:
        given = {**SPOKEN, "upload-length": "10"}
        assert (await client.post("/media/tus", headers=given)).status_code == 401
    await desk.is_empty()


async def test_it_expires(desk: Desk, me: Context, at: SettableClock) -> None:
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))
    await upload.patch(0, content[:1000])
    at.advance(timedelta(hours=25))
    assert (await upload.patch(1000, content[1000:])).status_code == 410
    assert (await upload.head()).status_code == 410
    await desk.media.forget_uploads(system(at))
    await desk.is_empty()
    assert await desk.db.fetchval("SELECT count(*) FROM media.pieces") == 0


async def test_it_is_given_up(desk: Desk, me: Context) -> None:
    content = picture()
    upload = Upload(desk, await created(desk, me, len(content)))
    await upload.patch(0, content[:1000])
    assert (await upload.delete()).status_code == 204
    assert (await upload.head()).status_code == 410
    assert (await upload.patch(1000, content[1000:])).status_code == 410
    await desk.is_empty()


async def test_what_is_refused_ends(desk: Desk, me: Context) -> None:
    upload = Upload(desk, await created(desk, me, 5))
    refused = await upload.patch(0, b"<svg>")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_picture")
    assert (await upload.head()).status_code == 410
    await desk.is_empty()


async def test_a_process_that_died_before_the_end_is_helped(
    desk: Desk, me: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bytes are there, but nobody looked: who owns it says so again."""
    content = picture()
    answer = await created(desk, me, len(content))

    async def dies(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(type(desk.media), "_look", dies)
    upload = Upload(desk, answer)
    with pytest.raises(RuntimeError, match="killed"):
        await upload.patch(0, content)
    monkeypatch.undo()
    assert (await upload.head()).headers["upload-offset"] == str(len(content))
    assert (await upload.patch(len(content), b"")).status_code == 204
    assert await kept(desk) == 1


async def test_a_vendors_video(desk: Desk, at: SettableClock) -> None:
    team = person(at, vendor=uuid4())
    async with desk.client(team) as client:
        file = {"file": ("x.png", picture(), "image/png")}
        made = await client.post("/media", files=file, data={"kind": "product"})
        poster = made.json()["id"]
    content = film(200_000)
    answer = await created(
        desk, team, len(content), filetype="video/mp4", kind="product", poster=poster
    )
    upload = Upload(desk, answer)
    assert (await upload.patch(0, content)).status_code == 204
    [file] = await desk.db.fetch("SELECT * FROM media.files WHERE poster_id IS NOT NULL")
    assert file["content_type"] == "video/mp4"
    assert len(await desk.left("products")) == 2
