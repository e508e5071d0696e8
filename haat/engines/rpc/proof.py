"""Each end of a call proves to the other that it belongs to the same installation.

The token itself never travels: the caller sends a keyed digest over what it asks, with a number
used once; the callee answers with one over that number and its answer. So nobody who merely stands
at a peer's address learns anything to call others with, or is believed. (What is said can still be
read on the way: between machines that needs TLS or a closed network.)
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import blake2b

HEADER = "haat-proof"
BOUND = (
    "haat-actor",
    "haat-scopes",
    "haat-caller",
    "haat-vendor",
    "haat-deadline-ms",
    "haat-id-seed",
    "haat-session",
    "haat-support",
    "haat-trail",
)
_NUMBER_BYTES = 16


class Proof:
    """Made from the installation's token, or from several, separated by commas: the first is used
    for calls, all are known from callers, so that a token can be changed without a pause."""

    def __init__(self, tokens: str) -> None:
        words = tokens_in(tokens)
        assert words, "an empty token would let anyone in"
        self._keys = [blake2b(word.encode(), digest_size=32).digest() for word in words]

    @property
    def key(self) -> bytes:
        """What calls are proved with."""
        return self._keys[0]

    def ask(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """The header of a call."""
        number = secrets.token_hex(_NUMBER_BYTES)
        return f"{number}.{_digest(self.key, 'ask', number, _said(path, headers, body))}"

    def verified(
        self, given: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> "Asked | None":
        """Whoever asks this is one of us; None when nobody of ours asked exactly this."""
        number, _, digest = given.partition(".")
        said = _said(path, headers, body)
        for key in self._keys:
            if _same(digest, _digest(key, "ask", number, said)):
                return Asked(key, number)
        return None

    def believes(self, asked: str, given: str, status: int, body: bytes) -> bool:
        """Whether the answer to what `asked` comes from one of us."""
        number = asked.partition(".")[0]
        return any(_same(given, _answer(key, number, status, body)) for key in self._keys)


def tokens_in(text: str) -> list[str]:
    """The tokens of a setting."""
    return [word.strip() for word in text.split(",") if word.strip()]


class Asked:
    """A call whose caller has proved itself."""

    __slots__ = ("_key", "_number")

    def __init__(self, key: bytes, number: str) -> None:
        self._key = key
        self._number = number

    def answer(self, status: int, body: bytes) -> str:
        """The header of the answer."""
        return _answer(self._key, self._number, status, body)


def _said(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    words = [path, *(headers.get(name, "") for name in BOUND)]
    return "\n".join(words).encode() + b"\n" + body


def _answer(key: bytes, number: str, status: int, body: bytes) -> str:
    return _digest(key, "answer", number, b"%d\n%b" % (status, body))


def _digest(key: bytes, purpose: str, number: str, said: bytes) -> str:
    made = blake2b(f"{purpose}\n{number}\n".encode(), key=key, digest_size=32)
    made.update(said)
    return made.hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
