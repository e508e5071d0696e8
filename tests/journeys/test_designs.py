"""Every route of the earlier designs that works, called on a running market by somebody who may:
real data comes back. What has nothing behind it yet is absent. Both roots, and rights, limits and
idempotency of what an alias stands for."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from haat.gateways.rest.aliases import ALIASES, shape
from haat.gateways.rest.designs import ELSEWHERE, Named, named
from haat.gateways.rest.rights import table
from tests.journeys.box import ADDRESS, PASSWORD, Box, Client
from tests.journeys.scene import Shop, available, draft, open_shop

SPEC = Path(os.environ.get("HAAT_TEST_DATA", ""), "..", "spec", "routes.tsv")
ROUTING = ("There is nothing at this address.", "This address does not know that method.")
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc"
    b"\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82"
)
STREET = {
    "name": "Ada Byron",
    "street": "1 Analytical Row",
    "city": "London",
    "postalCode": "N1 9GU",
    "country": "GB",
}


class Tour:
    """Calls routes by what they are called in a design, and remembers which."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.called: set[str] = set()
        self._turn: dict[str, Iterator[str]] = {}

    async def __call__(self, client: Client, name: str, body: Any = None, **given: Any) -> Any:
        """The answer's JSON. `name` is "METHOD /path/{parameter}"; `query` goes behind it."""
        method, path = name.split(" ")
        self.called.add(shape(name))
        for parameter in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{parameter}}}", str(given[parameter]))
        path += given.get("query", "")
        root = "/v1" if len(self.called) % 2 else ""  # both roots have all of them
        if "file" in given:
            headers = {"authorization": f"Bearer {client.token}"}
            files = {"file": ("a.png", given["file"])}
            url = f"{self.box.address}/api/v1{path}"
            answer = await self.box.http.post(url, files=files, data=body, headers=headers)
        else:
            answer = await client.send(method, root + path, body)
        assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


async def _letter(box: Box, to: str, pattern: str) -> str:
    """What a mail to this address says."""
    await box.settle()
    await box.runtime.run_timers()
    for path in box.runtime.settings.folder.rglob("*.eml"):
        text = path.read_text("utf-8").replace("=\n", "").replace("=3D", "=")
        found = re.search(pattern, text)
        if f"To: {to}" in text and found:
            return found[1]
    raise AssertionError("there is no such mail")


async def _sign_in(tour: Tour) -> Client:
    """Register, sign in and out, forget the password: a customer who is signed in."""
    box, email = tour.box, "ada@example.com"
    ada = box.guest()
    made = await tour(
        ada, "POST /auth/register", {"email": email, "password": PASSWORD, "name": "Ada"}
    )
    assert made["email"] == email
    tokens = await tour(ada, "POST /auth/login", {"email": email, "password": PASSWORD})
    again = await tour(ada, "POST /auth/refresh", {"refreshToken": tokens["refreshToken"]})
    ada.token = again["accessToken"]
    assert (await tour(ada, "GET /auth/me"))["email"] == email
    await tour(ada, "POST /auth/logout", {"refreshToken": again["refreshToken"]})
    ada.token = None
    await tour(ada, "POST /auth/forgot-password", {"email": email})
    token = await _letter(box, email, r"/reset-password\?token=([\w.\-]+)")
    new = "quite-another-one-9"
    await tour(ada, "POST /auth/reset-password", {"token": token, "password": new})
    await ada.sign_in(email, new)
    assert (await tour(ada, "PATCH /me", {"name": "Ada B."}))["name"] == "Ada B."
    assert (await tour(ada, "GET /me"))["name"] == "Ada B."
    return ada


