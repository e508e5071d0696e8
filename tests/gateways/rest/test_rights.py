"""Who may call what: every operation, called by everybody, against the declared table.

A new operation must be entered in haat/gateways/rest/rights.py, so that what is open to all is open
on purpose.
"""

import json
from typing import Any

import httpx
import pytest

from haat.domains.people.identity.api import Identity
from haat.gateways.rest.rights import ALSO_FOR_STAFF, roles, table
from haat.gateways.rest.rights import allowed as is_allowed
from tests.gateways.rest.operations import NOBODYS, Operation, example, operations, path_of
from tests.gateways.town import ROLES, Town, officer
from tests.journeys.box import ADDRESS, Box, Client
from tests.journeys.scene import open_shop

# What another vendor may do on purpose: with a product that is on sale, by the market's policy.
OFFERED_TO_ALL = {"POST /products/{id}/offers"}
# What staff who look at products read and say about anybody's.
FOR_REVIEWERS = {name for name, right in ALSO_FOR_STAFF.items() if right == "staff:products"}
BODIES: dict[str, dict[str, Any]] = {
    "POST /me/addresses": ADDRESS,
    "POST /buyer/addresses": ADDRESS,
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
}
QUERIES = {
    "GET /vendors/{id}/sales": "?since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z",
    "GET /vendors/{id}/performance/orders": "?measure=late",
    "GET /admin/vendors/{id}/performance/orders": "?measure=late",
}
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc"
    b"\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)


def needing(*rights: str) -> list[Operation]:
    known = table()
    return [one for one in operations() if known.get(str(one), "").startswith(rights)]


async def call(
    town: Town, client: Client, operation: Operation, rows: dict[str, str] | None = None
) -> httpx.Response:
    """The operation on clay's rows, or on these, with a body that passes."""
    rows = town.rows if rows is None else rows
    path = path_of(operation, rows) + QUERIES.get(str(operation), "")
    if operation.path == "/admin/refunds":
        path += f"?vendorOrderId={town.rows['part']}"
    if not operation.form:
        body = BODIES.get(str(operation))
        if body is None and operation.body is not None:
            body = example(operation.body, rows)
        return await client.send(operation.method, path, body)
    headers = {"authorization": f"Bearer {client.token}"} if client.token else {}
    url = f"{town.box.address}/api/v1{path}"
    files = {"file": ("a.png", PNG)}
    data = {"type": "identity"}  # of a paper
    return await town.box.http.request(
        operation.method, url, files=files, data=data, headers=headers
    )


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
    assert sorted(present - set(known)) == [], "enter them in haat/gateways/rest/rights.py"
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
    held = roles()["vendor staff"]
    lacking = [
        one
        for one in needing("vendor", "staff")
        if not is_allowed(str(one), table()[str(one)], held)
    ]
    assert await allowed(town, client, lacking, 403) == ""
    assert await snapshot(town) == before


async def test_tokens_that_are_none(town: Town) -> None:
    client = town.box.guest()
    for token in ("x", "a.b.c", NOBODYS, f"{town.other.token}x", str(town.other.token)[:-4]):
        client.token = token
        answer = await client.get("/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


# What staff alone may do and what is done once for the whole market: not done here only to look.
NOT_DONE = {"PATCH /admin/settings", "PUT /admin/payout-policy"}
# For want of a right; other codes (a wrong password, an unproved address) are other reasons.
WANTING = {"unauthenticated", "forbidden", "no_vendor"}


@pytest.mark.parametrize("role", list(roles()))
async def test_what_everybody_may_is_what_the_table_says(town: Town, box: Box, role: str) -> None:
    """Every operation, on clay's rows where it is to be refused, else on nobody's: refused for want
    of a right exactly where the table of docs/security/access.md has no cross. What is open to all
    who are signed in is called as a guest and as a customer: nobody has less."""
    client = await acting(town, box, role)
    held = roles()[role]
    before = await snapshot(town)
    rows = {"vendor": town.rows["vendor"]}
    wrong = []
    for operation in operations():
        right = table()[str(operation)]
        open_to_all = right in ("nobody's", "quote", "person") and role not in ("guest", "customer")
        if open_to_all or (str(operation) in NOT_DONE and is_allowed(str(operation), right, held)):
            continue
        may = is_allowed(str(operation), right, held)
        answer = await call(town, client, operation, rows if may else town.rows)
        code = answer.json().get("code") if answer.status_code in (401, 403) else None
        refused = code in WANTING
        if answer.status_code == 404 and not may:
            continue  # looked for before the right was: to them it is not there
        if refused == may:
            wrong.append(f"{operation} ({right}): {answer.status_code} {answer.text[:120]}")
    assert wrong == []
    if role in ("guest", "customer"):  # others change what they may
        assert await snapshot(town) == before


async def acting(town: Town, box: Box, role: str) -> Client:
    """Somebody with this role alone; in clay's team where it is one of a team's."""
    if role == "guest":
        return box.guest()
    if role == "customer":
        return town.other
    if role == "super_admin":
        return await box.staff()
    if role in town.staff:
        return town.staff[role]
    if role == "vendor owner":
        return town.clay.owner
    address = f"{role.replace(' ', '.')}@clay.example.com"
    client = await box.person(address)
    await box.runtime.inner[Identity].join_vendor(
        box.runtime.system_context("test"),
        person_id=client.person["id"],
        vendor_id=town.rows["vendor"],
        role=role.removeprefix("vendor "),
    )
    await client.sign_in(address)
    return client
