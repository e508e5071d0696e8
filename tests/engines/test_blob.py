"""One suite for every store behind `haat.engines.blob`: memory, a folder, and a real S3 server."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from haat.engines.blob import Blob, BlobMissing, SignedPut, open_blob
from haat.engines.blob.door import OwnDoor
from haat.engines.blob.presigning import Credentials, Presigner
from haat.engines.http import Signer
from haat.kernel.clock import SystemClock
from haat.kernel.errors import Invalid, Problem, Unavailable
from tests import seaweed


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with seaweed.server(tmp_path_factory.mktemp("seaweed")) as found:
        yield found


@pytest.fixture(params=["memory", "file", "path", "s3"])
def blob(request: pytest.FixtureRequest, tmp_path: Path) -> Blob:
    if request.param == "s3":
        endpoint = request.getfixturevalue("endpoint")
        return open_blob(seaweed.url_of(endpoint, f"tests/{uuid4().hex}"))
    urls = {"memory": "memory://", "file": f"file://{tmp_path}/a%20b", "path": f"{tmp_path}/new/c"}
    return open_blob(urls[request.param])


async def test_what_is_put_is_there(blob: Blob) -> None:
    await blob.put("media/a.webp", b"one", "image/webp")
    assert await blob.get("media/a.webp") == b"one"
    assert await blob.size("media/a.webp") == 3
    assert await blob.exists("media/a.webp")
    await blob.put("media/a.webp", b"second", "image/webp")
    assert await blob.get("media/a.webp") == b"second"
    await blob.put("empty", b"", "text/plain")
    assert (await blob.get("empty"), await blob.size("empty")) == (b"", 0)
    assert [piece async for piece in blob.stream("empty") if piece] == []


async def test_what_is_missing(blob: Blob) -> None:
    await blob.put("media/a.webp", b"one", "image/webp")
    for key in ("nothing", "media", "media/a", "media/a.webp/b"):
        assert not await blob.exists(key), key
        with pytest.raises(BlobMissing):
            await blob.get(key)
        with pytest.raises(BlobMissing):
            await blob.size(key)
        with pytest.raises(BlobMissing):
            await anext(aiter(blob.stream(key)))


async def test_large_ones_stream(blob: Blob) -> None:
    data = os.urandom(1 << 20) * 3
    await blob.put("large.bin", data, "application/octet-stream")
    pieces = [piece async for piece in blob.stream("large.bin")]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= len(data)


async def test_ranges(blob: Blob) -> None:
    data = bytes(range(256)) * 4
    await blob.put("range.bin", data, "application/octet-stream")
    for start, length in ((0, 1), (0, 1024), (100, 200), (1000, 24), (1000, 500), (1023, 1)):
        assert await blob.get_range("range.bin", start, length) == data[start : start + length]
    for start, length in ((1024, 1), (5000, 10), (3, 0)):
        assert await blob.get_range("range.bin", start, length) == b""
    with pytest.raises(BlobMissing):
        await blob.get_range("nothing", 0, 1)


async def pieces_of(data: bytes, size: int, *, fails: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if fails:
        raise Invalid("The bytes ended too soon.")


@pytest.mark.parametrize("length", [0, 10, 5 << 20, (12 << 20) + 7])
async def test_what_is_too_large_to_hold(blob: Blob, length: int) -> None:
    data = os.urandom(1 << 16) * (length >> 16) + b"x" * (length & 0xFFFF)
    await blob.put_stream("long.bin", pieces_of(data, 300_000), "video/mp4")
    assert await blob.size("long.bin") == length
    assert b"".join([piece async for piece in blob.stream("long.bin")]) == data


@pytest.mark.parametrize("length", [10, (12 << 20) + 7])
async def test_what_breaks_off_is_not_stored(blob: Blob, length: int) -> None:
    await blob.put("other.bin", b"kept", "text/plain")
    for key in ("long.bin", "other.bin"):
        with pytest.raises(Invalid, match="too soon"):
            await blob.put_stream(key, pieces_of(bytes(length), 1 << 20, fails=True), "video/mp4")
    assert not await blob.exists("long.bin")
    assert await blob.get("other.bin") == b"kept"


# -- signed requests: straight to S3, or to our own door before a folder -----------------------

Send = Callable[[SignedPut, bytes, str], Awaitable[int]]
SOON = 60
KIND = "image/png"


@pytest.fixture
def own(blob: Blob) -> OwnDoor:
    return OwnDoor(blob, Signer(b"s" * 32, SystemClock()), "/put/")


@pytest.fixture
def send(own: OwnDoor) -> Send:
    """Sends a body by a signed request and answers the status; 200 when it was stored."""

    async def sent(signed: SignedPut, body: bytes, content_type: str = KIND) -> int:
        if signed.url.startswith("http"):
            async with httpx.AsyncClient() as client:
                headers = {"content-type": content_type}
                return (await client.put(signed.url, content=body, headers=headers)).status_code
        try:
            await own.take(signed.url.removeprefix("/put/"), body, content_type)
        except Problem as problem:
            return problem.status
        return 200

    return sent


def signed_by(own: OwnDoor, key: str = "up/a.png", *, size: int = 5, ago_s: int = 0) -> SignedPut:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return own.sign_put(key, size=size, content_type=KIND, now=at, ttl_s=SOON)


async def test_a_signed_request_stores_what_it_was_signed_for(
    blob: Blob, own: OwnDoor, send: Send
) -> None:
    signed = signed_by(own)
    assert signed.headers == {"Content-Type": KIND, "Content-Length": "5"}
    assert await send(signed, b"12345", KIND) == 200
    assert await blob.get("up/a.png") == b"12345"
    assert await send(signed, b"54321", KIND) == 200  # again, until it expires
    assert await blob.get("up/a.png") == b"54321"
    both = await asyncio.gather(send(signed, b"aaaaa", KIND), send(signed, b"bbbbb", KIND))
    assert set(both) == {200}
    assert await blob.get("up/a.png") in (b"aaaaa", b"bbbbb")


async def test_a_signed_request_stores_nothing_else(blob: Blob, own: OwnDoor, send: Send) -> None:
    signed = signed_by(own)
    for body in (b"123456", b"1234", b"", b"x" * 100_000):
        assert 400 <= await send(signed, body, KIND) < 500, len(body)
    for kind in ("text/html", "image/jpeg", "image/png; charset=utf-8", ""):
        assert 400 <= await send(signed, b"12345", kind) < 500, kind
    assert not await blob.exists("up/a.png")


async def test_a_signed_request_that_was_tampered_with(
    blob: Blob, own: OwnDoor, send: Send
) -> None:
    signed = signed_by(own)
    other = signed_by(own, "up/b.png")
    signature, theirs = (one.url[-12:] for one in (signed, other))
    forged = [
        signed.url.replace("up/a.png", "up/c.png"),
        signed.url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        signed.url[:-12] + theirs,
        signed.url[:-6] + ("0" if signature[-6] != "0" else "1") + signed.url[-5:],
        signed.url[:-12],
        signed.url.replace("content-length%3B", ""),
    ]
    for url in forged:
        if url != signed.url:
            status = await send(SignedPut(url, signed.headers), b"12345", KIND)
            assert 400 <= status < 500, url
    for key in ("up/a.png", "up/b.png", "up/c.png"):
        assert not await blob.exists(key)


async def test_a_signed_request_expires(blob: Blob, own: OwnDoor, send: Send) -> None:
    assert 400 <= await send(signed_by(own, ago_s=SOON + 5), b"12345", KIND) < 500
    assert not await blob.exists("up/a.png")
    assert await send(signed_by(own, ago_s=SOON - 30), b"12345", KIND) == 200


async def test_strange_keys_are_not_signed(own: OwnDoor) -> None:
    for key in ("../a", "/a", "a//b", "a?b", ""):
        with pytest.raises(Invalid):
            signed_by(own, key)


async def test_a_wrong_secret_is_refused(endpoint: str) -> None:
    stranger = open_blob(seaweed.url_of(endpoint, secret="guessed"))
    with pytest.raises(Unavailable):
        await stranger.put("a", b"x", "text/plain")
    signed = stranger.sign_put("a", size=1, content_type=KIND, now=datetime.now(UTC), ttl_s=60)
    assert signed is not None
    async with httpx.AsyncClient() as client:
        answer = await client.put(signed.url, content=b"x", headers={"content-type": KIND})
    assert answer.status_code == 403
    assert not await open_blob(seaweed.url_of(endpoint)).exists("a")


def test_signatures_are_amazons() -> None:
    """The example of "Authenticating Requests: Using Query Parameters" in Amazon's manual."""
    signs = Presigner(
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "us-east-1"
    )
    url = signs.sign(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {},
        now=datetime(2013, 5, 24, tzinfo=UTC),
        ttl_s=86400,
    )
    expected = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.endswith(f"&X-Amz-Signature={expected}")


