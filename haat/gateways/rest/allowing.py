"""405 as the document says it: an address knows the methods of its closest template, and `Allow`
names all of them. And 401 first: who has to say who they are and does not is told nothing else.

The framework takes the first route that meets a path: a GET of /notifications/read-all, where PUT
alone stands, would be one of /notifications/{id}, refused for its id; and it reads a body before it
asks whose it is. So a refusal is looked at once more; what is answered well costs nothing.
"""

import re
from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http.problems import MethodNotAllowed, problem_response
from haat.gateways.rest.aliases import ALIASES, shape
from haat.gateways.rest.rights import OPEN, table
from haat.kernel.errors import Problem, Unauthenticated

_UNREAD = (400, 415, 422)  # what may be said of a request before it is known who asks
_LOOKED_AT = (404, 405, *_UNREAD)


class Allowing:
    """Stands before the application; `prefixes` are the roots of the API."""

    def __init__(
        self, app: ASGIApp, routers: Sequence[APIRouter], prefixes: tuple[str, ...]
    ) -> None:
        self._app = app
        self._roots = tuple(f"{prefix}/" for prefix in prefixes)
        known: dict[str, tuple[re.Pattern[str], set[str]]] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and route.methods:
                    _, methods = known.setdefault(shape(route.path), (route.path_regex, set()))
                    methods.update(route.methods)
        for alias in ALIASES:
            method, name = alias.name.split(" ")
            if shape(name) in known:
                known[shape(name)][1].add(method)
        # The closest template of a path has the fewest parameters, and those the furthest behind.
        closest = sorted(known, key=lambda path: (path.count("{}"), -path.find("{}")))
        self._templates = [(*known[path], path) for path in closest]
        self._open = {shape(name) for name, right in table().items() if right in OPEN}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._roots):
            await self._app(scope, receive, send)
            return
        ended = False

        async def telling(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            if message["type"] == "http.response.start" and message["status"] in _LOOKED_AT:
                refusal, headers = self._refusal(scope, message["status"])
                if refusal is not None:
                    ended = True
                    request_id = scope.get("state", {}).get("request_id", "")
                    answer = problem_response(refusal, request_id=request_id, headers=headers)
                    await answer(scope, receive, send)
                    return
            await send(message)

        await self._app(scope, receive, telling)

    def _refusal(self, scope: Scope, status: int) -> tuple[Problem | None, dict[str, str]]:
        """What is said instead, and its headers."""
        path, method = scope["path"], scope["method"]
        root = next(one for one in self._roots if path.startswith(one))
        short = path[len(root) - 1 :]
        met = next((one for one in self._templates if one[0].match(short)), None)
        if met is None:
            return None, {}
        _, methods, template = met
        if method not in methods:
            return MethodNotAllowed(), {"allow": ", ".join(sorted(methods))}
        closed = f"{method} {template}" not in self._open
        if status in _UNREAD and closed and not _says_who(scope):
            return Unauthenticated(), {}
        return None, {}


def _says_who(scope: Scope) -> bool:
    state = scope.get("state", {})
    if state.get("claims") is not None or state.get("access_token"):
        return True
    return any(
        name == b"authorization" and value[:7].lower() == b"bearer "
        for name, value in scope["headers"]
    )
