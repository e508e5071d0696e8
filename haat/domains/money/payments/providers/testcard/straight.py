"""The short way in for what every purchase asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .network import Refused

Door = Callable[[Request], Awaitable[Response]]


class Straight:
    """Takes POST /intents and /intents/{id}/capture to their doors; all else to `everything`.

    Looking up the route, and the layers around it, cost as much as the answer, and the network
    shares its machine with the market it serves.
    """

    def __init__(
        self,
        everything: ASGIApp,
        create: Door,
        capture: Door,
        refuse: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._everything = everything
        self._create, self._capture = create, capture
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._door_of(scope)
        if found is None:
            await self._everything(scope, receive, send)
            return
        door, scope["path_params"] = found
        request = Request(scope, receive)
        try:
            answer = await door(request)
        except Refused as refused:
            answer = await self._refuse(request, refused)
        await answer(scope, receive, send)

    def _door_of(self, scope: Scope) -> tuple[Door, dict[str, str]] | None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        parts: list[str] = scope["path"].split("/")
        if parts == ["", "intents"]:
            return self._create, {}
        if len(parts) == 4 and parts[1] == "intents" and parts[3] == "capture" and parts[2]:
            return self._capture, {"id": parts[2]}
        return None
