"""Products, vendors, categories and offers as clients of GraphQL ask for them."""

import base64
import re
from typing import Any
from uuid import UUID, uuid4

from haat.domains.people.media.api import WIDTHS
from haat.domains.people.media.api import Picture as Given
from haat.gateways.graphql.pictures import Picture, renditions_of
from tests.gateways.graphql.asking import ask, data, refused
from tests.gateways.town import Town
from tests.journeys.scene import draft

PRODUCT = """
query Page($ref: String!) {
  product(ref: $ref) {
    id uuid slug title brand descriptionHtml optionNames available
    priceFrom { minor currency decimal } priceTo { minor }
    kind picture { url } pictures { url width video renditions { width url avif } }
    specifications { key name unit values }
    vendor { id name slug country }
    category { name path { name } }
    variants {
      uuid title options { name value }
      buyBox { uuid }
      offers {
        id uuid sku condition status handlingDays price { minor } compareAt { minor }
        vendor { name } availability { quantity pickups { quantity } }
        standing { place score inStock landed { minor } parts { name points most why } }
      }
    }
  }
}
"""


async def test_a_product_page_in_one_query(town: Town) -> None:
    clay = town.clay
    found = (await data(town.box, PRODUCT, ref=clay.product["slug"]))["product"]
    assert found["uuid"] == clay.product["id"]
    assert found["title"] == "Clay House thing"
    assert found["priceFrom"] == {"minor": 1200, "currency": "USD", "decimal": "12.00"}
    assert (found["vendor"]["name"], found["kind"]) == ("Clay House", "PHYSICAL")
    [variant] = found["variants"]
    [offer] = variant["offers"]
    assert offer["uuid"] == clay.offer == variant["buyBox"]["uuid"]
    assert offer["availability"]["quantity"] == found["available"] > 0
    assert offer["standing"]["place"] == 1
    assert offer["standing"]["score"] == sum(p["points"] for p in offer["standing"]["parts"])
    assert (offer["condition"], offer["status"]) == ("NEW", "ACTIVE")
    assert await data(town.box, PRODUCT, ref=clay.product["id"]) == {"product": found}


async def test_what_is_not_there_is_a_problem_at_its_field(town: Town) -> None:
    answer = await ask(town.box, '{ market { name } product(ref: "no-such-thing") { title } }')
    assert answer["data"] == {"market": {"name": "Test Market"}, "product": None}
    [error] = answer["errors"]
    assert error["path"] == ["product"]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("not_found", 404)
    assert error["extensions"]["requestId"]


async def test_global_ids_lead_back(town: Town) -> None:
    query = """{ products(first: 1) { nodes {
      id vendor { id } category { id } variants { offers { id } } } } }"""
    [product] = (await data(town.box, query))["products"]["nodes"]
    offer = product["variants"][0]["offers"][0]
    ids = [product["id"], product["vendor"]["id"], offer["id"], "nonsense", "T2ZmZXI6MTI"]
    query = """query Some($ids: [ID!]!) { nodes(ids: $ids) { __typename id
      ... on Product { title } ... on Vendor { name } ... on Offer { product { title } } } }"""
    nodes = (await data(town.box, query, ids=ids))["nodes"]
    assert [n and n["id"] for n in nodes] == [*ids[:3], None, None]
    assert [n["__typename"] for n in nodes[:3]] == ["Product", "Vendor", "Offer"]
    assert nodes[0]["title"] == nodes[2]["product"]["title"]
    gone = base64.urlsafe_b64encode(f"Product:{uuid4()}".encode()).decode()
    assert (await data(town.box, f'{{ node(id: "{gone}") {{ id }} }}'))["node"] is None


async def _more_products(town: Town, count: int) -> None:
    staff = await town.box.staff()
    for n in range(count):
        body = draft(f"Bowl {n}", f"bowl-{uuid4().hex[:8]}", 500 + n)
        product = await town.clay.owner.ok("POST", "/products", body)
        await town.clay.owner.ok("POST", f"/products/{product['id']}/submit")
        await staff.ok("PATCH", f"/admin/products/{product['id']}/approve", {"decision": "approve"})
    await town.box.settle()


LIST = """query List($first: Int!, $after: String) {
  products(first: $first, after: $after, sort: PRICE) {
    edges { cursor node { uuid } } nodes { uuid }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }"""


