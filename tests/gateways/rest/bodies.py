"""Bodies of requests into which a text is put: the smallest that may mean something."""

import os
from collections.abc import Mapping
from typing import Any

from tests.gateways.rest.operations import Operation, example, schemas
from tests.gateways.web.browser import picture
from tests.journeys.box import ADDRESS, PASSWORD

TEXT, FRESH = "{text}", "{n}"
_MONEY = {"minor": 500, "currency": "USD"}
_GOODS: dict[str, Any] = {"title": "Bowl {n}", "variants": [{"sku": "H-{n}", "price": _MONEY}]}
_CHOSEN: dict[str, Any] = {
    **_GOODS,
    "variants": [{**_GOODS["variants"][0], "options": {TEXT: "A"}}],
}
_BY_TRANSFER = {
    "items": [{"offerId": "{bought}", "quantity": 1}],
    "shipTo": ADDRESS,
    "payment": {"provider": "bank"},
}
_RULE = {"id": "{uuid}", "name": "All", "rateBp": 300}
_HOOK = {"url": "https://example.com/{n}", "events": ["order.paid"]}
_ITEM = {"kind": "profile", "title": "A profile"}
_WORDS = {"name": "No copies", "kind": "words", "words": ["Replica"]}
_CHOICES = {"key": "colour", "name": "Colour", "kind": "choice", "choices": ["Red"]}
_ANSWER = {"kept": "{kept}", "answered": {"code": "{code}", "state": "{state}"}}
# What an example of the schema does not pass with, by operation or by field; {n} is another each
# time, {text} the text itself, other names are rows.
BODIES: Mapping[str, Any] = {
    "POST /me/addresses": ADDRESS,
    "PUT /me/addresses/{id}": ADDRESS,
    "PATCH /me/addresses/{id}": {},
    "POST /products": _GOODS,
    "PUT /products/{id}": _GOODS,
    "POST /vendors/{vendor_id}/products": _GOODS,
    "POST /products optionNames.[]": _CHOSEN,
    "PUT /products/{id} optionNames.[]": _CHOSEN,
    "PATCH /products/{id} optionNames.[]": _CHOSEN,
    "PATCH /vendors/{vendor_id}/products/{id} optionNames.[]": _CHOSEN,
    "POST /vendors/{vendor_id}/products optionNames.[]": _CHOSEN,
    "POST /products/{id}/offers": {"variantId": "{loom_variant}", "sku": "O-{n}", "price": _MONEY},
    "POST /products/{id}/variants/generate": {
        "options": [{"name": "Size {n}", "values": ["S", "M"]}],
        "price": _MONEY,
    },
    "POST /product-requests": {"title": "Jar {n}", "sku": "R-{n}", "price": _MONEY},
    "POST /admin/categories": {"name": "Shelf {n}"},
    "POST /admin/categories template.[].choices.[]": {"name": "Shelf {n}", "template": [_CHOICES]},
    "PATCH /admin/categories/{id} template.[].choices.[]": {"template": [_CHOICES]},
    "PUT /admin/listing-rules/{id}": _WORDS,
    "POST /admin/onboarding/items": _ITEM,
    "PUT /admin/onboarding/items/{id}": _ITEM,
    "PUT /admin/staff-roles/{role_id}": {"name": "Role {n}", "scopes": ["staff:orders"]},
    "PUT /vendors/{vendor_id}/roles/{role_id}": {"name": "Role {n}", "scopes": ["vendor:orders"]},
    "PUT /admin/staff/{person_id}": {"roles": ["support"]},
    "PUT /admin/price-lists/{id}": {"groupId": "{group}", "name": "List {n}"},
    "PUT /admin/currencies": {"code": "EUR", "rate": "0.9"},
    "POST /admin/webhooks": _HOOK,
    "POST /vendors/{vendor_id}/webhooks": _HOOK,
    "POST /admin/commission-lists": {"rules": [_RULE]},
    "PUT /admin/commission-lists/{id}": {"rules": [_RULE], "version": "{version}"},
    "POST /admin/commission-lists/{id}/activate": {"version": "{version}"},
    "PATCH /admin/orders/{id}/status reason": {"status": "cancelled"},
    "PUT /orders/{id}/status reason": {"status": "rejected"},
    "PATCH /admin/orders/{id}/status": {"status": "shipped"},
    "PUT /orders/{id}/status": {"status": "shipped"},
    "POST /shipments": {"vendorOrderId": "{part}"},
    "POST /payments/refund": {"vendorOrderId": "{part}", "amount": {**_MONEY, "minor": 1}},
    "POST /orders/link/{token}/cancel": {"vendorOrderId": "{part}"},
    "POST /returns": {
        "vendorOrderId": "{part}",
        "items": [{"lineId": "{line}", "quantity": 1}],
        "reason": "damaged",
    },
    "POST /orders": _BY_TRANSFER,
    "POST /orders email": {**_BY_TRANSFER, "email": TEXT},
    "POST /orders payment.token": {**_BY_TRANSFER, "payment": {"provider": "test"}},
    "POST /admin/bank-files/settle": {"ids": ["{due}"], "paid": False},
    "POST /admin/withdrawals/settle": {"ids": ["{due}"], "paid": False},
    "POST /admin/payments/refunds/settle": {"ids": ["{due}"], "done": False},
    "POST /admin/payments/funds": {
        "funds": [{"id": "{uuid}", "text": "?", "amount": _MONEY, "bookedAt": "2026-11-01T00:00Z"}]
    },
    "POST /admin/support-sessions": {"personId": "{customer}"},
    "PATCH /admin/vendors/{id}/status": {"decision": "request_changes"},
    "PATCH /admin/products/{id}/approve": {"decision": "request_changes"},
    "PUT /admin/bank-accounts/{id}": {"verified": False},
    "PUT /admin/documents/{id}": {"verified": False},
    "PUT /admin/wallets/{owner_id}/frozen": {"frozen": True},
    "POST /admin/withdrawals/{id}/decision": {"decision": "reject"},
    "PUT /admin/vendors/{id}/waivers/{item_id}": {"waived": True},
    "PUT /admin/vendors/{id}/payout-terms": {"held": True, "heldReason": "?", "reason": "?"},
    "POST /wallet/topups": {"creditsMinor": 1_000, "method": {"provider": "test"}},
    "POST /wallet/withdrawals": {
        "creditsMinor": 1_00,
        "holder": "Ada",
        "account": "GB82WEST12345698765432",
    },
    "POST /auth/register": {"email": "h{n}@example.com", "name": "H", "password": "a-long-one-{n}"},
    "POST /checkout/summary": {"items": _BY_TRANSFER["items"], "shipTo": ADDRESS},
    "POST /media/uploads": {"contentType": "image/png", "sizeBytes": len(picture()[1])},
    "POST /admin/credit-rates": {"currency": "USD", "micro": 1_000_000},
    "PUT /vendors/{id}/absence": {"since": "2040-01-01T00:00Z"},
    "POST /auth/prove code": {"password": PASSWORD},
    "POST /auth/with/{provider}/answer": _ANSWER,
    "POST /me/connections/with/{provider}/answer": _ANSWER,
    "POST /auth/prove/{provider}/answer": _ANSWER,
    "POST /vendors/apply": {
        "name": "Shop {n}",
        "country": "GB",
        "contactEmail": "shop{n}@example.com",
    },
    "POST /vendors/{vendor_id}/api-keys": {"name": "Key {n}", "scopes": ["vendor:products"]},
}


