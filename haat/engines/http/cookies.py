"""Cookies of an https site carry the prefix `__Host-`: a browser then takes them from this very
host alone, over https, so that no other host of the same domain can slip one of its own under
them (RFC 6265bis, section 4.1.3.2). The application knows them by their plain names.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = b"__Host-"


class HostCookies:
    """Stands before an application whose cookies' names all begin with `begins`. Cookies that come
    under a plain name are somebody else's, and dropped."""

    def __init__(self, app: ASGIApp, begins: bytes) -> None:
        self._app = app
        self._begins = begins
        self._ours = HOST + begins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if any(name == b"cookie" and self._begins in value for name, value in scope["headers"]):
            headers = [
                (name, self._known(value) if name == b"cookie" else value)
                for name, value in scope["headers"]
            ]
            scope = {**scope, "headers": headers}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, HOST + value)
                    if name.lower() == b"set-cookie" and value.startswith(self._begins)
                    else (name, value)
                    for name, value in message.get("headers", ())
                ]
            await send(message)

        await self._app(scope, receive, sending)

    def _known(self, cookies: bytes) -> bytes:
        kept = []
        for pair in cookies.split(b";"):
            pair = pair.strip()
            if pair.startswith(self._ours):
                kept.append(pair[len(HOST) :])
            elif not pair.startswith(self._begins):
                kept.append(pair)
        return b"; ".join(kept)
