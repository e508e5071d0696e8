"""Relay's Node, and what resolvers get their circumstances by."""

from typing import Any
from uuid import UUID

import strawberry

from haat.gateways.graphql.ids import global_id
from haat.gateways.graphql.inquiry import Inquiry

Info = strawberry.Info[Inquiry, Any]


@strawberry.interface(description="Whatever can be asked for again by its global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global; `uuid` is the id REST knows it by.")
    uuid: UUID


def named(kind: str, id: UUID) -> strawberry.ID:
    return strawberry.ID(global_id(kind, id))