async def _addresses(tour: Tour, ada: Client) -> None:
    """In a design's words: street and state."""
    made = await tour(ada, "POST /buyer/addresses", {**STREET, "state": ""})
    assert (made["street"], made["line1"], made["state"]) == ("1 Analytical Row",) * 2 + ("",)
    id = made["id"]
    moved = await tour(ada, "PUT /buyer/addresses/{id}", {**STREET, "street": "2 Row"}, id=id)
    assert (moved["street"], moved["line1"]) == ("2 Row", "2 Row")
    [listed] = (await tour(ada, "GET /buyer/addresses"))["items"]
    assert listed == moved
    refused = await ada.post("/buyer/addresses", {**STREET, "street": " "})
    assert [error["path"] for error in refused.json()["errors"]] == ["street"]
    await tour(ada, "DELETE /buyer/addresses/{id}", id=id)
    second = await tour(ada, "POST /me/addresses", ADDRESS)
    patched = await tour(ada, "PATCH /me/addresses/{id}", {"line1": "3 Row"}, id=second["id"])
    assert patched["line1"] == "3 Row"
    assert (await tour(ada, "GET /me/addresses"))["items"] == [patched]
    await tour(ada, "DELETE /me/addresses/{id}", id=second["id"])


async def _stores(tour: Tour, clay: Shop, staff: Client) -> None:
    """Opening and changing a store; the team."""
    box, me = tour.box, clay.owner
    for name, route in (
        ("Tin Shop", "POST /vendors/apply"),
        ("Lamp Shop", "POST /sellers/register"),
    ):
        client = await box.person(f"{name[:3].lower()}@example.com")
        wanted = {"name": name, "country": "GB", "contactEmail": "x@example.com"}
        assert (await tour(client, route, wanted))["name"] == name
    waiting = (await tour(staff, "GET /admin/vendors"))["items"]
    [tin] = [one for one in waiting if one["name"] == "Tin Shop"]
    decided = {"status": "active"}
    status = await tour(staff, "PATCH /admin/vendors/{id}/status", decided, id=tin["id"])
    assert status["status"] == "active"
    for route in ("PUT /vendors/{id}", "PATCH /vendors/{id}", "PUT /sellers/{id}"):
        assert (await tour(me, route, {"description": route}, id=clay.id))["description"] == route
    for route in ("GET /vendors/{id}", "GET /sellers/{id}"):
        assert (await tour(box.guest(), route, id=clay.id))["name"] == "Clay House"
    names = {one["name"] for one in (await tour(box.guest(), "GET /sellers/"))["items"]}
    assert {"Clay House", "Tin Shop"} <= names
    stats = await tour(box.guest(), "GET /vendors/{id}/stats", id=clay.id)
    assert (stats["vendorId"], stats["sales"]) == (clay.id, None)
    assert (await tour(me, "GET /vendors/{id}/stats", id=clay.id))["sales"]["vendorOrders"] == 0
    sold = await tour(box.guest(), "GET /sellers/{id}/products", id=clay.id)
    assert clay.product["id"] in [one["id"] for one in sold["items"]]
    week: list[list[dict[str, str]]] = [[] for _ in range(7)]
    week[0] = [{"opens": "09:00", "closes": "17:00"}]
    hours = {"timezone": "Europe/London", "week": week}
    for route, client in (
        ("PUT /vendors/{id}/hours", me),
        ("GET /vendors/{id}/hours", box.guest()),
    ):
        body = hours if client is me else None
        assert (await tour(client, route, body, id=clay.id))["hours"]["week"] == week
    item = {"kind": "document", "title": "Passport", "documentType": "identity"}
    await staff.ok("POST", "/admin/onboarding/items", item)
    paper = await tour(me, "POST /vendors/{id}/kyc", {"type": "identity"}, id=clay.id, file=PNG)
    assert (paper["type"], paper["status"]) == ("identity", "waiting")
    for picture in ("logo", "banner"):
        answer = await tour(me, f"POST /vendors/{{id}}/{picture}", id=clay.id, file=PNG)
        assert answer[f"{picture}Id"]
    await _team(tour, me)


