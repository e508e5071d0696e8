"""Who may call what: every operation, called by everybody who may not.

A new operation must be entered in RIGHTS, so that what is open to all is open on purpose.
"""

import json
from typing import Any

import httpx
import pytest

from haat.domains.people.identity.api import Identity
from tests.gateways.rest.operations import NOBODYS, Operation, example, operations, path_of
from tests.gateways.town import ROLES, Town, officer
from tests.journeys.box import Box, Client
from tests.journeys.scene import open_shop

# What a caller must hold: "nobody's" is open to all, "quote" to who made the quote (a guest
# proves it by knowing its id), "person" to all who are signed in, for what is their own.
RIGHTS = {
    "nobody's": """
        POST /auth/login, POST /auth/logout, POST /auth/refresh, POST /auth/register
        GET /buyer/cart, POST /buyer/cart, PUT /buyer/cart/{offer_id}
        DELETE /buyer/cart/{offer_id}, GET /cart, POST /cart/items, PATCH /cart/items/{offer_id}
        DELETE /cart/items/{offer_id}, POST /checkout/summary, POST /summary
        GET /buyer/search, GET /search, GET /search/suggest, POST /marketplace/search
        GET /search/complete, GET /search/vendors, GET /search/trending, GET /search/discover
        GET /categories, GET /categories/{ref}, GET /marketplace/categories
        GET /products, GET /products/{ref}, GET /products/, GET /products/{ref}/offers
        GET /products/{ref}/specs, GET /categories/{ref}/attributes
        GET /brands, GET /brands/{ref}
        GET /market, GET /marketplace/stats, GET /tax-rates, GET /payments/providers
        GET /orders/link/{token}, POST /orders/link/{token}/cancel
        GET /orders/link/{token}/receipt, GET /orders/link/{token}/receipt.pdf
        POST /orders/link/{token}/receipt/send
        POST /payments/webhook, POST /payments/webhook/{provider}
        GET /sellers, GET /sellers/, GET /sellers/{id}, GET /sellers/{vendor}/products
        GET /vendors, GET /vendors/{id}, GET /vendors/{vendor}/products
        GET /vendors/{id}/shipping-methods, POST /shipping/rates, GET /credit-rates
        GET /shipping/track/{tracking_number}
        POST /offers/{offer_id}/stock-notices, DELETE /stock-notices/{token}
        """,
    "quote": """
        GET /checkout/{id}, GET /checkout/{id}/status, POST /payments/intent
        POST /orders, POST /orders/create
        """,
    "person": """
        GET /auth/me, GET /me, PATCH /me, GET /me/profile, GET /me/addresses, POST /me/addresses
        PATCH /me/addresses/{id}, PUT /me/addresses/{id}, DELETE /me/addresses/{id}
        GET /buyer/addresses, POST /buyer/addresses, PATCH /buyer/addresses/{id}
        PUT /buyer/addresses/{id}, DELETE /buyer/addresses/{id}
        GET /me/searches, DELETE /me/searches
        GET /me/one-click, POST /orders/one-click
        GET /me/orders, GET /buyer/orders, GET /orders, GET /orders/, GET /orders/{ref}
        GET /orders/{ref}/receipt, GET /orders/{ref}/receipt.pdf, POST /orders/{ref}/receipt/send
        GET /orders/{ref}/credit-notes, GET /orders/{ref}/credit-notes/{refund_id}.pdf
        GET /orders/{ref}/events, POST /orders/{id}/cancel, POST /cart/merge, POST /media
        GET /cart/reminders, PUT /cart/reminders
        GET /notifications, PUT /notifications/read-all, GET /notifications/unread-count
        DELETE /notifications/{id}, PUT /notifications/{id}/read
        POST /vendors/apply, POST /sellers/register
        GET /me/payments, GET /payments/methods, DELETE /payments/methods/{id}
        GET /wallet, GET /wallet/statement, GET /wallet/topups, POST /wallet/topups
        GET /wallet/topups/{id}, GET /wallet/withdrawals, POST /wallet/withdrawals
        GET /returns, POST /returns, GET /returns/{id}, POST /returns/{id}/messages
        POST /returns/{id}/withdraw, POST /returns/{id}/sent-back, POST /returns/{id}/escalate
        GET /orders/{id}/returnable, POST /orders/{id}/return-preview, GET /orders/{id}/returns
        """,
    "vendor:products": """
        POST /products, POST /products/create, PUT /products/{id}, PATCH /products/{id}
        DELETE /products/{id}, POST /products/{id}/images, POST /products/{id}/restore
        POST /products/{id}/submit, GET /vendors/me/products
        POST /vendors/{vendor_id}/products, PATCH /vendors/{vendor_id}/products/{id}
        GET /vendors/me/matches, GET /vendors/me/offers, POST /products/{id}/offers
        PUT /products/{id}/specs, GET /products/{id}/notes, POST /products/{id}/notes
        GET /offers/{offer_id}, PATCH /offers/{offer_id}, GET /products/{id}/history
        GET /imports, GET /imports/{id}, PUT /imports/{id}/parts/{number}
        POST /imports/{id}/preview, POST /imports/{id}/start, POST /imports/{id}/stop
        GET /imports/{id}/findings, GET /imports/{id}/corrections.csv
        GET /import-mappings, DELETE /import-mappings/{id}
        GET /exports/products.csv, GET /exports/products.xlsx
        """,
    "vendor:stock": """
        GET /inventory, GET /inventory/alerts, GET /inventory/{ref}, PUT /inventory/{ref}
        GET /inventory/{ref}/movements, PUT /inventory/{ref}/threshold
        PUT /inventory/{ref}/safety, POST /inventory/{ref}/adjustments
        POST /inventory/{ref}/transfers, GET /inventory.csv
        GET /warehouses, POST /warehouses, PUT /warehouses/{id}, DELETE /warehouses/{id}
        PATCH /vendors/{vendor_id}/inventory/{sku}
        """,
    "vendor:orders": """
        PUT /orders/{id}/accept, PUT /orders/{id}/reject, PUT /orders/{id}/ready
        PUT /orders/{id}/ship, PUT /orders/{id}/deliver, PUT /orders/{id}/status
        POST /orders/{id}/parcels, GET /orders/{id}/packing-slip.pdf
        POST /shipments, GET /shipments, GET /shipments/{id}, GET /shipments/{id}/track
        GET /vendors/{vendor_id}/returns, POST /vendors/{vendor_id}/returns/{id}/approve
        POST /vendors/{vendor_id}/returns/{id}/refuse
        POST /vendors/{vendor_id}/returns/{id}/receive
        """,
    "vendor:money": """
        GET /payments/balance, POST /payments/payout, GET /payments/payouts
        GET /payments/transactions, POST /vendors/{id}/bank, PUT /vendors/{id}/bank
        GET /vendors/{id}/bank, GET /vendors/{id}/earnings, POST /vendors/{id}/payout-request
        GET /payments/onboarding, POST /payments/onboarding
        GET /payments/balance/forecast, GET /payments/earnings/{id}, GET /payments/charges
        GET /payments/earnings/{id}/forecast, GET /payments/earnings/lines/{id}/forecasts
        GET /payments/payouts/{id}
        GET /vendors/{vendor_id}/statement, GET /vendors/{vendor_id}/statement.csv
        GET /vendors/{vendor_id}/statement/summary, GET /vendors/{vendor_id}/invoices
        GET /vendors/{vendor_id}/documents/{kind}/{ref}
        """,
    "vendor:profile": """
        PUT /vendors/{id}, PATCH /vendors/{id}, PUT /sellers/{id}, POST /vendors/{id}/logo
        POST /vendors/{id}/banner
        POST /vendors/{id}/shipping-methods, PUT /vendors/{id}/shipping-methods/{method_id}
        """,
    "staff": "GET /admin/overview, GET /admin/payments",
    "staff:vendors": """
        GET /admin/vendors, PUT /admin/vendors/{id}/commission, PATCH /admin/vendors/{id}/status
        """,
    "staff:products": """
        POST /admin/categories, PATCH /admin/categories/{id}, GET /admin/products
        PATCH /admin/products/{id}/approve
        GET /admin/search/synonyms, POST /admin/search/synonyms, PUT /admin/search/synonyms/{id}
        DELETE /admin/search/synonyms/{id}, GET /admin/search/ranking, PUT /admin/search/ranking
        GET /admin/search/in-vain, POST /admin/search/rebuild
        GET /admin/products/{id}/vendors, PUT /admin/products/{id}/vendors
        GET /admin/brands/{brand}/vendors, PUT /admin/brands/{brand}/vendors
        PUT /admin/brands
        GET /admin/approval-rules, PUT /admin/approval-rules/{id}
        DELETE /admin/approval-rules/{id}
        GET /admin/duplicates, POST /admin/products/{id}/merge
        """,
    "staff:orders": """
        GET /admin/orders, PATCH /admin/orders/{id}/status, GET /admin/refunds
        GET /admin/disputes, POST /admin/orders/lists/rebuild
        GET /admin/payments/disputes
        GET /admin/carts/recoveries, GET /admin/carts/{cart_id}/actions
        POST /payments/refund
        GET /admin/returns, POST /admin/returns/{id}/approve, POST /admin/returns/{id}/refuse
        POST /admin/returns/{id}/receive
        """,
    "staff:payouts": """
        GET /admin/payouts, POST /admin/payouts/{id}/approve, POST /admin/payouts/{id}/reject
        POST /admin/payouts/run, GET /admin/bank-files, POST /admin/bank-files
        GET /admin/bank-files/{id}, POST /admin/bank-files/settle
        GET /admin/vendors/{id}/balance
        """,
    "staff:money": """
        GET /admin/payments/refunds, POST /admin/payments/refunds/settle
        POST /admin/payments/funds, GET /admin/payments/{id}/raw
        POST /admin/payments/{id}/confirm
        POST /admin/credit-rates, GET /admin/withdrawals, POST /admin/withdrawals/{id}/decision,
        GET /admin/withdrawals/due, POST /admin/withdrawals/settle
        GET /admin/wallets/flow, GET /admin/wallets/frozen
        POST /admin/wallets/{owner_id}/grant, PUT /admin/wallets/{owner_id}/frozen
        GET /admin/commission-lists, POST /admin/commission-lists
        GET /admin/commission-lists/active, GET /admin/commission-lists/{id}
        PUT /admin/commission-lists/{id}, POST /admin/commission-lists/{id}/activate
        POST /admin/commission-lists/{id}/discard, POST /admin/commissions/explain
        GET /admin/commission-lists/{id}/dry-run, POST /admin/vendors/{id}/charges
        GET /admin/payout-policy, PUT /admin/payout-policy
        GET /admin/vendors/{id}/payout-terms, PUT /admin/vendors/{id}/payout-terms
        GET /admin/income, POST /admin/invoices/{month}
        GET /admin/reconciliations, POST /admin/reconciliations
        POST /admin/reconciliations/files, GET /admin/reconciliations/{id}
        GET /admin/reconciliations/differences, GET /admin/reconciliations/{id}/differences
        GET /admin/reconciliations/{id}/differences.csv
        POST /admin/reconciliations/differences/{id}/book
        POST /admin/reconciliations/differences/{id}/dismiss
        """,
    "staff:settings": """
        PATCH /admin/settings, PUT /admin/tax-rates, GET /admin/dead-letters
        DELETE /admin/dead-letters/{id}, POST /admin/dead-letters/{id}/discard
        POST /admin/dead-letters/{id}/replay, GET /admin/doctor, GET /admin/doctor/{id}
        """,
}
# What another vendor may do on purpose: with a product that is on sale, by the market's policy.
OFFERED_TO_ALL = {"POST /products/{id}/offers"}
# What staff who look at products read and say about anybody's.
FOR_REVIEWERS = {
    "GET /products/{id}/history",
    "GET /products/{id}/notes",
    "POST /products/{id}/notes",
}
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /admin/vendors/{id}/status": {"decision": "suspend", "reason": "none"},
    "PATCH /admin/categories/{id}": {"name": "Mine now"},
    "PATCH /products/{id}": {"title": "Mine now"},
    "PATCH /vendors/{vendor_id}/products/{id}": {"title": "Mine now"},
    "POST /admin/payouts/{id}/reject": {"reason": "none"},
    "POST /inventory/{ref}/transfers": {
        "quantity": 1,
        "fromId": NOBODYS,
        "toId": NOBODYS[:-1] + "1",
    },
    "POST /admin/search/synonyms": {"words": ["mine", "now"]},
    "PUT /admin/search/synonyms/{id}": {"words": ["mine", "now"]},
    "PATCH /me/addresses/{id}": {"name": "Mine now"},
    "PATCH /buyer/addresses/{id}": {"name": "Mine now"},
}
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc"
    b"\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)


