"""The REST reference at /docs: the OpenAPI document as a page of our own."""

from fastapi import APIRouter

from haat.gateways.web.docs.reference import router as reference


def docs_routers() -> list[APIRouter]:
    """Every page's router."""
    return [reference]