async def test_pages_follow_each_other_from_any_edge(town: Town) -> None:
    await _more_products(town, 5)
    whole = (await data(town.box, LIST, first=100))["products"]
    every = [edge["node"]["uuid"] for edge in whole["edges"]]
    assert len(every) >= 7
    assert [node["uuid"] for node in whole["nodes"]] == every
    assert whole["pageInfo"]["hasNextPage"] is False
    found: list[str] = []
    after: str | None = None
    while True:
        page = (await data(town.box, LIST, first=2, after=after))["products"]
        found += [edge["node"]["uuid"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == every
    for n, edge in enumerate(whole["edges"]):  # from the middle of a page
        page = (await data(town.box, LIST, first=3, after=edge["cursor"]))["products"]
        assert [e["node"]["uuid"] for e in page["edges"]] == every[n + 1 : n + 4]


async def test_wrong_arguments_are_told_by_field(town: Town) -> None:
    for variables, path, code in (
        ({"first": 0}, "first", "first_invalid"),
        ({"first": 101}, "first", "first_invalid"),
        ({"first": 5, "after": "nonsense"}, "after", "cursor_invalid"),
    ):
        error = await refused(town.box, LIST, **variables)
        [field] = error["extensions"]["fields"]
        assert (field["path"], field["code"]) == (path, code)
    other = (await data(town.box, LIST, first=1))["products"]["pageInfo"]["endCursor"]
    error = await refused(town.box, LIST.replace("PRICE", "TITLE"), first=1, after=other)
    assert error["extensions"]["code"] == "cursor_invalid"


async def test_shelves_of_vendors_and_categories(town: Town) -> None:
    query = """{ vendors { nodes { name products(first: 2) { nodes { vendor { name } } } } }
      categories { name productCount children { name } attributes { key } } }"""
    found = await data(town.box, query)
    assert {one["name"] for one in found["vendors"]["nodes"]} == {"Clay House", "Loom Works"}
    for vendor in found["vendors"]["nodes"]:
        assert {p["vendor"]["name"] for p in vendor["products"]["nodes"]} == {vendor["name"]}
    assert [one["name"] for one in found["categories"]] == ["Pots"]


async def test_search_with_facets_and_reasons(town: Town) -> None:
    query = """query Find($words: String!) { search(words: $words, explain: true, first: 5) {
      totalCount matched didYouMean
      edges { node { title } explanation { score reasons { what field score } } }
      facets { vendors { count vendor { name } } prices { low high count }
        attributes { name values { value count } } categories { count category { name } } }
    } }"""
    found: Any = {}
    for _ in range(50):
        found = (await data(town.box, query, words="loom"))["search"]
        if found["totalCount"]:
            break
    [edge] = found["edges"]
    assert edge["node"]["title"] == "Loom Works thing"
    assert edge["explanation"]["reasons"]
    assert found["facets"]["vendors"] == [{"count": 1, "vendor": {"name": "Loom Works"}}]
    error = await refused(town.box, query, words="x" * 201)
    assert error["extensions"]["fields"][0]["path"] == "words"
    for given, path in (
        ('category: "none-such"', "filter.category"),
        ('vendor: "none-such"', "filter.vendor"),
        ('brands: ["' + "x" * 201 + '"]', "filter.brands.0"),
    ):
        error = await refused(town.box, f"{{ search(filter: {{{given}}}) {{ totalCount }} }}")
        assert error["extensions"]["fields"][0]["path"] == path


async def test_browsers_get_a_page_that_asks_and_explains(town: Town) -> None:
    http, address = town.box.http, town.box.address
    moved = await http.get(f"{address}/graphql", headers={"accept": "text/html"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/docs/graphql")
    page = await http.get(f"{address}/docs/graphql")
    assert page.status_code == 200
    ids = set(re.findall(r'id="([^"]+)"', page.text))
    assert {"type-Query", "type-Product", "type-StockNews"} <= ids
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= ids
    assert not re.search(r'(src|href)="(https?:)?//', page.text)
    asked = {"query": "query Q($w: String!) { search(words: $w) { totalCount } }"}
    for variables, found in (
        ('{"w": "loom"}', "&#34;totalCount&#34;: "),
        ("[]", "variables_invalid"),
        ("{", "variables_invalid"),
    ):
        params = {**asked, "variables": variables}
        answer = await http.get(f"{address}/docs/graphql", params=params)
        assert answer.status_code == 200
        assert found in answer.text
    script = {"query": "{ <script>alert(1)</script> }"}
    answer = await http.get(f"{address}/docs/graphql", params=script)
    assert "<script>alert" not in answer.text
    change = {"query": 'mutation { cartAdd(input: {offer: "1", quantity: 1}) { __typename } }'}
    answer = await http.get(f"{address}/docs/graphql", params=change)
    assert "query_only" in answer.text


def test_where_pictures_are() -> None:
    media, film = UUID(int=1), UUID(int=2)
    kept = Picture.of(Given(media_id=media, film_id=film, alt="A pot", width=800), "http://site")
    assert kept is not None
    assert (kept.alt, kept.width, kept.height) == ("A pot", 800, None)
    assert kept.video == f"http://site/media/{film}"
    assert kept.url == f"http://site/media/{media}/{WIDTHS[-1]}"
    first = renditions_of(media, "http://site")[0]
    assert (first.width, first.avif) == (WIDTHS[0], f"http://site/media/{media}/{WIDTHS[0]}.avif")
    linked = Picture.of(Given(url="https://elsewhere.example/pot.jpg"), "http://site")
    assert linked is not None
    assert linked.url == "https://elsewhere.example/pot.jpg"
    assert Picture.of(Given(), "http://site") is None
