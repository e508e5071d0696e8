"""A WebSocket to /graphql without a network between: ASGI's messages, in this very loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from haat.engines.cache import Cache
from haat.engines.endings import end
from haat.gateways import graphql
from haat.gateways.graphql import Gate, GraphqlSettings
from tests.journeys.box import Box

PROTOCOL = "graphql-transport-ws"
WAIT_S = 20


class Wire:
    """One connection, from the client's side."""

    def __init__(self, app: Starlette, headers: Mapping[str, str], protocols: list[str]) -> None:
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "scheme": "ws",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "subprotocols": protocols,
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
            "state": {},
        }
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self.reading = asyncio.Event()  # a reader that takes nothing has it cleared
        self.reading.set()
        self._task: asyncio.Task[None] = asyncio.ensure_future(app(scope, self._in.get, self._took))
        self._in.put_nowait({"type": "websocket.connect"})
        self.accepted: str | None = None

    async def _took(self, message: Any) -> None:
        await self.reading.wait()
        self._out.put_nowait(message)

    async def begin(self, payload: Any = None) -> None:
        first = await self.message()
        assert first["type"] == "websocket.accept"
        self.accepted = first.get("subprotocol")
        self.send({"type": "connection_init", **({"payload": payload} if payload else {})})
        assert await self.next() == {"type": "connection_ack"}

    def send(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    def subscribe(self, id: str, query: str, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        self.send({"id": id, "type": "subscribe", "payload": payload})

    async def message(self) -> Any:
        return await asyncio.wait_for(self._out.get(), WAIT_S)

    async def next(self) -> Any:
        """The next message of the protocol."""
        found = await self.message()
        assert found["type"] == "websocket.send", found
        return json.loads(found["text"])

    async def closed(self) -> int:
        """The code it was closed with."""
        while True:
            found = await self.message()
            if found["type"] == "websocket.close":
                return int(found["code"])

    @property
    def waiting(self) -> int:
        return self._out.qsize()

    async def hang_up(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait([self._task], timeout=WAIT_S)
        assert self._task.done()
        await end([self._task])


class Door:
    """The routes of GraphQL with a gate of their own: one replica of the market's site."""

    def __init__(self, box: Box, cache: Cache, **settings: Any) -> None:
        runtime = box.runtime
        self.admitted = True
        self.gate = Gate(
            GraphqlSettings(**{"graphql_watch_s": 0.1, **settings}),
            runtime.doors,
            cache,
            runtime.clock,
            site="http://test",
            admits=self._admits,
        )
        self.app = Starlette(routes=graphql.routes())
        state = self.app.state
        state.doors, state.tokens, state.clock = runtime.doors, runtime.tokens, runtime.clock
        state.graphql = self.gate

    async def _admits(self, scope: Any) -> bool:
        return self.admitted

    def wire(self, protocols: list[str] | None = None, **headers: str) -> Wire:
        return Wire(self.app, headers, [PROTOCOL] if protocols is None else protocols)


@asynccontextmanager
async def opened(box: Box, cache: Cache | None = None, **settings: Any) -> AsyncIterator[Door]:
    door = Door(box, cache or box.runtime.cache, **settings)
    try:
        yield door
    finally:
        await door.gate.aclose()
