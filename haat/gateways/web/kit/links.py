"""What a mail's link carries, out of the address at once: the browser keeps it in a cookie, and the
address has a handle that is worth nothing without it. So it stands in no history, bookmark or
screenshot, and no page that is linked from there is told it.
"""

import re
from hashlib import sha256
from typing import Any

from fastapi import Response

from haat.gateways.web.visit import Visit
from haat.kernel.errors import Gone

HANDLE = re.compile(r"kept-[0-9a-f]{16}")
TOKEN = re.compile(r"[\w.~=-]{1,1000}", re.ASCII)  # what is none needs no keeping
COOKIE = "haat_{}"
KEPT_S = 24 * 3600
# The answer that leads on, and the page itself, tell their address to nobody.
NO_REFERRER = {"referrer-policy": "no-referrer"}


class LinkElsewhere(Gone, code="link_elsewhere"):
    """This address works in the browser that opened the link of the mail. Open that link again."""


def led_on(visit: Visit, token: str, path: str) -> Response | None:
    """The way to the same page without the token: `path` has a place {} for its handle. None where
    there is no token to be kept, or it is kept already."""
    if not TOKEN.fullmatch(token) or HANDLE.fullmatch(token):
        return None
    handle = f"kept-{sha256(token.encode()).hexdigest()[:16]}"
    visit.keep_for(COOKIE.format(handle), token, KEPT_S)
    return quiet(visit.redirect(path.format(handle)))


def held(visit: Visit, given: str) -> str:
    """The token behind a handle; LinkElsewhere. Anything else is a token itself."""
    if not HANDLE.fullmatch(given):
        return given
    token = visit.request.cookies.get(COOKIE.format(given))
    if token is None:
        raise LinkElsewhere
    return token


def quiet(answer: Any) -> Response:
    answer.headers.update(NO_REFERRER)
    found: Response = answer
    return found