@pytest.mark.parametrize(
    ("url", "starts"),
    [
        (
            "s3://b/in/side?access_key_id=k&secret_access_key=s",
            "https://b.s3.us-east-1.amazonaws.com/in/side/a?",
        ),
        (
            "s3://b?access_key_id=k&secret_access_key=s&region=eu-west-1",
            "https://b.s3.eu-west-1.amazonaws.com/a?",
        ),
        (
            "s3://b/x?access_key_id=k&secret_access_key=s&endpoint=http://10.0.0.1:9000"
            "&public_endpoint=https://files.example.com/",
            "https://files.example.com/b/x/a?",
        ),
    ],
)  # fmt: skip
def test_where_signed_requests_lead(url: str, starts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    signed = open_blob(url).sign_put(
        "a", size=1, content_type=KIND, now=datetime.now(UTC), ttl_s=60
    )
    assert signed is not None
    assert signed.url.startswith(starts)


def test_without_a_key_of_its_own_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    blob = open_blob("s3://bucket?region=x")
    now = datetime.now(UTC)
    assert blob.sign_put("a", size=1, content_type=KIND, now=now, ttl_s=60) is None


async def test_many_are_deleted_at_once(blob: Blob) -> None:
    keys = [f"many/{n}.txt" for n in range(45)]
    for key in keys:
        await blob.put(key, b"x", "text/plain")
    await blob.put("many/kept.txt", b"x", "text/plain")
    await blob.delete([*keys, "never/was"])
    assert not any([await blob.exists(key) for key in keys])
    assert await blob.exists("many/kept.txt")
    await blob.delete([])


async def test_what_lies_in_a_folder(blob: Blob) -> None:
    keys = {"up/one/a", "up/one/b/c.png", "up/one/d"}
    for key in (*keys, "up/onetwo/a", "up/two", "other"):
        await blob.put(key, b"x", "text/plain")
    assert set(await blob.keys("up/one")) == keys
    assert await blob.keys("up/none") == []
    await blob.delete(await blob.keys("up/one"))
    assert await blob.keys("up/one") == []
    assert await blob.exists("up/onetwo/a")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        ".hidden",
        "a/.hidden",
        "a\\b",
        "a\x00b",
        "a b",
        "a\n",
        "%2e%2e/a",
        "C:a",
        "ä",
        "a" * 513,
    ],
)
async def test_strange_keys_are_refused(blob: Blob, key: str) -> None:
    with pytest.raises(Invalid):
        await blob.put(key, b"x", "text/plain")
    with pytest.raises(Invalid):
        await blob.get(key)
    with pytest.raises(Invalid):
        await anext(aiter(blob.stream(key)))
    with pytest.raises(Invalid):
        await blob.size(key)
    with pytest.raises(Invalid):
        await blob.exists(key)
    with pytest.raises(Invalid):
        await blob.delete(["fine", key])
    with pytest.raises(Invalid):
        await blob.get_range(key, 0, 1)
    with pytest.raises(Invalid):
        await blob.put_stream(key, pieces_of(b"x", 1), "text/plain")


async def test_a_folder_keeps_them(tmp_path: Path) -> None:
    await open_blob(str(tmp_path)).put("x/y.txt", b"kept", "text/plain")
    assert (tmp_path / "x" / "y.txt").read_bytes() == b"kept"
    assert await open_blob(f"file://{tmp_path}").get("x/y.txt") == b"kept"


async def test_a_store_that_does_not_answer() -> None:
    blob = open_blob(
        "s3://bucket/prefix?endpoint=http://127.0.0.1:9&region=x"
        "&access_key_id=a&secret_access_key=b"
    )
    with pytest.raises(Unavailable):
        await blob.get("a")


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "s3://bucket?colour=red"])
def test_strange_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="file store"):
        open_blob(url)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        open_blob(str(tmp_path / "file" / "folder"))
