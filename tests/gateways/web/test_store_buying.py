"""Checkout, payment, orders and the account: where forms lead, and what happens when they fail."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from haat.domains.goods.inventory.api import OutOfStock
from haat.domains.money.payments.api import ProviderAway
from haat.domains.people.profiles.api import SavedAddress
from haat.domains.reach.notifications.api import Notification
from haat.domains.trade.checkout.api import CheckoutOver
from haat.gateways.web.store.sign_in import where
from haat.gateways.web.store.welcome import FirstRun
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from tests.gateways.web.bazaar import NOW, PASSWORD, Bazaar, id_of
from tests.gateways.web.test_store_pages import client_of
from tests.gateways.web.till import ADDRESS, FAST, PAY_AT, SLOW

DELIVERY = {
    "email": "guest@example.com", "name": "Ana", "line1": "Rua 1", "city": "Porto",
    "postal_code": "4000", "country": "PT",
}  # fmt: skip


@pytest.fixture
def world() -> Bazaar:
    return Bazaar()


@pytest.fixture
def client(world: Bazaar) -> httpx.AsyncClient:
    return client_of(world)


async def with_cart(client: httpx.AsyncClient) -> None:
    form = {"offer_id": str(id_of("mug-0")), "quantity": "2"}
    assert (await client.post("/products/mug", data=form)).status_code == 303


async def quoted(client: httpx.AsyncClient) -> str:
    """Goes as far as the quote; its path."""
    await with_cart(client)
    made = await client.post("/checkout", data=DELIVERY)
    assert made.status_code == 303, made.text
    path: str = made.headers["location"]
    return path


async def test_a_guest_buys(world: Bazaar, client: httpx.AsyncClient) -> None:
    path = await quoted(client)
    assert world.till.asked[0]["email"] == "guest@example.com"
    assert world.till.asked[0]["cart_id"] in world.carts
    page = await client.get(path)
    assert "$29.98" in page.text
    assert (
        "form-action 'self' http://127.0.0.1:* https://pay.test"
        in page.headers["content-security-policy"]
    )
    world.till.answers = ["needs_action", "processing", "needs_action", "placed"]
    paid = await client.post(path, data={"action": "pay", f"ship-{UUID(int=9)}": str(SLOW)})
    assert (paid.status_code, paid.headers["location"]) == (303, PAY_AT)
    assert world.till.placed[0]["return_url"] == f"https://market.test{path}/return"
    waits = await client.get(f"{path}/return")
    assert '<meta http-equiv="refresh" content="2">' in waits.text
    cancelled = await client.get(f"{path}/return?result=cancelled")
    assert "You left the payment page" in cancelled.text
    assert PAY_AT in cancelled.text
    done = await client.get(f"{path}/return")
    assert (done.status_code, done.headers["location"]) == (303, "/orders/link/signed")
    order = (await client.get("/orders/link/signed", follow_redirects=True)).text
    assert "H-100001" in order
    assert order.count("Cancel this part") == 2, "a guest cancels what its vendor has not begun"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"), ({"email": ""}, "email"), ({"name": ""}, "name"),
        ({"city": "x" * 121}, "city"), ({"country": "Portugal"}, "country"),
    ],
)  # fmt: skip
async def test_a_wrong_address_is_told_at_its_field(
    world: Bazaar, client: httpx.AsyncClient, change: dict[str, str], field: str
) -> None:
    await with_cart(client)
    found = await client.post("/checkout", data={**DELIVERY, **change})
    assert found.status_code == 422
    assert f'aria-describedby="{field}-error' in found.text
    assert f'id="{field}-error"' in found.text
    assert 'value="Rua 1"' in found.text, "what was typed stays"
    assert not world.till.asked


async def test_who_does_not_ship_there_is_named(world: Bazaar, client: httpx.AsyncClient) -> None:
    await with_cart(client)
    found = await client.post("/checkout", data={**DELIVERY, "country": "AQ"})
    assert found.status_code == 422
    assert "Clay &amp; Co cannot ship to this country" in found.text
    assert 'id="country-error"' in found.text


async def test_other_shipping_makes_another_quote(world: Bazaar, client: httpx.AsyncClient) -> None:
    path = await quoted(client)
    ship = {f"ship-{UUID(int=9)}": str(FAST)}
    updated = await client.post(f"{path}/shipping", data=ship)
    assert updated.headers["location"] != path
    assert world.till.asked[-1]["shipping"] == {UUID(int=9): FAST}
    assert "$34.98" in (await client.get(updated.headers["location"])).text
    # Chosen, but not agreed to yet: paying shows the new total first.
    shown = await client.post(path, data={**ship, "action": "pay"})
    assert shown.headers["location"].startswith("/checkout/")
    assert not world.till.placed
    unknown = await client.post(path, data={f"ship-{UUID(int=9)}": str(UUID(int=77))})
    assert unknown.status_code == 422
    assert not world.till.placed


async def test_a_declined_card_may_be_tried_again(world: Bazaar, client: httpx.AsyncClient) -> None:
    """One that the provider's own page refused: the way back tells it."""
    path = await quoted(client)
    world.till.answers = ["needs_action", "declined"]
    assert (await client.post(path)).headers["location"] == PAY_AT
    text = (await client.get(f"{path}/return")).text
    assert "There is not enough money on the card." in text
    assert "refresh" not in text
    again = await client.post(f"{path}/again")
    assert again.headers["location"] not in (path, "/cart")
    assert world.till.asked[-1]["email"] == "guest@example.com"