def table() -> dict[str, str]:
    """Operation → right."""
    found: dict[str, str] = {}
    for right, text in RIGHTS.items():
        for name in (word.strip() for line in text.split("\n") for word in line.split(",")):
            if name:
                assert name not in found, f"{name} stands here twice"
                found[name] = right
    return found


def needing(*rights: str) -> list[Operation]:
    known = table()
    return [one for one in operations() if known.get(str(one), "").startswith(rights)]


async def call(town: Town, client: Client, operation: Operation) -> httpx.Response:
    """The operation on clay's rows, with a body that passes."""
    path = path_of(operation, town.rows)
    if operation.path == "/admin/refunds":
        path += f"?vendorOrderId={town.rows['part']}"
    if not operation.form:
        body = BODIES.get(str(operation))
        if body is None and operation.body is not None:
            body = example(operation.body, town.rows)
        return await client.send(operation.method, path, body)
    headers = {"authorization": f"Bearer {client.token}"} if client.token else {}
    url = f"{town.box.address}/api/v1{path}"
    return await town.box.http.post(url, files={"file": ("a.png", PNG)}, headers=headers)


async def allowed(town: Town, client: Client, tried: list[Operation], *statuses: int) -> str:
    """What was not refused with one of these statuses and a problem document, a line each."""
    wrong = []
    for operation in tried:
        answer = await call(town, client, operation)
        kind = answer.headers.get("content-type", "")
        if answer.status_code not in statuses or not kind.startswith("application/problem+json"):
            wrong.append(f"{operation}: {answer.status_code} {answer.text[:160]}")
    return "\n".join(wrong)