async def _team(tour: Tour, me: Client) -> None:
    hand = await tour.box.person("hand@example.com")
    asked = await tour(me, "POST /users", {"email": "hand@example.com", "role": "staff"})
    assert asked["email"] == "hand@example.com"
    token = await _letter(tour.box, "hand@example.com", r"/team/join/([\w.\-]+)")
    await hand.ok("POST", "/invitations/accept", {"token": token})
    listed = await tour(me, "GET /users")
    id = hand.person["id"]
    assert id in [one["personId"] for one in listed]
    assert (await tour(me, "GET /users/{id}", id=id))["role"] == "staff"
    assert (await tour(me, "PUT /users/{id}", {"role": "manager"}, id=id))["role"] == "manager"
    assert (await tour(me, "PUT /users/{id}/role", {"role": "admin"}, id=id))["role"] == "admin"
    left = await tour(me, "PUT /users/{id}/status", {"status": "inactive"}, id=id)
    assert left["active"] is False
    await tour(me, "DELETE /users/{id}", id=id)


async def _goods(tour: Tour, clay: Shop, staff: Client) -> None:
    """Categories, products, pictures, specifications, stock."""
    me, guest = clay.owner, tour.box.guest()
    shelf = await tour(staff, "POST /admin/categories", {"name": "Pots"})
    renamed = await tour(staff, "PATCH /admin/categories/{id}", {"name": "Jars"}, id=shelf["id"])
    assert renamed["name"] == "Jars"
    for route in ("GET /categories", "GET /marketplace/categories"):
        assert [one["name"] for one in (await tour(guest, route))["items"]] == ["Jars"]
    assert (await tour(guest, "GET /categories/{id}", id=shelf["id"]))["name"] == "Jars"
    first = await tour(me, "POST /products", draft("Bowl", "BOWL", 900))
    second = await tour(me, "POST /products/create", draft("Dish", "DISH", 900))
    mug = {**draft("Mug", "MUG", 900), "categoryId": shelf["id"]}
    third = await tour(me, "POST /vendors/{vendor}/products", mug, vendor=clay.id)
    assert [one["title"] for one in (first, second, third)] == ["Bowl", "Dish", "Mug"]
    changed = await tour(me, "PUT /products/{id}", draft("Big bowl", "BOWL", 950), id=first["id"])
    assert changed["title"] == "Big bowl"
    route = "PATCH /vendors/{vendor}/products/{id}"
    patched = await tour(me, route, {"brand": "Kiln"}, vendor=clay.id, id=third["id"])
    assert patched["brand"] == "Kiln"
    pictured = await tour(me, "POST /products/{id}/images", id=third["id"], file=PNG)
    assert pictured["pictures"]
    await me.ok("POST", f"/products/{third['id']}/submit")
    approved = await tour(
        staff, "PATCH /admin/products/{id}/approve", {"decision": "approve"}, id=third["id"]
    )
    assert approved["status"] == "active"
    specs = await tour(me, "PUT /products/{id}/specs", {"specs": {"glaze": "blue"}}, id=third["id"])
    assert specs
    told = await tour(guest, "GET /products/{id}/specs", id=third["id"])
    assert "blue" in str(told)
    assert (await tour(me, "DELETE /products/{id}", id=second["id"]))["status"] == "archived"
    await tour.box.settle()
    await tour.box.runtime.run_timers()
    for route in ("GET /products", "GET /products/"):
        titles = {one["title"] for one in (await tour(guest, route))["items"]}
        assert {"Mug", "Clay House thing"} <= titles
    assert (await tour(guest, "GET /products/{slug}", slug=approved["slug"]))["title"] == "Mug"
    await _looking(tour, guest)
    await _stock(tour, clay)


async def _looking(tour: Tour, guest: Client) -> None:
    for route in ("GET /search", "GET /buyer/search"):
        assert [one["title"] for one in (await tour(guest, route, query="?q=mug"))["items"]] == [
            "Mug"
        ]
    found = await tour(guest, "POST /marketplace/search", {"query": "mug"})
    assert [one["title"] for one in found["items"]] == ["Mug"]
    assert "Mug" in str(await tour(guest, "GET /buyer/discover"))
    assert "Mug" in str(await tour(guest, "GET /marketplace/trending"))
    assert (await tour(guest, "GET /marketplace/stats"))["products"] == 1


