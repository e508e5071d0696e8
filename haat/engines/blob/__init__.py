"""Bytes under a key: pictures, exports, invoices. The port; the adapter is chosen by URL scheme.

A folder (`/var/lib/haat/blobs`, `file:///…`), `memory://`, or `s3://bucket/prefix`.
"""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from haat.kernel.errors import Invalid, NotFound

KEY_MAX_CHARS = 512
KEYS_MAX = 1000
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class BlobMissing(NotFound, code="blob_missing"):
    """There is no file under this key."""


class Blob(Protocol):
    """A store of blobs. Keys are 'media/2026/ab12.webp': plain segments, none begins with a dot.

    Every method raises Invalid (`blob_key_invalid`) for another key, Unavailable (`blob_away`)
    when the store does not answer and Timeout when it takes too long.
    """

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data`, whole or not at all; what was there is replaced. A store that has
        types (S3) serves it as `content_type`; a folder does not keep it."""

    async def get(self, key: str) -> bytes:
        """All of it. Raises BlobMissing."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Piece by piece, in order. Raises BlobMissing at the first piece."""

    async def exists(self, key: str) -> bool: ...

    async def size(self, key: str) -> int:
        """Bytes. Raises BlobMissing."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove these, at most 1000; one that is not there is no error."""


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


__all__ = ["Blob", "BlobMissing", "open_blob", "valid_key"]
