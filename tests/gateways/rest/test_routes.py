"""The addresses that clients of earlier designs know: each leads to a handler, under both roots.

What stands without a root in those designs is under /v1; all of it is under /api/v1 as well.
"""

import pytest

from haat.app.targets import chosen
from tests.gateways.rest.operations import NOBODYS, operations
from tests.gateways.town import Town

# capability: its operations; {} is any value.
PLANNED = """
ADMIN.02   GET /admin/vendors
ADMIN.10   GET /marketplace/stats
APPR.02    PATCH /admin/products/{}/approve
AUTH.01    POST /auth/register
AUTH.02    POST /auth/login
AUTH.03    POST /auth/logout
AUTH.04    POST /auth/refresh
AUTH.05    POST /auth/forgot-password
AUTH.06    POST /auth/reset-password
AUTH.07    GET /auth/me
AUTH.11    GET /me/sessions, DELETE /me/sessions/{}
AUTH.14    POST /auth/verify-email, POST /me/verification
AUTH.15    PUT /me/password
AUTH.16    POST /admin/people/{}/block
AUTH.18    GET /me/sign-ins, GET /admin/people/{}/sign-ins
CART.01    GET /buyer/cart, GET /cart
CART.02    POST /buyer/cart, POST /cart/items
CART.03    PUT /buyer/cart/{}, PATCH /cart/items/{}
CART.04    DELETE /buyer/cart/{}, DELETE /cart/items/{}
CART.06    POST /checkout/summary, POST /summary
CART.08    GET /admin/carts/{}/actions
CART.09    PUT /cart/reminders, GET /admin/carts/recoveries
CAT.01     POST /products, POST /products/create, POST /vendors/{}/products
CAT.02     GET /products/{}
CAT.03     GET /products, GET /products/
CAT.04     PUT /products/{}, PATCH /vendors/{}/products/{}
CAT.05     DELETE /products/{}
CAT.09     GET /categories, GET /marketplace/categories
CAT.10     POST /admin/categories, PATCH /admin/categories/{}
CAT.11     GET /categories/{}
INV.01     GET /inventory/{}
INV.02     PUT /inventory/{}, PATCH /vendors/{}/inventory/{}
INV.03     GET /inventory
INV.04     PUT /inventory/{}/threshold
INV.05     GET /inventory/alerts
INV.11     PUT /inventory/{}/safety
INV.12     GET /inventory/{}/movements, POST /inventory/{}/adjustments
INV.13     GET /warehouses, POST /warehouses, PUT /warehouses/{}, DELETE /warehouses/{}
INV.14     POST /inventory/{}/transfers
MEDIA.01   POST /products/{}/images
NOTIF.01   GET /notifications
NOTIF.02   PUT /notifications/{}/read
NOTIF.03   PUT /notifications/read-all
NOTIF.04   DELETE /notifications/{}
NOTIF.05   GET /notifications/unread-count
ORD.01     POST /orders, POST /orders/create
ORD.04     GET /orders/{}
ORD.05     GET /buyer/orders, GET /me/orders
ORD.06     GET /orders
ORD.07     GET /admin/orders, GET /orders/
ORD.08     PATCH /admin/orders/{}/status, PUT /orders/{}/status
ORD.13     PUT /orders/{}/accept
ORD.14     PUT /orders/{}/reject
ORD.15     PUT /orders/{}/ready
ORD.16     POST /orders/{}/cancel
ORD.17     GET /orders/{}/events
PAY.01     POST /payments/intent
PAY.02     POST /payments/webhook
PAY.13     GET /payments/transactions
PAYOUT.05  GET /vendors/{}/earnings
PAYOUT.06  GET /payments/balance
PAYOUT.07  POST /payments/payout, POST /vendors/{}/payout-request
PAYOUT.08  GET /payments/payouts
PAYOUT.09  POST /admin/payouts/{}/approve
RET.01     POST /payments/refund
SHIP.01    POST /shipping/rates
SHIP.03    POST /shipments
SHIP.04    GET /shipments, GET /shipments/{}
SHIP.06    GET /shipments/{}/track, GET /shipping/track/{}
SRCH.01    GET /buyer/search, GET /search
SRCH.17    POST /marketplace/search
USER.01    GET /me, PATCH /me
USER.02    GET /buyer/addresses, POST /buyer/addresses, PUT /buyer/addresses/{}
USER.02    DELETE /buyer/addresses/{}, GET /me/addresses, POST /me/addresses
USER.02    PATCH /me/addresses/{}, DELETE /me/addresses/{}
VEND.01    POST /sellers/register, POST /vendors/apply
VEND.02    PATCH /admin/vendors/{}/status
VEND.08    GET /sellers/{}, GET /vendors/{}
VEND.09    PUT /sellers/{}, PUT /vendors/{}, PATCH /vendors/{}
VEND.10    POST /vendors/{}/logo, POST /vendors/{}/banner
VEND.18    GET /sellers/
VEND.19    GET /sellers/{}/products
"""
ROUTING = ("There is nothing at this address.", "This address does not know that method.")


def planned() -> list[tuple[str, str]]:
    """(method, path) of each."""
    found = []
    for line in filter(None, PLANNED.split("\n")):
        for one in line.partition(" ")[2].split(","):
            method, path = one.split()
            found.append((method, path))
    return found


@pytest.mark.parametrize("root", ["/api/v1", "/v1"])
async def test_every_planned_address_has_a_handler(town: Town, root: str) -> None:
    missing = []
    for method, path in planned():
        url = f"{town.box.address}{root}{path.replace('{}', NOBODYS)}"
        answer = await town.box.http.request(method, url)
        astray = answer.status_code >= 400 and answer.json().get("detail") in ROUTING
        if answer.is_redirect or answer.status_code >= 500 or astray:
            missing.append(f"{method} {path}: {answer.status_code} {answer.text[:100]}")
    assert "\n".join(missing) == ""


async def test_no_address_is_taken_by_another(town: Town) -> None:
    """Of two routes that match, the first one answers: "/vendors/me" is no vendor called me."""
    seen: dict[str, str] = {}
    for module in chosen("all"):
        for route in module.router.routes if module.router else ():
            path = str(getattr(route, "path", ""))
            for method in sorted(getattr(route, "methods", ())):
                shape = f"{method} {'/'.join('{}' if '{' in p else p for p in path.split('/'))}"
                assert seen.setdefault(shape, path) == path, f"{shape}: {path} and {seen[shape]}"
    assert len(operations()) > 100


async def test_a_refused_method_is_told_which_are_known(town: Town) -> None:
    url = f"{town.box.address}/api/v1/me/addresses/{NOBODYS}"
    answer = await town.box.http.options(url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, PATCH, PUT")
    url = f"{town.box.address}/api/v1/notifications/read-all"
    answer = await town.box.http.delete(url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "PUT"), "no note is called so"
