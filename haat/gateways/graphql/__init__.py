"""GraphQL under /graphql: catalogue, vendors, offers and search, the cart, news of stock and price.

It knows contracts only. `routes` go to the application, a `Gate` into its state.
"""

from starlette.routing import BaseRoute, Route, WebSocketRoute

from haat.gateways.graphql.gate import PATH, Gate
from haat.gateways.graphql.http import answer
from haat.gateways.graphql.schema import breaks, schema, sdl
from haat.gateways.graphql.settings import GraphqlSettings
from haat.gateways.graphql.socket import connect


def routes() -> list[BaseRoute]:
    """Made once for a process, with the schema: workers are forked from one that has it."""
    schema()
    return [Route(PATH, answer, methods=["GET", "POST"]), WebSocketRoute(PATH, connect)]


__all__ = ["PATH", "Gate", "GraphqlSettings", "breaks", "routes", "sdl"]
