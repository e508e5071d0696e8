"""Time-based one-time passwords: RFC 6238 over RFC 4226, as authenticator apps make them."""

import base64
import hmac
import secrets
from hashlib import sha1
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20


def new_secret() -> str:
    """In base 32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int, digits: int = DIGITS) -> str:
    """The code of the 30 seconds with this number."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), sha1)
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: str, code: str, now_s: float, late_s: int = 0) -> int | None:
    """Which 30 seconds this is the code of: these, or those before for `late_s` seconds more (RFC
    6238, 5.2: at most a step). Never those that come. None for none."""
    here, before = int(now_s) // STEP_S, int(now_s - late_s) // STEP_S
    found = None
    for step in range(max(before, 0), here + 1):  # all, however early one fits
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found


def uri(secret: str, account: str, market: str) -> str:
    """What the picture says to an app."""
    label = f"{quote(market, safe='')}:{quote(account, safe='@')}"
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={quote(market, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
    )
