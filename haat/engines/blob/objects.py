"""Blobs on obstore: a folder, memory, or anything that speaks S3."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from haat.engines.blob import KEYS_MAX, BlobMissing, valid_key
from haat.kernel.errors import Timeout, Unavailable

CALL_S = 30
PIECE_BYTES = 256 * 1024
_DELETES_AT_ONCE = 20


class Objects:
    """Fulfils `Blob` on any obstore store."""

    def __init__(self, store: Any, *, types: bool) -> None:
        self._store = store
        self._types = types  # whether the store keeps a content type; a folder refuses one

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        attributes = {"Content-Type": content_type} if self._types else None
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                await self._store.put_async(path, data, attributes=attributes)

    async def get(self, key: str) -> bytes:
        path = valid_key(key)
        with _errors():
            async with asyncio.timeout(CALL_S):
                found = await self._store.get_async(path)
                return bytes(await found.bytes_async())

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

    async def _delete(self, path: str) -> None:
        try:
            with _errors():
                async with asyncio.timeout(CALL_S):
                    await self._store.delete_async(path)
        except BlobMissing:
            pass  # S3 does not tell a missing one either


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
    `secret_access_key`; AWS's own environment variables count where it does not."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else url).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return Objects(LocalStore(folder), types=False)
    if parts.scheme == "memory":
        return Objects(MemoryStore(), types=True)
    if parts.scheme == "s3" and parts.netloc:
        return Objects(_s3(parts.netloc, parts.path, dict(parse_qsl(parts.query))), types=True)
    raise ValueError(f"no file store for {parts.scheme}://: use a folder, memory:// or s3://")


def _s3(bucket: str, path: str, options: dict[str, str]) -> S3Store:
    known = {"endpoint", "region", "access_key_id", "secret_access_key"}
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