def test_every_operation_has_a_right() -> None:
    known, present = table(), {str(one) for one in operations()}
    assert sorted(present - set(known)) == [], "enter them in RIGHTS"
    assert sorted(set(known) - present) == [], "these are gone"


async def snapshot(town: Town) -> str:
    """All that clay and its customer own, as text."""
    found = []
    rows, owner = town.rows, town.clay.owner
    for client, path in (
        (owner, f"/products/{rows['product']}"),
        (owner, f"/vendors/{rows['vendor']}"),
        (owner, f"/inventory/{rows['offer']}"),
        (owner, f"/inventory/{rows['offer']}/movements"),
        (owner, "/warehouses"),
        (owner, f"/vendors/{rows['vendor']}/bank"),
        (owner, f"/vendors/{rows['vendor']}/shipping-methods"),
        (owner, f"/orders/{rows['part']}"),
        (owner, "/payments/payouts"),
        (town.customer, f"/orders/{rows['order']}"),
        (town.customer, "/me/addresses"),
        (town.customer, f"/checkout/{rows['quote']}"),
        (town.customer, "/cart"),
    ):
        answer = await client.ok("GET", path)
        if "timeline" in answer:  # a mail goes when its timer comes: nobody's doing here
            answer["timeline"] = [x for x in answer["timeline"] if x["what"] != "receipt_sent"]
        found.append(answer)
    return json.dumps(found)


