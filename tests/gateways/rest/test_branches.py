"""Ruling routers out by their first path segment finds the same routes as trying them all."""

from fastapi import FastAPI
from starlette.routing import Match

from haat.app.targets import all_modules
from haat.gateways.rest.branches import include

ASKED = [
    (method, path)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    for path in (
        "/api/v1/products",
        "/api/v1/products/some-slug",
        "/api/v1/products/x/submit",
        "/api/v1/orders",
        "/api/v1/orders/link/token",
        "/api/v1/orders/H-1/events",
        "/api/v1/checkout/summary",
        "/api/v1/payments/webhook/test",
        "/api/v1/admin/vendors/x/status",
        "/api/v1/nothing/here",
        "/api/v1/",
        "/api/v1",
        "/elsewhere",
    )
]


def found(app: FastAPI, method: str, path: str) -> int | None:
    """Which of the app's routers is the first that has a route for it."""
    scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
    for place, route in enumerate(app.router.routes):
        if route.matches(dict(scope))[0] is Match.FULL:
            return place
    return None


def test_both_ways_find_the_same() -> None:
    routers = [module.router for module in all_modules() if module.router is not None]
    quick, plain = FastAPI(), FastAPI()
    for router in routers:
        include(quick, router, "/api/v1", documented=True)
        plain.include_router(router, prefix="/api/v1")
    for method, path in ASKED:
        assert found(quick, method, path) == found(plain, method, path), (method, path)
    assert found(quick, "GET", "/api/v1/products") is not None
    assert found(quick, "GET", "/api/v1/nothing/here") is None
