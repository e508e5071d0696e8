"""The schema, made once for a process."""

from functools import cache

import strawberry
from graphql import GraphQLSchema, build_schema, find_breaking_changes
from strawberry.schema.config import StrawberryConfig

from haat.gateways.graphql.goods import Brand, Category, Product, Vendor
from haat.gateways.graphql.mutations import Mutation
from haat.gateways.graphql.offers import Offer
from haat.gateways.graphql.queries import Query
from haat.gateways.graphql.scalars import SAFE_INT, SafeInt
from haat.gateways.graphql.subscriptions import Subscription


@cache
def _made() -> strawberry.Schema:
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Product, Offer, Vendor, Category, Brand],
        config=StrawberryConfig(scalar_map={SafeInt: SAFE_INT}),
    )


def schema() -> GraphQLSchema:
    """What queries are held against and executed on."""
    found: GraphQLSchema = _made()._schema
    return found


def sdl() -> str:
    """The schema in GraphQL's own language."""
    return _made().as_str() + "\n"


def breaks(committed: str) -> list[str]:
    """What a client of the committed schema would stumble over in this one."""
    found = find_breaking_changes(build_schema(committed), schema())
    return [one.description for one in found]