async def test_guests(town: Town) -> None:
    before = await snapshot(town)
    guest = town.box.guest()
    assert await allowed(town, guest, needing("person", "vendor", "staff"), 401) == ""
    assert await allowed(town, guest, needing("quote"), 404, 422) == ""
    assert await snapshot(town) == before


async def test_customers(town: Town) -> None:
    before = await snapshot(town)
    assert await allowed(town, town.other, needing("vendor", "staff"), 403, 404) == ""
    assert await allowed(town, town.other, needing("quote"), 404, 422) == ""
    others = [one for one in needing("person") if "{" in one.path]
    assert await allowed(town, town.other, others, 404) == ""
    assert await snapshot(town) == before


async def test_other_vendors(town: Town) -> None:
    before = await snapshot(town)
    owner = town.loom.owner
    assert await allowed(town, owner, needing("staff"), 403) == ""
    others = [one for one in needing("vendor", "person") if "{" in one.path]
    others = [one for one in others if str(one) not in OFFERED_TO_ALL]
    assert await allowed(town, owner, others, 404) == ""
    secrets = [town.rows[name] for name in ("part", "order", "shipment", "offer")]
    for operation in needing("vendor"):
        if operation.method == "GET":
            answer = await call(town, owner, operation)
            assert not [one for one in secrets if one in answer.text[:100_000]] or (
                answer.status_code == 404
            ), operation
    assert await snapshot(town) == before


