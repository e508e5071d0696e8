"""News over a WebSocket, in the protocol graphql-transport-ws.

One connection has a bounded number of subscriptions, each of which keeps the latest of what its
reader has not taken yet. Queries and mutations go over HTTP, where they are counted, kept and
repeated as every request is.
"""

import asyncio
import re
from dataclasses import replace
from typing import Any

from graphql import OperationType
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from starlette.websockets import WebSocket, WebSocketDisconnect

from haat.engines.endings import end
from haat.engines.http import context_of
from haat.gateways.graphql.engine import Ask
from haat.gateways.graphql.gate import Gate
from haat.gateways.graphql.limits import QueryRefused
from haat.gateways.graphql.watch import Leaving
from haat.kernel.context import Context
from haat.kernel.errors import Limited, Problem

PROTOCOL = "graphql-transport-ws"
INIT_WAIT_S = 5.0
PING_S = 25.0
LONGEST_S = 3600.0  # then clients come again, with a token that is still good
SENT_MAX = 65_536
_ID = re.compile(r"[\x20-\x7e]{1,64}")
_ASK = TypeAdapter(Ask)


class _Close(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def connect(socket: WebSocket) -> None:
    """One connection, until one of us ends it."""
    gate: Gate = socket.app.state.graphql
    if PROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.accept()
        await socket.close(4406, "Subprotocol not acceptable")
        return
    await socket.accept(PROTOCOL)
    try:
        with gate.listening():
            await _Talk(gate, socket).hold()
    except Problem as problem:  # no room, or this process leaves
        await _closed(socket, 1001 if isinstance(problem, Leaving) else 1013, problem.code)
    except _Close as close:
        await _closed(socket, close.code, close.reason)
    except (WebSocketDisconnect, OSError):
        return


async def _closed(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason[:120])
    except (RuntimeError, OSError):
        return  # it is gone already


class _Talk:
    def __init__(self, gate: Gate, socket: WebSocket) -> None:
        self._gate = gate
        self._socket = socket
        self._sending = asyncio.Lock()
        self._open: dict[str, asyncio.Task[None]] = {}
        self._ctx: Context | None = None

    async def hold(self) -> None:
        leaving = asyncio.create_task(self._gate.watch.left.wait())
        pinging = asyncio.create_task(self._ping())
        hearing = asyncio.create_task(self._hear())
        every = {leaving, pinging, hearing}
        try:
            done, _ = await asyncio.wait(
                every, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done - {leaving}:
                task.result()
            raise Leaving
        finally:
            await end([*every, *self._open.values()])

    async def _hear(self) -> None:
        try:
            async with asyncio.timeout(INIT_WAIT_S):
                first = await self._receive()
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        if first.get("type") != "connection_init":
            raise _Close(4401, "Unauthorized")
        self._ctx = self._known(first.get("payload"))
        await self._send({"type": "connection_ack"})
        while True:
            await self._heard(await self._receive())

    def _known(self, payload: Any) -> Context:
        """Who it is, by the header or by what was sent first."""
        given = payload.get("authorization") or payload.get("Authorization") if payload else None
        if isinstance(given, str):
            scheme, _, token = given.partition(" ")
            state = self._socket.scope.setdefault("state", {})
            state["access_token"] = token.strip() if scheme.lower() == "bearer" else given
        try:
            return context_of(self._socket)
        except Problem as problem:
            raise _Close(4403, problem.code) from None

    async def _receive(self) -> dict[str, Any]:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text is None or len(text) > SENT_MAX:
            raise _Close(4400, "Send short texts")
        try:
            found = from_json(text)
        except ValueError:
            raise _Close(4400, "This is not JSON") from None
        payload = found.get("payload") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(payload, dict | None):
            raise _Close(4400, "This is no message")
        return found

    async def _heard(self, message: dict[str, Any]) -> None:
        kind, id = message.get("type"), message.get("id")
        if kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "pong":
            return
        elif kind == "connection_init":
            raise _Close(4429, "Too many initialisation requests")
        elif not isinstance(id, str) or not _ID.fullmatch(id):
            raise _Close(4400, "Give an id of 1 to 64 characters")
        elif kind == "complete":
            task = self._open.pop(id, None)
            if task is not None:
                await end([task])
        elif kind == "subscribe":
            await self._subscribe(id, message.get("payload"))
        else:
            raise _Close(4400, "There is no such message")

    async def _subscribe(self, id: str, payload: Any) -> None:
        if id in self._open:
            raise _Close(4409, f"Subscriber for {id} already exists")
        if len(self._open) >= self._gate.settings.graphql_max_subscriptions:
            problem = Limited("This connection has all the subscriptions it may.")
            await self._refuse(id, problem)
        elif not await self._gate.admits(self._socket.scope):
            await self._refuse(id, Limited())
        else:
            task = asyncio.create_task(self._tell(id, payload))
            self._open[id] = task

    async def _tell(self, id: str, payload: Any) -> None:
        """One subscription, to its end."""
        assert self._ctx is not None, "it was greeted"
        engine = self._gate.engine
        try:
            plan = await engine.plan(_ASK.validate_python(payload))
            if plan.kind is not OperationType.SUBSCRIPTION:
                raise QueryRefused("Send queries and mutations over HTTP.", code="news_only")
            inquiry = self._gate.inquiry(replace(self._ctx))
            inquiry.renew()
            async for found in engine.news(plan, inquiry):
                if "data" not in found:
                    await self._send({"id": id, "type": "error", "payload": found["errors"]})
                    return
                await self._send({"id": id, "type": "next", "payload": found})
            await self._send({"id": id, "type": "complete"})
        except Leaving:
            return  # the whole connection ends
        except ValidationError:
            await self._refuse(id, QueryRefused("Send a query.", code="query_missing"))
        except (WebSocketDisconnect, OSError):
            return  # whoever listens finds out, too
        except Exception as error:  # noqa: BLE001 one subscription's fault ends it alone
            await self._refuse(id, error)
        finally:
            self._open.pop(id, None)

    async def _refuse(self, id: str, error: Exception) -> None:
        request_id = self._ctx.request_id if self._ctx else ""
        errors = self._gate.engine.refusal(error, request_id)["errors"]
        await self._send({"id": id, "type": "error", "payload": errors})

    async def _send(self, message: dict[str, Any]) -> None:
        async with self._sending:  # a slow reader keeps its own subscriptions waiting
            await self._socket.send_text(to_json(message).decode())

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._send({"type": "ping"})
