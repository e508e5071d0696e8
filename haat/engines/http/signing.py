"""The installation's secret and what is made from it: signed links and sealed cookies.

Every purpose has a key of its own, so that a link made for one is worthless for another.
"""

import base64
import binascii
import hmac
import os
import secrets
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from haat.kernel.clock import Clock
from haat.kernel.errors import Gone, Invalid

SECRET_BYTES = 32
_NONCE_BYTES = 12
_TIME_BYTES = 8


class LinkInvalid(Invalid, code="link_invalid"):
    """This link is not valid; ask for a new one."""


class LinkExpired(Gone, code="link_expired"):
    """This link has expired; ask for a new one."""


def load_secret(path: Path) -> bytes:
    """The 32-byte secret in this file, made (mode 0600) at the first call.

    Several processes may call it at once and all get the same. Raises ValueError when the file
    holds something else, OSError when it cannot be read or written.
    """
    if not path.exists():
        _make_secret(path)
    try:
        secret = binascii.unhexlify(path.read_text("ascii").strip())
    except ValueError as error:
        raise ValueError(f"{path} does not hold a secret") from error
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"{path} does not hold a secret of {SECRET_BYTES} bytes")
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails when another process was first; then theirs counts
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869)."""
    assert len(secret) >= SECRET_BYTES, "the secret is too short"
    info = b"haat/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


class Signer:
    """Signs what travels in links (readable), and seals what travels in cookies or is kept in files
    (unreadable)."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._sign_key = derive_key(secret, "signed links")
        self._seal = AESGCM(derive_key(secret, "sealed cookies"))
        self._files = AESGCM(derive_key(secret, "sealed files"))
        self._clock = clock

    def sign(self, purpose: str, value: str, expires_at: datetime | None = None) -> str:
        """A short text for a URL that proves `value` came from here, until `expires_at`."""
        until = int(expires_at.timestamp()) if expires_at else 0
        body = f"{_encode(value.encode())}.{until:x}"
        return f"{body}.{_encode(self._mac(purpose, body))}"

    def verify(self, purpose: str, signed: str) -> str:
        """The value again. Raises LinkInvalid or LinkExpired."""
        body, _, mac = signed.rpartition(".")
        try:
            if not hmac.compare_digest(_decode(mac), self._mac(purpose, body)):
                raise LinkInvalid
            value, _, until = body.partition(".")
            expires, text = int(until, 16), _decode(value).decode()
        except ValueError:
            raise LinkInvalid from None
        if expires and expires <= self._clock.now().timestamp():
            raise LinkExpired
        return text

    def seal(self, purpose: str, value: str, expires_at: datetime) -> str:
        """`value`, encrypted and authenticated (AES-256-GCM), for a cookie."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = int(expires_at.timestamp()).to_bytes(_TIME_BYTES, "big") + value.encode()
        return _encode(nonce + self._seal.encrypt(nonce, plain, purpose.encode()))

    def unseal(self, purpose: str, sealed: str) -> str | None:
        """The value again; None when it is not one of ours or has expired."""
        try:
            raw = _decode(sealed)
            nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            plain = self._seal.decrypt(nonce, rest, purpose.encode())
        except (ValueError, InvalidTag):
            return None
        if int.from_bytes(plain[:_TIME_BYTES], "big") <= self._clock.now().timestamp():
            return None
        return plain[_TIME_BYTES:].decode()

    def seal_file(self, purpose: str, content: bytes) -> bytes:
        """`content`, encrypted and authenticated (AES-256-GCM), to be kept: 28 bytes longer. It is
        read again under the same `purpose` only, which names what it belongs to."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._files.encrypt(nonce, content, purpose.encode())

    def unseal_file(self, purpose: str, sealed: bytes) -> bytes | None:
        """The content again; None when it is not what was sealed for this purpose."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._files.decrypt(nonce, rest, purpose.encode())
        except (ValueError, InvalidTag):
            return None

    def _mac(self, purpose: str, body: str) -> bytes:
        # 16 bytes keep links short; forging one still takes 2^128 tries.
        message = purpose.encode() + b"\0" + body.encode()
        return hmac.digest(self._sign_key, message, sha256)[:16]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """Raises ValueError (binascii.Error is one) when it is not base64."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