async def _stock(tour: Tour, clay: Shop) -> None:
    me, sku = clay.owner, "clay-house-1"
    kept = await tour(me, "PUT /inventory/{productId}", {"onHand": 40}, productId=clay.offer)
    assert kept["onHand"] == 40
    route = "PATCH /vendors/{vendor}/inventory/{sku}"
    assert (await tour(me, route, {"onHand": 41}, vendor=clay.id, sku=sku))["onHand"] == 41
    for ref in (clay.product["id"], sku):
        assert (await tour(me, "GET /inventory/{ref}", ref=ref))["items"][0]["onHand"] == 41
    route = "PUT /inventory/{productId}/threshold"
    assert (await tour(me, route, {"lowAt": 50}, productId=clay.product["id"]))["lowAt"] == 50
    assert clay.offer in str(await tour(me, "GET /inventory/alerts"))
    assert clay.offer in str(await tour(me, "GET /inventory"))
    assert (await tour(me, route, {"lowAt": 0}, productId=clay.product["id"]))["lowAt"] == 0


async def _cart(tour: Tour, clay: Shop, ada: Client) -> dict[str, Any]:
    """By offer and by SKU; a quote."""
    one, sku = {"offerId": clay.offer}, "clay-house-1"
    assert (await tour(ada, "POST /cart/items", one))["items"][0]["quantity"] == 1
    for route in ("PATCH /cart/items/{sku}", "PUT /buyer/cart/{sku}"):
        for ref, count in ((sku, {"quantity": 2}), (clay.offer, {"qty": 3})):
            cart = await tour(ada, route, count, sku=ref)
            assert cart["items"][0]["quantity"] == cart.get("qty", next(iter(count.values())))
    assert (await ada.patch("/cart/items/no-such", {"quantity": 1})).status_code == 404
    assert (await tour(ada, "DELETE /cart/items/{sku}", sku=sku))["items"] == []
    assert (await tour(ada, "POST /buyer/cart", {**one, "qty": 2}))["items"][0]["quantity"] == 2
    assert (await tour(ada, "DELETE /buyer/cart/{sku}", sku=sku))["items"] == []
    await tour(ada, "POST /buyer/cart", one)
    for route in ("GET /cart", "GET /buyer/cart"):
        assert [item["offerId"] for item in (await tour(ada, route))["items"]] == [clay.offer]
    quoted = {}
    for route in ("POST /summary", "POST /checkout/summary"):
        quoted = await tour(ada, route, {"shipTo": ADDRESS})
        assert quoted["totals"]["total"]["minor"] >= 1_200
    rates = {"country": "GB", "parcels": [{"vendorId": clay.id, "goods": _money(100)}]}
    assert await tour(ada, "POST /shipping/rates", rates)
    return dict(quoted)


