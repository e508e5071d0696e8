"""Every operation of the REST API, hidden aliases too, with examples made from its schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from haat.app.targets import chosen
from haat.gateways.rest import joined

_TEXTS = {
    r"^[0-9]{1,9}(\.[0-9]{1,9})?$": "0.9",
    "^[A-Z]{2}$": "GB",
    "^[A-Z]{3}$": "USD",
    "^[a-z_]{1,30}$": "test",
    r"^https?://[^\s]+$": "https://example.com/back",
}
ROWS = {  # property or parameter → row of the town
    "vendorId": "vendor",
    "vendor_id": "vendor",
    "vendor": "vendor",
    "offerId": "offer",
    "offer_id": "offer",
    "quoteId": "quote",
    "vendorOrderId": "part",
    "method_id": "method",
    "sku": "sku",
    "tracking_number": "tracking",
}
_PLACES = (  # how a path begins → row that {id} or {ref} is
    ("/vendors/{vendor_id}/products/", "product"),
    ("/vendors/", "vendor"),
    ("/products/", "product"),
    ("/categories/", "category"),
    ("/admin/categories/", "category"),
    ("/admin/products/", "product"),
    ("/admin/vendors/", "vendor"),
    ("/admin/orders/", "part"),
    ("/orders/{ref}", "order"),
    ("/orders/", "part"),
    ("/inventory/", "offer"),
    ("/product-requests/", "request"),
    ("/admin/product-requests/", "request"),
    ("/warehouses/", "warehouse"),
    ("/imports/", "import"),
    ("/media/uploads/", "upload"),
    ("/media/", "media"),
    ("/shipments/", "shipment"),
    ("/me/addresses/", "address"),
    ("/notifications/", "notification"),
    ("/checkout/", "quote"),
    ("/scheduled-prices/", "schedule"),
    ("/admin/tax-classes/", "tax_class"),
)
NOBODYS = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, relative to /api/v1. `body` is its schema; `form` that it uploads."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None
    form: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def operations() -> tuple[Operation, ...]:
    """All of them, by path."""
    app = FastAPI()
    for router in [*(module.router for module in chosen("all")), joined]:
        for route in router.routes if router else ():
            assert isinstance(route, APIRoute)
            app.add_api_route(
                route.path, route.endpoint, methods=sorted(route.methods or ()), response_model=None
            )
    return tuple(
        _operation(method, path, made)
        for path, methods in sorted(app.openapi()["paths"].items())
        for method, made in methods.items()
    )


@cache
def schemas() -> dict[str, Any]:
    """The named schemas of the documented API; aliases have the same."""
    from haat.app.schemas import openapi

    found: dict[str, Any] = openapi()["components"]["schemas"]
    return found


@cache
def _answers() -> list[tuple[re.Pattern[str], dict[str, set[str]]]]:
    """The documented statuses of every path, by method; those with the fewest parameters first."""
    from haat.app.schemas import openapi

    paths = sorted(openapi()["paths"].items(), key=lambda path: path[0].count("{"))
    return [
        (
            re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))),
            {method.upper(): set(one["responses"]) for method, one in methods.items()},
        )
        for path, methods in paths
    ]


def is_described(method: str, path: str, status: int) -> bool:
    """Whether the document names this status there; what it does not know may answer anything."""
    for pattern, methods in _answers():
        if pattern.fullmatch(path) and method in methods:
            return str(status) in methods[method]
    return True


def _operation(method: str, path: str, made: Mapping[str, Any]) -> Operation:
    content = made.get("requestBody", {}).get("content", {})
    form = "multipart/form-data" in content
    schema = content.get("application/json", {}).get("schema")
    return Operation(method.upper(), path, tuple(made.get("parameters", ())), schema, form)


def row_of(path: str, name: str) -> str:
    """Which row of the town the parameter of that name is in that path; empty where none is."""
    return ROWS.get(name) or next((row for start, row in _PLACES if path.startswith(start)), "")


def path_of(operation: Operation, rows: Mapping[str, str]) -> str:
    """The path with these rows in it."""
    path = operation.path
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            name = parameter["name"]
            row = row_of(operation.path, name)
            counts = parameter["schema"].get("type") == "integer"
            path = path.replace(f"{{{name}}}", "1" if counts else rows.get(row, NOBODYS))
    return path


def example(schema: Mapping[str, Any], rows: Mapping[str, str], name: str = "") -> Any:
    """The smallest value this schema allows that may mean something."""
    if "$ref" in schema:
        return example(schemas()[schema["$ref"].rpartition("/")[2]], rows, name)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example(schema[several][0], rows, name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", [])
        return {key: example(schema["properties"][key], rows, key) for key in wanted}
    if kind == "array":
        return [example(schema["items"], rows, name)] if schema.get("minItems") else []
    if kind in ("integer", "number"):
        return max(1, int(schema.get("minimum", 1)))
    if kind == "boolean":
        return True
    return _text(schema, rows, name) if kind == "string" else None


def _text(schema: Mapping[str, Any], rows: Mapping[str, str], name: str) -> str:
    if schema.get("format") == "uuid":
        return rows.get(ROWS.get(name, ""), NOBODYS)
    if schema.get("format") == "date-time":
        return "2026-11-21T08:00:00Z"
    if "email" in name.lower():
        return "someone@example.com"
    if name == "status":
        return "processing"
    if "pattern" in schema:
        return _TEXTS.get(schema["pattern"], "standard")
    return "Some text that is long enough"[: schema.get("maxLength", 40)]
