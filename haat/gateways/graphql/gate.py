"""What a process has of GraphQL: the engine, the watch, and how many listen."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from graphql import OperationType
from pydantic_core import from_json
from starlette.requests import HTTPConnection
from starlette.types import Scope

from haat.engines.cache import Cache
from haat.engines.http import context_of
from haat.engines.http.context import DEADLINE
from haat.gateways.graphql.describing import described
from haat.gateways.graphql.engine import KNOWN, Ask, Engine
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.limits import QueryRefused
from haat.gateways.graphql.persisted import Persisted
from haat.gateways.graphql.settings import GraphqlSettings
from haat.gateways.graphql.watch import Leaving, ListenersFull, Watch
from haat.kernel.clock import Clock
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Invalid, Limited

PATH = "/graphql"
Admits = Callable[[Scope], Awaitable[bool]]


class Gate:
    """Stands in `app.state.graphql`. `admits` counts what a connection asks for against the rate
    limit, as a request would be."""

    def __init__(
        self,
        settings: GraphqlSettings,
        doors: Mapping[type[Contract], Any],
        cache: Cache,
        clock: Clock,
        *,
        site: str,
        admits: Admits,
    ) -> None:
        self.settings = settings
        self.site = site
        self.admits = admits
        self._doors = doors
        persisted = Persisted(
            cache, kept_s=settings.graphql_kept_s, listed=settings.graphql_only_persisted
        )
        self.engine = Engine(settings, persisted)
        self._clock = clock
        self.watch = Watch(doors, self._looking, cache, every_s=settings.graphql_watch_s)
        self._listening = 0

    def inquiry(self, ctx: Context) -> Inquiry:
        return Inquiry(self._doors, ctx, site=self.site, watch=self.watch)

    def need_room(self) -> None:
        """ListenersFull, Leaving."""
        if self.watch.left.is_set():
            raise Leaving
        if self._listening >= self.settings.graphql_max_listeners:
            raise ListenersFull

    @contextmanager
    def listening(self) -> Iterator[None]:
        """One more connection that hears news. ListenersFull, Leaving."""
        self.need_room()
        self._listening += 1
        try:
            yield
        finally:
            self._listening -= 1

    def leave(self) -> None:
        """This process leaves: whoever listens is told to do so elsewhere."""
        self.watch.leave()

    async def aclose(self) -> None:
        await self.watch.aclose()

    def described(self) -> list[dict[str, Any]]:
        """The schema as plain values, by type; nothing where it is not to be shown."""
        return described() if self.settings.graphql_introspection else []

    async def explore(self, request: HTTPConnection, query: str, variables: str) -> dict[str, Any]:
        """What a query answers, for a page that shows it: nothing is changed by it."""
        ctx = context_of(request)
        try:
            if not await self.admits({**request.scope, "path": PATH}):
                raise Limited
            plan = await self.engine.plan(Ask(query=query, variables=_read(variables)))
            if plan.kind is not OperationType.QUERY:
                raise QueryRefused("This page asks; it changes nothing.", code="query_only")
            return await self.engine.run(plan, self.inquiry(ctx))
        except KNOWN as error:
            return self.engine.refusal(error, ctx.request_id)

    def _looking(self) -> Context:
        """As a guest: listeners are shown what everybody may see."""
        deadline: timedelta = DEADLINE
        return Context(
            request_id="graphql.watch",
            correlation_id="graphql.watch",
            deadline=self._clock.now() + deadline,
            clock=self._clock,
        )


def _read(variables: str) -> dict[str, Any]:
    try:
        found = from_json(variables) if variables.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid.at("variables", "Variables are a JSON object.", "variables_invalid")
    return found