@pytest.mark.parametrize("problem", [ProviderAway(), CheckoutOver()])
async def test_when_the_fate_is_unknown_the_page_waits(
    world: Bazaar, client: httpx.AsyncClient, problem: Exception
) -> None:
    path = await quoted(client)
    world.till.refuses = [problem, ProviderAway()]
    assert (await client.post(path)).headers["location"] == f"{path}/return"
    waits = await client.get(f"{path}/return")
    assert waits.status_code == 200
    assert "refresh" in waits.text


async def test_goods_that_are_gone_leave_the_quote_unpaid(
    world: Bazaar, client: httpx.AsyncClient
) -> None:
    path = await quoted(client)
    world.till.refuses = [OutOfStock(offers=[{"offerId": "x", "available": 0}])]
    found = await client.post(path)
    assert found.status_code == 409
    assert "This is sold out." in found.text


async def test_an_expired_quote_offers_todays_prices(
    world: Bazaar, client: httpx.AsyncClient
) -> None:
    path = await quoted(client)
    id = UUID(path.rsplit("/", 1)[1])
    old = world.till.quotes[id]
    world.till.quotes[id] = old.model_copy(update={"expires_at": NOW - timedelta(minutes=1)})
    shown = (await client.get(path)).text
    assert "Ask for today&#39;s prices" in shown
    assert 'value="pay"' not in shown
    assert (await client.post(path)).status_code == 410


async def test_a_quote_is_its_owners_only(world: Bazaar, client: httpx.AsyncClient) -> None:
    path = await quoted(client)
    other = client_of(world)
    other.cookies.update(world.cookie(world.member("bo@example.com")))
    assert (await other.get(path)).status_code == 404
    assert (await other.post(path)).status_code == 404


async def test_a_person_buys_with_a_saved_address(world: Bazaar) -> None:
    client, ana = client_of(world), world.member()
    client.cookies.update(world.cookie(ana))
    world.addresses = [SavedAddress(id=id_of("a"), address=ADDRESS, is_default=True)]
    await with_cart(client)
    assert "Rua Um 1" in (await client.get("/checkout")).text
    gone = await client.post("/checkout", data={"address": str(id_of("none"))})
    assert gone.status_code == 422
    made = await client.post("/checkout", data={"address": str(id_of("a"))})
    assert world.till.asked[0]["email"] is None
    placed = await client.post(made.headers["location"])
    assert placed.headers["location"] == "/orders/H-100001"
    own = {**DELIVERY, "address": "new", "save": "on"}
    assert (await client.post("/checkout", data=own)).status_code == 303
    assert len(world.addresses) == 2