@pytest.mark.parametrize("role", ROLES)
async def test_staff_without_the_scope(town: Town, role: str) -> None:
    before = await snapshot(town)
    officer = town.staff[role]
    scopes = set(officer.person["scopes"])
    lacking = [one for one in needing("staff:", "vendor") if table()[str(one)] not in scopes]
    if "staff:orders" in scopes:  # who moves orders for the market may do so here, too
        lacking = [one for one in lacking if str(one) != "PUT /orders/{id}/status"]
    if "staff:products" in scopes:
        lacking = [one for one in lacking if str(one) not in FOR_REVIEWERS]
    assert await allowed(town, officer, lacking, 403, 404) == ""
    assert await snapshot(town) == before


async def test_staff_with_a_store_of_their_own_have_no_other(town: Town, box: Box) -> None:
    """Staff's part in one vendor's team gives them nothing in another's."""
    before = await snapshot(town)
    shop = await open_shop(box, "Side Line", price=100, stock=1)
    client = await officer(box, f"owner@{shop.vendor['slug']}.example.com", "moderator")
    assert {"staff", "vendor:money"} <= set(client.person["scopes"])
    others = [one for one in needing("vendor") if "{" in one.path]
    others = [one for one in others if str(one) not in OFFERED_TO_ALL | FOR_REVIEWERS]
    assert await allowed(town, client, others, 404) == ""
    assert await snapshot(town) == before


async def test_members_with_a_lesser_role(town: Town, box: Box) -> None:
    """A store's own hands do not reach its money, its products or its profile."""
    client = await box.person("hand@clay.example.com")
    await box.runtime.inner[Identity].join_vendor(
        box.runtime.system_context("test"),
        person_id=client.person["id"],
        vendor_id=town.rows["vendor"],
        role="staff",
    )
    await client.sign_in("hand@clay.example.com")
    before = await snapshot(town)
    lacking = needing("vendor:money", "vendor:products", "vendor:profile", "staff")
    assert await allowed(town, client, lacking, 403) == ""
    assert await snapshot(town) == before


async def test_tokens_that_are_none(town: Town) -> None:
    client = town.box.guest()
    for token in ("x", "a.b.c", NOBODYS, f"{town.other.token}x", str(town.other.token)[:-4]):
        client.token = token
        answer = await client.get("/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
