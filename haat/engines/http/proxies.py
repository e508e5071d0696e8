"""Who stands behind a proxy: `X-Forwarded-For` and `-Proto`, believed of trusted proxies alone.

Anybody can write such a header. So it is read from its end, the part that the proxy next to us
wrote, and only as far as those that wrote it are ours.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from haat.engines.http.pacing import Network, Places

HOPS_MAX = 16


class Forwarded:
    """Stands before whatever looks at a request's address or scheme. What untrusted peers say of
    themselves stays in the headers, and counts for nothing."""

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        self._app = app
        self._trusted = Places(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        host = client[0] if client and scope["type"] in ("http", "websocket") else ""
        if host in self._trusted:
            scope = self._seen_through(scope)
        await self._app(scope, receive, send)

    def _seen_through(self, scope: Scope) -> Scope:
        passed, scheme = [], b""
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                passed += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                scheme = value.rpartition(b",")[2].strip().lower()
        changed = dict(scope)
        found = self._first_stranger(passed)
        if found is not None:
            changed["client"] = (found, 0)
        if scheme in (b"http", b"https"):
            socket = scope["type"] == "websocket"
            plain, secure = ("ws", "wss") if socket else ("http", "https")
            changed["scheme"] = secure if scheme == b"https" else plain
        return changed

    def _first_stranger(self, passed: list[str]) -> str | None:
        """The last address that is none of our proxies; None where there is no address."""
        found = None
        for word in reversed(passed[-HOPS_MAX:]):
            address = _address(word.strip())
            if address is None:
                break
            found = address
            if address not in self._trusted:
                break
        return found


def _address(word: str) -> str | None:
    """'203.0.113.7', '203.0.113.7:4711' and '[2001:db8::1]:4711' without their ports."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        return str(ip_address(word))
    except ValueError:
        return None
