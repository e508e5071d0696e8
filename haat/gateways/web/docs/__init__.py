"""The references: REST at /docs, the OpenAPI document as a page of our own; GraphQL beside it."""

from fastapi import APIRouter

from haat.gateways.web.docs.graphql import router as graphql
from haat.gateways.web.docs.reference import router as reference


def docs_routers() -> list[APIRouter]:
    """Every page's router."""
    return [reference, graphql]
