"""Looking around and the cart: pages answer, escape what they show, and say what is wrong."""

import re
from uuid import UUID

import httpx
import pytest

from haat.gateways.web.kit.places import countries, currencies
from haat.gateways.web.pages import static_url
from tests.gateways.web.bazaar import CLAY, MUGS, Bazaar, id_of

HTML = {"accept": "text/html"}


def client_of(world: Bazaar, **state: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(world.application(**state))
    return httpx.AsyncClient(transport=transport, base_url="https://market.test", headers=HTML)


@pytest.fixture
def world() -> Bazaar:
    return Bazaar()


@pytest.fixture
def client(world: Bazaar) -> httpx.AsyncClient:
    return client_of(world)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/categories", "/categories/home", "/categories/mugs?sort=price", "/vendors",
        "/vendors/clay", "/search", "/search?q=mug", "/products/mug", "/products/rug",
        "/products/yarn", "/cart", "/sign-in", "/register", "/track", "/track/TR12",
    ],
)  # fmt: skip
async def test_pages_answer(client: httpx.AsyncClient, path: str) -> None:
    found = await client.get(path)
    assert found.status_code == 200, found.text
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "Test &lt;Market&gt;" in found.text
    assert "<b>&" not in found.text, "a title must be escaped"
    assert not re.search(r"<[^>]+ (style|onclick|onsubmit)=", found.text), "the CSP refuses these"
    assert found.text.count("<h1") == 1
    ids = re.findall(r' id="([^"]+)"', found.text)
    assert len(ids) == len(set(ids)), "an id stands once"
    labels = set(re.findall(r'<label[^>]* for="([^"]+)"', found.text))
    assert labels <= set(ids)


async def test_a_link_leads_on_without_what_it_carries(client: httpx.AsyncClient) -> None:
    led = await client.get("/orders/link/signed")
    assert (led.status_code, led.headers["referrer-policy"]) == (303, "no-referrer")
    where = led.headers["location"]
    assert re.fullmatch(r"/orders/link/kept-[0-9a-f]{16}", where)
    assert "HttpOnly" in led.headers["set-cookie"]
    found = await client.get(where)
    assert (found.status_code, "H-100001" in found.text) == (200, True)
    client.cookies.clear()
    assert (await client.get(where)).status_code == 410, "the address alone is worth nothing"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/categories/none", 404), ("/vendors/none", 404), ("/products/none", 404),
        ("/nowhere", 404), ("/orders/link/forged", 404), ("/track/none", 404),
        ("/search?sort=worst", 422), ("/checkout/not-an-id", 422),
        (f"/checkout/{UUID(int=3)}", 404), ("/search?price_min=abc", 422),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_a_page(client: httpx.AsyncClient, path: str, status: int) -> None:
    found = await client.get(path)
    assert found.status_code == status
    assert found.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in found.text


async def test_only_the_description_is_markup(client: httpx.AsyncClient) -> None:
    text = (await client.get("/products/mug")).text
    assert "<em>by hand</em>" in text
    assert "Mug &lt;b&gt;&amp;" in text


async def test_search_hands_on_the_filters(world: Bazaar, client: httpx.AsyncClient) -> None:
    found = await client.get(
        "/search?q=mug&category=home&vendor=clay&price_min=5&price_max=20.50&sort=-price"
    )
    assert found.status_code == 200
    asked = world.searched
    assert (asked["price_min"], asked["price_max"]) == (500, 2050)
    assert asked["narrow"].vendor_ids == [CLAY.id]
    assert asked["category_ids"][1:] == [MUGS.id], "a category includes those below it"
    assert 'value="20.50"' in found.text
    more = re.search(r'rel="next" href="([^"]+)"', found.text)
    assert more is not None
    assert {"q=mug", "vendor=clay", "cursor=more"} <= set(more[1].strip("?").split("&amp;"))


async def test_search_hands_on_every_group(world: Bazaar, client: httpx.AsyncClient) -> None:
    found = await client.get(
        "/search?q=mug&brand=A%26B&brand=C&attr=Colour:Red&attr=Colour:Blue&attr=none&rating=400"
        "&stock=1&verified=1&near=23.8,90.4&km=25&sort=distance"
    )
    assert found.status_code == 200
    asked, narrow = world.searched, world.searched["narrow"]
    assert (asked["brands"], asked["sort"]) == (["A&B", "C"], "distance")
    assert asked["attributes"] == {"Colour": ["Red", "Blue"]}
    assert (narrow.rating_min, narrow.in_stock, narrow.verified) == (400, True, True)
    assert (narrow.near.latitude, narrow.near.longitude, narrow.near.km) == (23.8, 90.4, 25)
    assert 'value="A&amp;B" checked' in found.text.replace("\n", " ")
    more = re.search(r'rel="next" href="([^"]+)"', found.text)
    assert more is not None
    assert {"brand=A%26B", "brand=C", "stock=1"} <= set(more[1].strip("?").split("&amp;"))
    one_less = re.search(
        r'href="([^"]+)"><span class="hidden">Remove the filter </span>C', found.text
    )
    assert one_less is not None
    assert "brand=C" not in one_less[1]
    assert "brand=A%26B" in one_less[1]