def body_with(
    operation: Operation, path: tuple[str, ...], text: str, rows: Mapping[str, str]
) -> Any:
    """The operation's body with the text in that field."""
    given = BODIES.get(f"{operation} {'.'.join(path)}", BODIES.get(str(operation)))
    if given is None:
        given = example(operation.body or {}, rows)
    fresh = os.urandom(16).hex()
    known = {**rows, "n": fresh[:8], "uuid": f"{fresh[:12]}4{fresh[13:16]}8{fresh[17:]}"}
    return _put(operation.body, _filled(given, text, known), path, text, rows)


def _filled(value: Any, text: str, rows: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {_filled(name, text, rows): _filled(one, text, rows) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, text, rows) for one in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    if value == TEXT:
        return text
    if value == "{version}":  # a number: JSON is read as it is written
        return int(rows["version"])
    for name, row in rows.items():
        value = value.replace(f"{{{name}}}", row)
    return value


def _put(schema: Any, value: Any, path: tuple[str, ...], text: str, rows: Mapping[str, str]) -> Any:
    if not path:
        return text
    schema = _whole(schema)
    if path[0] == "[]":
        items = value if isinstance(value, list) else []
        first = items[0] if items else example(schema["items"], rows)
        return [_put(schema["items"], first, path[1:], text, rows), *items[1:]]
    known = dict(value) if isinstance(value, dict) else dict(example(schema, rows) or {})
    inner = schema["properties"][path[0]]
    known[path[0]] = _put(inner, known.get(path[0]), path[1:], text, rows)
    return known


def _whole(schema: Any) -> Any:
    """The schema behind references, and of several the one that is not null."""
    while True:
        if "$ref" in schema:
            schema = schemas()[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        else:
            return schema
