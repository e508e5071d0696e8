"""One suite for every store behind `haat.engines.blob`."""

import os
from pathlib import Path

import pytest

from haat.engines.blob import Blob, BlobMissing, open_blob
from haat.kernel.errors import Invalid, Unavailable


@pytest.fixture(params=["memory", "file", "path"])
def blob(request: pytest.FixtureRequest, tmp_path: Path) -> Blob:
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


async def test_many_are_deleted_at_once(blob: Blob) -> None:
    keys = [f"many/{n}.txt" for n in range(45)]
    for key in keys:
        await blob.put(key, b"x", "text/plain")
    await blob.put("many/kept.txt", b"x", "text/plain")
    await blob.delete([*keys, "never/was"])
    assert not any([await blob.exists(key) for key in keys])
    assert await blob.exists("many/kept.txt")
    await blob.delete([])


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
