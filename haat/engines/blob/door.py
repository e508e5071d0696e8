"""Signed uploads for stores without a door of their own: a folder gets what S3 has.

The signature stands in the address and binds key, length, type and time. Whoever answers that
address hands on what arrived; `take` stores it or says what is wrong.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from haat.engines.blob import Blob, SignedPut, valid_key
from haat.kernel.errors import Invalid, TooLarge

_PURPOSE = "blob-put"


class UploadDiffers(Invalid, code="upload_differs"):
    """This is not what the upload was signed for: another length or another type."""


class UploadTooLong(TooLarge, code="upload_too_long"):
    """There are more bytes than the upload was signed for."""


class Signer(Protocol):
    def sign(self, purpose: str, value: str, expires_at: datetime | None = None) -> str: ...

    def verify(self, purpose: str, signed: str) -> str:
        """Raises a Problem (`link_invalid`, `link_expired`)."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one signature allows."""

    key: str
    size: int
    content_type: str


class OwnDoor:
    """Signs requests to `path` + token, and takes what they bring."""

    def __init__(self, blob: Blob, signer: Signer, path: str) -> None:
        self._blob = blob
        self._signer = signer
        self._path = path

    def sign_put(
        self, key: str, *, size: int, content_type: str, now: datetime, ttl_s: int
    ) -> SignedPut:
        """That of the store itself where it has one; else one of ours, a path on this site."""
        direct = self._blob.sign_put(
            key, size=size, content_type=content_type, now=now, ttl_s=ttl_s
        )
        if direct is not None:
            return direct
        value = json.dumps([valid_key(key), size, content_type])
        token = self._signer.sign(_PURPOSE, value, now + timedelta(seconds=ttl_s))
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return SignedPut(f"{self._path}{token}", headers)

    def read(self, token: str) -> Ticket:
        """What it allows. Raises LinkInvalid or LinkExpired."""
        key, size, content_type = json.loads(self._signer.verify(_PURPOSE, token))
        return Ticket(key, size, content_type)

    async def take(self, token: str, content: bytes, content_type: str) -> Ticket:
        """Stores what came with this signature. UploadDiffers, UploadTooLong and nothing is."""
        ticket = self.read(token)
        if len(content) > ticket.size:
            raise UploadTooLong(expectedBytes=ticket.size)
        if len(content) < ticket.size or content_type != ticket.content_type:
            raise UploadDiffers(expectedBytes=ticket.size, expectedType=ticket.content_type)
        await self._blob.put(ticket.key, content, ticket.content_type)
        return ticket