async def _orders(tour: Tour, clay: Shop, ada: Client, staff: Client) -> None:
    box, me = tour.box, clay.owner
    quoted = await _cart(tour, clay, ada)
    assert await tour(ada, "POST /payments/intent", {"quoteId": quoted["id"]})
    parts = []
    for route in ("POST /orders", "POST /orders/create", "POST /orders", "POST /orders"):
        card = {"provider": "test", "token": await box.token("4242424242424242")}
        goods = {"items": [{"offerId": clay.offer, "quantity": 1}], "shipTo": ADDRESS}
        placed = await tour(ada, route, {**goods, "payment": card})
        assert placed["status"] == "placed"
        await box.settle()
        read = await tour(ada, "GET /orders/{orderNo}", orderNo=placed["orderNumber"])
        parts.append(read["vendorOrders"][0])
    for route in ("GET /me/orders", "GET /buyer/orders"):
        assert len((await tour(ada, route))["items"]) == 4
    for client, route in (
        (me, "GET /orders"),
        (staff, "GET /orders/"),
        (staff, "GET /admin/orders"),
    ):
        assert len((await tour(client, route))["items"]) == 4
    sold, refused, moved, left = (part["id"] for part in parts)
    assert (await tour(me, "PUT /orders/{id}/accept", id=sold))["id"] == sold
    assert (await tour(me, "PUT /orders/{id}/ready", id=sold))["id"] == sold
    sent = await tour(me, "POST /shipments", {"vendorOrderId": sold, "carrier": "Post"})
    assert await tour(me, "PUT /orders/{id}/reject", {"reason": "Broken"}, id=refused)
    await tour(me, "PUT /orders/{id}/status", {"status": "processing"}, id=moved)
    shipped = {"status": "shipped", "carrier": "Post"}
    assert await tour(staff, "PATCH /admin/orders/{id}/status", shipped, id=moved)
    order = (await ada.ok("GET", "/me/orders"))["items"][0]["id"]
    assert await tour(ada, "POST /orders/{id}/cancel", {"reason": "Changed my mind"}, id=left)
    assert await tour(ada, "GET /orders/{id}/events", id=order)
    await _parcels(tour, me, ada, sent)
    await box.settle()
    assert moved  # a refund of what was sent
    money = {"vendorOrderId": moved, "amount": _money(100), "reason": "Scratched"}
    assert await tour(staff, "POST /payments/refund", money)
    await box.settle()
    await me.ok("PUT", f"/orders/{sold}/deliver")
    await box.settle()


async def _parcels(tour: Tour, me: Client, ada: Client, sent: Any) -> None:
    [shipment] = [one for one in (await tour(me, "GET /shipments"))["items"] if one == sent]
    id, number = shipment["id"], shipment["trackingNumber"]
    for route in ("GET /shipments/{id}", "GET /shipments/{id}/track"):
        assert (await tour(me, route, id=id))["trackingNumber"] == number
    assert await tour(ada, "GET /shipping/track/{number}", number=number)


async def _money_of(tour: Tour, clay: Shop, staff: Client) -> None:
    box, me = tour.box, clay.owner
    bank = {"holder": "Clay House", "account": "GB00CLAY12345678"}
    await tour(me, "POST /vendors/{id}/bank", bank, id=clay.id)
    await box.runtime.run_timers()
    await box.settle()
    assert (await tour(me, "GET /payments/balance"))["available"]["minor"] == await available(clay)
    assert (await tour(me, "GET /payments/transactions"))["items"]
    assert (await tour(me, "GET /vendors/{id}/earnings", id=clay.id))["items"]
    asked = await tour(me, "POST /payments/payout", {"amount": _money(100)})
    assert asked["amount"] == _money(100)
    await tour(staff, "POST /admin/payouts/{id}/approve", id=asked["id"])
    await box.settle()
    route = "POST /vendors/{id}/payout-request"
    assert (await tour(me, route, {"amount": _money(100)}, id=clay.id))["amount"] == _money(100)
    assert len((await tour(me, "GET /payments/payouts"))["items"]) == 2


async def _news(tour: Tour, ada: Client) -> None:
    listed = (await tour(ada, "GET /notifications"))["items"]
    count = await tour(ada, "GET /notifications/unread-count")
    assert listed
    assert count["count"] == len([one for one in listed if not one["readAt"]])
    await tour(ada, "PUT /notifications/{id}/read", id=listed[0]["id"])
    await tour(ada, "PUT /notifications/read-all")
    await tour(ada, "DELETE /notifications/{id}", id=listed[0]["id"])
    assert listed[0] not in (await tour(ada, "GET /notifications"))["items"]


async def _doors(tour: Tour) -> None:
    """What is named without a path: pages, GraphQL, the messages of payment providers."""
    box = tour.box
    for page in ("/", "/docs", "/health/ready"):
        assert (await box.http.get(box.address + page)).status_code == 200, page
    asked = {"query": "{ products(first: 1) { nodes { title } } }"}
    answer = await box.http.post(f"{box.address}/graphql", json=asked)
    assert answer.json()["data"]["products"]["nodes"], answer.text
    told = (await box.http.get(f"{box.address}/metrics")).text
    came = re.findall(r'route="/api/v1/payments/webhook[^"]*",status="2', told)
    assert came, "the card network's messages came in"
    tour.called |= {shape(name) for name in table() if "/payments/webhook" in name}