async def test_an_order_shows_parcels_and_can_be_cancelled(world: Bazaar) -> None:
    client, ana = client_of(world), world.member()
    client.cookies.update(world.cookie(ana))
    assert "H-100001" in (await client.get("/orders")).text
    text = (await client.get("/orders/H-100001")).text
    assert 'href="/track?number=TR%2F1+2"' in text
    assert "−$5.00" in text
    assert text.count("Cancel this part</summary>") == 1, "only what has not been sent"
    part = {"vendor_order_id": str(UUID(int=51))}
    empty = await client.post("/orders/H-100001/cancel", data=part)
    assert empty.status_code == 422
    assert "Fill this in." in empty.text
    other = {"vendor_order_id": str(UUID(int=99)), "reason": "No"}
    assert (await client.post("/orders/H-100001/cancel", data=other)).status_code == 404
    done = await client.post("/orders/H-100001/cancel", data={**part, "reason": "Too late"})
    assert done.status_code == 303
    assert world.searched == {"cancelled": UUID(int=51), "reason": "Too late"}


@pytest.mark.parametrize("path", ["/orders", "/orders/H-100001", "/account", "/notifications"])
async def test_guests_are_sent_to_sign_in(
    world: Bazaar, client: httpx.AsyncClient, path: str
) -> None:
    found = await client.get(path)
    assert found.status_code == 303
    assert found.headers["location"] == f"/sign-in?next={path}"


async def test_anothers_order_is_not_found(world: Bazaar) -> None:
    world.member()
    client = client_of(world)
    client.cookies.update(world.cookie(world.member("bo@example.com")))
    assert (await client.get("/orders/H-100001")).status_code == 404
    form = {"vendor_order_id": str(UUID(int=51)), "reason": "x"}
    assert (await client.post("/orders/H-100001/cancel", data=form)).status_code == 404


async def test_signing_in_takes_the_cart_along(world: Bazaar, client: httpx.AsyncClient) -> None:
    ana = world.member()
    await with_cart(client)
    wrong = await client.post("/sign-in", data={"email": ana.email, "password": "wrong"})
    assert wrong.status_code == 401
    assert "wrong" in wrong.text
    assert 'value="wrong"' not in wrong.text, "a password is never sent back"
    form = {"email": ana.email, "password": PASSWORD, "next": "/checkout"}
    done = await client.post("/sign-in", data=form)
    assert done.headers["location"] == "/checkout"
    assert world.signed_in_with["local"] is True
    assert world.signed_in_with["origin"] == "127.0.0.1"
    assert len(world.merged) == 1
    assert "haat_cart" not in client.cookies
    assert all("HttpOnly" in c for c in done.headers.get_list("set-cookie") if "access" in c)
    assert (await client.get("/cart")).text.count('class="line"') == 1
    out = await client.post("/sign-out")
    assert out.headers["location"] == "/"
    assert "haat_access" not in client.cookies


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("", "/"), ("//evil.test", "/"), ("/\\evil.test", "/"), ("https://evil.test", "/"),
        ("/sign-in?next=/", "/"), ("/cart", "/cart"), ("/" + "x" * 600, "/"),
    ],
)  # fmt: skip
def test_next_stays_on_this_site(path: str, to: str) -> None:
    assert where(path) == to


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"email": "ana@example.com"}, 409, "email"), ({"password": "short"}, 422, "password"),
        ({"name": ""}, 422, "name"), ({"email": "x"}, 422, "email"),
    ],
)  # fmt: skip
async def test_registering_says_what_is_wrong(
    world: Bazaar, client: httpx.AsyncClient, change: dict[str, str], status: int, field: str
) -> None:
    world.member()
    form = {"name": "Bo", "email": "bo@example.com", "password": PASSWORD}
    found = await client.post("/register", data={**form, **change})
    assert found.status_code == status
    assert f'id="{field}-error"' in found.text
    done = await client.post("/register", data=form)
    assert done.status_code == 303
    assert "haat_access" in client.cookies


