"""Bytes under a key: pictures, exports, invoices. The port; the adapter is chosen by URL scheme.

A folder (`/var/lib/haat/blobs`, `file:///…`), `memory://`, or `s3://bucket/prefix`.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from haat.kernel.errors import Invalid, NotFound

KEY_MAX_CHARS = 512
KEYS_MAX = 1000
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class BlobMissing(NotFound, code="blob_missing"):
    """There is no file under this key."""


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A request that whoever holds it may send until it expires, with exactly these headers; the
    body must be as long as Content-Length says. What is under the key then is replaced."""

    url: str
    headers: Mapping[str, str]
    method: str = "PUT"


class Blob(Protocol):
    """A store of blobs. Keys are 'media/2026/ab12.webp': plain segments, none begins with a dot.

    Every method raises Invalid (`blob_key_invalid`) for another key, Unavailable (`blob_away`)
    when the store does not answer and Timeout when it takes too long.
    """

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data`, whole or not at all; what was there is replaced. A store that has
        types (S3) serves it as `content_type`; a folder does not keep it."""

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], content_type: str) -> None:
        """The same for what is too large to be held at once. What `pieces` raises is raised, and
        nothing is stored."""

    async def get(self, key: str) -> bytes:
        """All of it. Raises BlobMissing."""

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`, fewer at the end; none from behind it. Raises
        BlobMissing."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Piece by piece, in order. Raises BlobMissing at the first piece."""

    async def exists(self, key: str) -> bool: ...

    async def size(self, key: str) -> int:
        """Bytes. Raises BlobMissing."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove these, at most 1000; one that is not there is no error."""

    async def keys(self, folder: str) -> list[str]:
        """What lies under this folder ('a/b' has 'a/b/c.png'), in no order; at most 1000."""

    def sign_put(
        self, key: str, *, size: int, content_type: str, now: datetime, ttl_s: int
    ) -> SignedPut | None:
        """A request by which somebody else may store exactly `size` bytes, sent straight to the
        store. None where it has no door of its own, as a folder (see `haat.engines.blob.door`)."""


def valid_key(key: str) -> str:
    """The key itself. Raises Invalid when it could leave the store or confuse a file system."""
    if len(key) > KEY_MAX_CHARS or not _KEY.fullmatch(key):
        raise Invalid("This is not a key of a stored file.", code="blob_key_invalid")
    return key


def open_blob(url: str) -> Blob:
    """The store at this URL. A folder is made when it is missing.

    Raises ValueError for an unknown scheme and OSError for a folder that cannot be made.
    """
    from haat.engines.blob.objects import open_objects

    return open_objects(url)


__all__ = ["Blob", "BlobMissing", "SignedPut", "open_blob", "valid_key"]