def _money(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


def _works() -> list[Named]:
    return [one for one in named() if one.by]


async def test_every_route_that_works(box: Box) -> None:
    tour, staff = Tour(box), await box.staff()
    clay = await open_shop(box, "Clay House", price=1_200, stock=50)
    ada = await _sign_in(tour)
    await _addresses(tour, ada)
    await _stores(tour, clay, staff)
    await _goods(tour, clay, staff)
    await _orders(tour, clay, ada, staff)
    await _money_of(tour, clay, staff)
    await _news(tour, ada)
    await _doors(tour)
    elsewhere = set(ELSEWHERE.values())
    missed = {one.short for one in _works() if one.by not in elsewhere} - tour.called
    assert sorted(missed) == [], "call them here"
    counts = Counter("works" if one.by else "absent" for one in named())
    print(f"routes of earlier designs: {counts['works']} work, {counts['absent']} are absent")


async def test_what_has_nothing_behind_it_is_absent(box: Box) -> None:
    staff, answered = await box.staff(), []
    for one in named():
        method, path = one.short.split(" ", 1)
        if one.by or not path.startswith("/"):
            continue
        for root in ("", "/v1"):
            answer = await staff.send(method, root + path.replace("{}", str(uuid4())))
            if answer.status_code not in (404, 405) or answer.json()["detail"] not in ROUTING:
                answered.append(f"{one.short}: {answer.status_code} {answer.text[:100]}")
    assert answered == []


async def test_an_alias_is_its_route(box: Box) -> None:
    """The same rights, the same idempotency: one key under both names is one request."""
    bob = await box.person("bob@example.com")
    wanted = {"name": "Bob Shop", "country": "GB", "contactEmail": "bob@example.com"}
    applied = await bob.ok("POST", "/sellers/register", wanted, key="k1")
    again = await bob.ok("POST", "/v1/vendors/apply", wanted, key="k1")
    assert again == applied, "the same request by its other name"
    other = await bob.post("/vendors/apply", {**wanted, "name": "Bobs"}, key="k1")
    assert other.json()["code"] == "idempotency_key_reused"
    made = await bob.ok("POST", "/buyer/addresses", STREET)
    eve, guest = await box.person("eve@example.com"), box.guest()
    change = {**STREET, "city": "Here"}
    assert (await eve.put(f"/buyer/addresses/{made['id']}", change)).status_code == 404
    assert (await guest.get("/buyer/addresses")).status_code == 401
    refused = await bob.post("/products/create", draft("Mine", "MINE", 100))
    assert refused.json()["code"] in ("forbidden", "no_vendor")
    for raw in (b"", b"[]", b"{", b'{"street":1}', b'{"street":"a","line1":"b"}'):
        answer = await box.http.post(
            f"{box.address}/api/v1/buyer/addresses",
            content=raw,
            headers={"authorization": f"Bearer {bob.token}", "content-type": "application/json"},
        )
        assert answer.status_code in (400, 422), answer.text


def test_aliases_lead_somewhere_and_stand_in_nobodys_way() -> None:
    ours = {shape(name) for name in table()}
    names = [shape(alias.name) for alias in ALIASES]
    assert [alias.name for alias in ALIASES if shape(alias.of) not in ours] == []
    assert [one for one, count in Counter(names).items() if count > 1] == []
    taken = [a.name for a in ALIASES if shape(a.name) in ours and shape(a.of) != shape(a.name)]
    assert taken == []


@pytest.mark.skipif(not SPEC.is_file(), reason="HAAT_TEST_DATA has no spec beside it")
def test_the_table_is_the_specifications() -> None:
    rows = [line.split("\t") for line in SPEC.read_text("utf-8").splitlines()[1:]]
    wanted = [(seed, capability, method, path) for method, path, seed, _, capability in rows]
    known = [(one.design, one.capability, one.method, one.path) for one in named()]
    assert known == wanted
