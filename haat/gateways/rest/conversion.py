"""`?currency=EUR` on what is read of goods: amounts in the market's currency are answered in that
one, as the market's pages show them. What is charged stays in the market's currency.

The module's own routes know nothing of it: their answers are converted on the way out, so a request
without the parameter goes the way it always went.
"""

from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from haat.domains.goods.pricing.api import Pricing, Viewing
from haat.engines.http import problem_response
from haat.gateways.rest.rewriting import Rewriting
from haat.kernel.context import Context
from haat.kernel.errors import Problem
from haat.kernel.money import Money

# What customers look around with; a cart's items carry the prices they were put in at.
PLACES = (
    "/products",
    "/vendors/",
    "/categories/",
    "/search",
    "/cart",
)


class Conversion:
    """Stands before the application; touches GET requests that name a currency."""

    def __init__(self, app: ASGIApp, state: State, prefixes: tuple[str, ...]) -> None:
        self._app = app
        self.state = state  # of the application behind, for who looks before it is reached
        self._places = tuple(prefix + place for prefix in prefixes for place in PLACES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = self._wanted(scope)
        if wanted is None:
            await self._app(scope, receive, send)
            return
        ctx = Context(clock=self.state.clock)
        try:
            viewing = await self.state.doors[Pricing].viewing(ctx, currency=wanted)
        except Problem as problem:
            request_id = scope.get("state", {}).get("request_id", "")
            await problem_response(problem, request_id=request_id)(scope, receive, send)
            return
        if not viewing.is_converted:
            await self._app(scope, receive, send)
            return

        async def change(answer: Any) -> Any:
            return converted_answer(answer, viewing)

        await self._app(scope, receive, Rewriting(send, change).send)

    def _wanted(self, scope: Scope) -> str | None:
        """The currency that is named, None for none."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        if b"currency=" not in scope["query_string"]:
            return None
        if not scope["path"].startswith(self._places):
            return None
        found = parse_qs(scope["query_string"].decode("latin-1")).get("currency")
        return found[0][:20].upper() if found else None


def converted_answer(value: Any, viewing: Viewing) -> Any:
    """The same JSON with every amount in the market's currency in the other one."""
    if isinstance(value, list):
        return [converted_answer(one, viewing) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"minor", "currency"}:
        return viewing.about(Money.model_validate(value)).model_dump(mode="json")
    return {name: converted_answer(one, viewing) for name, one in value.items()}