@pytest.mark.parametrize(
    "odd", ["near=x", "near=99,999", "km=-1&near=1,2", "rating=77", "sort=distance"]
)
async def test_search_leaves_out_what_it_cannot_read(client: httpx.AsyncClient, odd: str) -> None:
    assert (await client.get(f"/search?q=mug&{odd}")).status_code == 200


async def test_completions_lead_somewhere(client: httpx.AsyncClient) -> None:
    items = (await client.get("/search/complete?q=mu")).json()["items"]
    assert {one["kind"] for one in items} >= {"Product", "Category", "Search"}
    for one in items:
        assert (await client.get(one["href"])).status_code == 200, one


@pytest.mark.parametrize("prices", ["price_min=abc", "price_min=9&price_max=1", "price_min=-1"])
async def test_search_says_which_price_is_wrong(client: httpx.AsyncClient, prices: str) -> None:
    found = await client.get(f"/search?q=mug&{prices}")
    assert found.status_code == 422
    assert 'aria-invalid="true"' in found.text


async def test_search_without_hits_helps(client: httpx.AsyncClient) -> None:
    text = (await client.get("/search?q=zebra<script>")).text
    assert "Nothing found" in text
    assert "Mug of the year" in text
    assert "/categories/home" in text
    assert "<script>" not in text


async def test_stock_is_told(world: Bazaar, client: httpx.AsyncClient) -> None:
    world.stock.update({id_of("mug-0"): 3, id_of("mug-1"): 0})
    text = (await client.get("/products/mug")).text
    assert "Only 3 left" in text
    assert "Sold out" in text
    world.stock.clear()
    sold_out = (await client.get("/products/mug")).text
    assert "Sold out just now" in sold_out
    assert "Add to cart" not in sold_out


async def test_a_guest_fills_and_empties_a_cart(world: Bazaar, client: httpx.AsyncClient) -> None:
    form = {"offer_id": str(id_of("mug-1")), "quantity": "2"}
    added = await client.post("/products/mug", data=form)
    assert (added.status_code, added.headers["location"]) == (303, "/cart")
    await client.post("/products/rug", data={"offer_id": str(id_of("rug-0")), "quantity": "1"})
    text = (await client.get("/cart")).text
    assert "It is in your cart." in text
    assert "Clay &amp; Co" in text
    assert "The Loom" in text
    assert "$40.97" in text, "2 × $13.99 + $12.99"
    assert "It is in your cart." not in (await client.get("/cart")).text, "told once"

    changed = await client.post("/cart", data={**form, "quantity": "3"})
    assert changed.status_code == 303
    removed = await client.post("/cart", data={**form, "remove": "yes"})
    assert removed.status_code == 303
    (items,) = world.carts.values()
    assert items == {id_of("rug-0"): 1}


@pytest.mark.parametrize(
    ("form", "status", "says"),
    [
        ({"quantity": "1"}, 422, "Fill this in."),
        ({"offer_id": "x", "quantity": "1"}, 422, "Choose one of the list."),
        ({"offer_id": "mug-1", "quantity": "0"}, 422, "Give at least 1."),
        ({"offer_id": "mug-1", "quantity": "many"}, 422, "Give a whole number."),
        ({"offer_id": "mug-1", "quantity": "10"}, 409, "Only 9 left: choose at most 9."),
    ],
)
async def test_adding_says_what_is_wrong(
    client: httpx.AsyncClient, form: dict[str, str], status: int, says: str
) -> None:
    sent = {k: str(id_of(v)) if v == "mug-1" else v for k, v in form.items()}
    found = await client.post("/products/mug", data=sent)
    assert found.status_code == status
    assert says in found.text


async def test_a_line_that_cannot_be_bought_blocks_checkout(
    world: Bazaar, client: httpx.AsyncClient
) -> None:
    await client.post("/products/mug", data={"offer_id": str(id_of("mug-1")), "quantity": "2"})
    world.stock[id_of("mug-1")] = 1
    text = (await client.get("/cart")).text
    assert "Only 1 left: lower the quantity" in text
    assert 'href="/checkout"' not in text
    assert (await client.get("/checkout")).headers["location"] == "/cart"
    too_many = await client.post("/cart", data={"offer_id": str(id_of("mug-1")), "quantity": "5"})
    assert too_many.status_code == 409
    assert 'aria-invalid="true"' in too_many.text
    assert 'value="5"' in too_many.text


async def test_forms_of_other_sites_are_refused(world: Bazaar, client: httpx.AsyncClient) -> None:
    form = {"offer_id": str(id_of("mug-1")), "quantity": "1"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}):
        refused = await client.post("/products/mug", data=form, headers=headers)
        assert refused.status_code == 403
    assert not world.carts


async def test_before_the_market_is_open_there_is_the_first_run_page(world: Bazaar) -> None:
    world.open = False
    client = client_of(world)
    assert (await client.get("/")).headers["location"] == "/welcome"
    found = await client.get("/welcome")
    assert found.status_code == 200
    assert "EUR, Euro" in found.text


def test_lists_of_places() -> None:
    assert ("PT", "Portugal") in countries()
    assert not {"EU", "ZZ", "UN"} & {code for code, _ in countries()}
    assert "EUR" in dict(currencies())


@pytest.mark.parametrize("name", ["haat.css", "haat.js", "no-picture.svg", "icon.svg"])
def test_static_files_are_there(name: str) -> None:
    assert static_url(name).startswith(f"/static/{name}?v=")