@dataclass
class DemoAccount:
    role: str = "vendor"
    email: str = "clay@demo.example"
    name: str = "Rokeya"
    path: str = "/vendor"


async def test_demo_sign_ins_are_shown_to_this_machine_only(world: Bazaar) -> None:
    state: Any = {"demo_accounts": [DemoAccount()], "demo_password": "pass-demo"}
    here = client_of(world, demo=True, **state)
    assert "clay@demo.example" in (await here.get("/sign-in")).text
    forwarded = await here.get("/sign-in", headers={"x-forwarded-for": "203.0.113.9"})
    assert "clay@demo.example" not in forwarded.text
    off = client_of(world, demo=False, **state)
    assert "pass-demo" not in (await off.get("/sign-in")).text


async def test_the_account_keeps_addresses(world: Bazaar) -> None:
    client = client_of(world)
    client.cookies.update(world.cookie(world.member()))
    wrong = await client.post("/account/addresses", data={**DELIVERY, "city": ""})
    assert wrong.status_code == 422
    assert 'id="city-error"' in wrong.text
    assert (await client.post("/account/addresses", data=DELIVERY)).status_code == 303
    (saved,) = world.addresses
    await client.post("/account/addresses/default", data={"id": str(saved.id)})
    assert world.addresses[0].is_default
    assert (await client.post("/account", data={"full_name": ""})).status_code == 422
    await client.post("/account/addresses/remove", data={"id": str(saved.id)})
    assert world.addresses == []
    bad = await client.post("/account/addresses/remove", data={"id": "x"})
    assert bad.status_code == 422


async def test_notifications_are_read(world: Bazaar) -> None:
    client = client_of(world)
    client.cookies.update(world.cookie(world.member()))
    note = Notification(
        id=id_of("n"), kind="order_placed", title="Order <placed>", body="Thanks",
        path="/orders/H-100001", created_at=NOW,
    )  # fmt: skip
    world.notes = [note]
    text = (await client.get("/notifications")).text
    assert "Order &lt;placed&gt;" in text
    opened = await client.post("/notifications/read", data={"id": str(note.id), "path": note.path})
    assert opened.headers["location"] == "/orders/H-100001"
    away = await client.post("/notifications/read", data={"path": "//evil.test"})
    assert away.headers["location"] == "/notifications"


async def test_the_first_run_page_opens_the_market_once(world: Bazaar) -> None:
    world.open = False
    seen: list[FirstRun] = []

    async def first_run(ctx: Context, form: FirstRun) -> None:
        if form.password == "weak-but-long":
            raise Invalid("Choose another.", code="password_weak")
        seen.append(form)
        world.open = True
        world.people[form.email] = (world.member(form.email), form.password)

    client = client_of(world, first_run=first_run)
    form = {
        "email": "Op@Example.com", "password": PASSWORD, "name": "Op", "market_name": "Bazar",
        "currency": "EUR", "country": "PT",
    }  # fmt: skip
    wrong = await client.post("/welcome", data={**form, "currency": ""})
    assert wrong.status_code == 422
    assert 'id="currency-error"' in wrong.text
    weak = await client.post("/welcome", data={**form, "password": "weak-but-long"})
    assert 'id="password-error"' in weak.text
    logo = {"logo": ("logo.png", b"picture", "image/png")}
    done = await client.post("/welcome", data=form, files=logo)
    assert (done.status_code, done.headers["location"]) == (303, "/admin")
    assert seen[0].logo == b"picture"
    assert seen[0].email == "op@example.com"
    assert "haat_access" in client.cookies
    assert (await client.post("/welcome", data=form)).status_code == 409
    assert (await client.get("/welcome")).headers["location"] == "/"
