"""405 as the document says it: an address knows the methods of its closest template, and `Allow`
names all of them.

The framework takes the first route that meets a path: a GET of /notifications/read-all, where PUT
alone stands, would be one of /notifications/{id}, refused for its id. So a refusal is looked at
once more; what is answered well costs nothing.
"""

import re
from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.http.problems import MethodNotAllowed, problem_response
from haat.gateways.rest.aliases import shape

_LOOKED_AT = (404, 405, 422)


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
        # The closest template of a path has the fewest parameters, and those the furthest behind.
        closest = sorted(known, key=lambda path: (path.count("{}"), -path.find("{}")))
        self._templates = [known[path] for path in closest]

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
                known = self._methods(scope["path"])
                if known and scope["method"] not in known:
                    ended = True
                    request_id = scope.get("state", {}).get("request_id", "")
                    answer = problem_response(
                        MethodNotAllowed(),
                        request_id=request_id,
                        headers={"allow": ", ".join(sorted(known))},
                    )
                    await answer(scope, receive, send)
                    return
            await send(message)

        await self._app(scope, receive, telling)

    def _methods(self, path: str) -> set[str]:
        root = next(one for one in self._roots if path.startswith(one))
        short = path[len(root) - 1 :]
        return next((known for one, known in self._templates if one.match(short)), set())
