"""An answer that is changed on its way out, once it is whole."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message, Send

SIZE_MAX = 4 << 20


class Rewriting:
    """Holds a JSON answer until it is whole, and sends what `change` makes of it; others pass as
    they are. `told` says by its start which answers are changed: those of status 200."""

    def __init__(
        self,
        send: Send,
        change: Callable[[Any], Awaitable[Any]],
        *,
        told: Callable[[Message], bool] | None = None,
    ) -> None:
        self._send = send
        self._change = change
        self._told = told or _is_json
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._told(message):
            self._start = message
            return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False) and sum(map(len, self._parts)) <= SIZE_MAX:
            return
        start, self._start = self._start, None
        body = b"".join(self._parts)
        if not message.get("more_body", False):
            answer = await self._change(json.loads(body))
            body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
            headers = [h for h in start["headers"] if h[0].lower() != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({**message, "body": body})


def _is_json(start: Message) -> bool:
    kinds = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return start["status"] == 200 and bool(kinds) and kinds[0].startswith(b"application/json")
