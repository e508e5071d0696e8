"""Argon2id, in threads, a few at a time: each hash takes tens of milliseconds and megabytes."""

import asyncio
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from haat.domains.people.identity.rules import PASSWORD_MAX_CHARS


class Passwords:
    """Hashes and verifies. `slots` bounds how many are at it at once in this process."""

    def __init__(self, *, memory_kib: int, passes: int, at_once: int) -> None:
        self.slots = asyncio.Semaphore(at_once)
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """An encoded Argon2id hash with its salt. Waits for a slot."""
        async with self.slots:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether this is the password; call it holding a slot.

        Without a hash (no such account) it takes as long and says no.
        """
        if self._nobodys is None:
            self._nobodys = await asyncio.to_thread(self._hasher.hash, secrets.token_bytes(16))
        possible = hashed is not None and len(password) <= PASSWORD_MAX_CHARS
        against = hashed if hashed is not None else self._nobodys
        given = password[:PASSWORD_MAX_CHARS]
        return await asyncio.to_thread(self._verify, against, given) and possible

    def outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    """The same bytes for the same letters, however a keyboard composes them."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
