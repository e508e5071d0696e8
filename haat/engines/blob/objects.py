"""Blobs on obstore: a folder, memory, or anything that speaks S3."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import environ
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from haat.engines.blob import KEYS_MAX, BlobMissing, SignedPut, valid_key
from haat.engines.blob.presigning import Credentials, Presigner
from haat.kernel.errors import Timeout, Unavailable

CALL_S = 30
PIECE_BYTES = 256 * 1024
STREAM_S = 600  # a long upload's, all in all
PART_BYTES = 5 * 1024 * 1024  # S3 takes no smaller parts but the last
_DELETES_AT_ONCE = 20
_PARTS_AT_ONCE = 2  # they are in memory meanwhile


class Objects:
    """Fulfils `Blob` on any obstore store."""

    def __init__(self, store: Any, *, types: bool, door: "Door | None" = None) -> None:
        self._store = store
        self._types = types  # whether the store keeps a content type; a folder refuses one
        self._door = door

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        attributes = {"Content-Type": content_type} if self._types else None
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                await self._store.put_async(path, data, attributes=attributes)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], content_type: str) -> None:
        attributes = {"Content-Type": content_type} if self._types else None
        path, failed = valid_key(key), _Failed()
        try:
            with _errors():
                async with asyncio.timeout(STREAM_S):
                    await self._store.put_async(
                        path,
                        failed.noting(pieces),
                        attributes=attributes,
                        chunk_size=PART_BYTES,
                        max_concurrency=_PARTS_AT_ONCE,
                    )
        finally:
            if failed.error is not None:  # what the store makes of it says less
                raise failed.error

    async def get(self, key: str) -> bytes:
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                found = await self._store.get_async(path)
                return bytes(await found.bytes_async())

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        assert start >= 0 and length >= 0, "a range begins in the file"  # noqa: PT018
        path = valid_key(key)
        # Stores differ in what they say of a range that reaches behind the end.
        end = min(start + length, await self.size(key))
        if end <= start:
            return b""
        with _errors():
            async with asyncio.timeout(CALL_S):
                return bytes(await self._store.get_range_async(path, start=start, end=end))

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                found = await self._store.get_async(path)
            pieces = aiter(found.stream(min_chunk_size=PIECE_BYTES))
        while True:
            # The deadline is for each piece: how fast the reader takes them is its own affair.
            with _errors():
                async with asyncio.timeout(CALL_S):
                    piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def exists(self, key: str) -> bool:
        try:
            await self.size(key)
        except BlobMissing:
            return False
        return True

    async def size(self, key: str) -> int:
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                return int((await self._store.head_async(path))["size"])

    async def delete(self, keys: Iterable[str]) -> None:
        paths = [valid_key(key) for key in keys]
        assert len(paths) <= KEYS_MAX, f"at most {KEYS_MAX} at once"
        for start in range(0, len(paths), _DELETES_AT_ONCE):
            some = paths[start : start + _DELETES_AT_ONCE]
            await asyncio.gather(*(self._delete(path) for path in some))

    async def keys(self, folder: str) -> list[str]:
        found: list[str] = []
        prefix = valid_key(folder)
        with _errors():
            async with asyncio.timeout(CALL_S):
                async for some in self._store.list(prefix=prefix, chunk_size=KEYS_MAX):
                    found += [one["path"] for one in some]
                    if len(found) >= KEYS_MAX:
                        break
        return found[:KEYS_MAX]

    def sign_put(
        self, key: str, *, size: int, content_type: str, now: datetime, ttl_s: int
    ) -> SignedPut | None:
        path = valid_key(key)
        if self._door is None:
            return None
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        url = f"{self._door.url}/{path}"
        return SignedPut(
            self._door.presigner.sign("PUT", url, headers, now=now, ttl_s=ttl_s), headers
        )

    async def _delete(self, path: str) -> None:
        try:
            with _errors():
                async with asyncio.timeout(CALL_S):
                    await self._store.delete_async(path)
        except BlobMissing:
            pass  # S3 does not tell a missing one either


class _Failed:
    """What went wrong while pieces were made."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def noting(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces:
                yield piece
        except Exception as error:
            self.error = error
            raise


@dataclass(frozen=True, slots=True)
class Door:
    """Where others reach the store, and what signs their requests."""

    url: str  # of the bucket and the prefix, without a slash behind
    presigner: Presigner


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:  # which obstore's own NotFoundError is
        raise BlobMissing from None
    except TimeoutError as error:
        raise Timeout("The file store took too long.") from error
    except (BaseError, OSError) as error:
        if "NotADirectory" in str(error):  # 'a/b' where 'a' is a file: only a folder minds
            raise BlobMissing from None
        raise Unavailable("The file store does not answer.", code="blob_away") from error


def open_objects(url: str) -> Objects:
    """See `open_blob`. For S3 the query may give `endpoint`, `region`, `access_key_id` and
    `secret_access_key`; AWS's own environment variables count where it does not. Uploads go
    straight to the store where the key is known; `public_endpoint` says where others reach it."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else url).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return Objects(LocalStore(folder), types=False)
    if parts.scheme == "memory":
        return Objects(MemoryStore(), types=True)
    if parts.scheme == "s3" and parts.netloc:
        options = dict(parse_qsl(parts.query))
        door = _door(parts.netloc, parts.path, options)
        return Objects(_s3(parts.netloc, parts.path, options), types=True, door=door)
    raise ValueError(f"no file store for {parts.scheme}://: use a folder, memory:// or s3://")


def _door(bucket: str, path: str, options: dict[str, str]) -> Door | None:
    """None without a key of our own, as where the machine's role is what may write."""

    def given(option: str) -> str:
        return options.get(option) or environ.get(f"AWS_{option.upper()}", "")

    key_id, secret = given("access_key_id"), given("secret_access_key")
    if not (key_id and secret):
        return None
    token = None if options.get("access_key_id") else environ.get("AWS_SESSION_TOKEN")
    region = given("region") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = options.get("public_endpoint") or given("endpoint")
    base = (
        f"{endpoint.rstrip('/')}/{bucket}"
        if endpoint
        else (f"https://{bucket}.s3.{region}.amazonaws.com")
    )
    prefix = quote(path.strip("/"), safe="/-_.~")
    signs = Presigner(Credentials(key_id, secret, token or None), region)
    return Door(f"{base}/{prefix}" if prefix else base, signs)


def _s3(bucket: str, path: str, options: dict[str, str]) -> S3Store:
    known = {"endpoint", "region", "access_key_id", "secret_access_key"}
    options = {name: value for name, value in options.items() if name != "public_endpoint"}
    if unknown := sorted(set(options) - known):
        raise ValueError(f"unknown option of the file store: {', '.join(unknown)}")
    plain = options.get("endpoint", "").startswith("http://")
    config: Any = {"aws_" + name: value for name, value in options.items()}
    return S3Store(
        bucket,
        prefix=path.strip("/") or None,
        config=config,
        client_options={"timeout": timedelta(seconds=CALL_S), "allow_http": plain},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=CALL_S / 3)},
    )
