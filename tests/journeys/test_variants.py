"""A vendor makes variants of options, and changes many of them at once."""

from typing import Any

from tests.journeys.box import Box
from tests.journeys.scene import open_shop


def of(product: dict[str, Any]) -> dict[tuple[str, ...], tuple[str, str, int, str]]:
    found = {}
    for variant in product["variants"]:
        offer = variant["offers"][0]
        at = tuple(variant["options"].values())
        found[at] = (variant["id"], offer["sku"], offer["price"]["minor"], offer["status"])
    return found


async def test_options_make_variants(box: Box) -> None:
    shop = await open_shop(box, "Tee House", price=1500, stock=7)
    path = f"/products/{shop.product['id']}/variants"
    [(first, sku, _, _)] = of(shop.product).values()
    sizes: dict[str, Any] = {"name": "Size", "values": ["S", "M"]}
    made = await shop.owner.ok("POST", f"{path}/generate", {"options": [sizes]})
    assert of(made)[("S",)] == (first, sku, 1500, "active"), "the only variant becomes the first"
    assert of(made)[("M",)][1:] == ("TEE-HOUSE-THING-M", 1500, "active")
    again = await shop.owner.ok("POST", f"{path}/generate", {"options": [sizes]})
    assert again["version"] == made["version"], "the same again changes nothing"

    colours: dict[str, Any] = {"name": "Colour", "values": ["Red", "Blue"]}
    wide_body: Any = {"options": [sizes, colours], "skuPattern": "TEE-{Size}-{Colour}"}
    wide = await shop.owner.ok("POST", f"{path}/generate", wide_body)
    assert len(of(wide)) == 4
    assert of(wide)[("S", "Red")] == of(made)[("S",)]
    assert of(wide)[("M", "Red")] == of(made)[("M",)]
    assert of(wide)[("M", "Blue")][1] == "TEE-M-BLUE"
    await box.settle()
    stock = await shop.owner.ok("GET", f"/inventory/{shop.offer}")
    assert stock["onHand"] == 7, "stock stays with what it was counted for"

    price = {"minor": 1900, "currency": "USD"}
    body: dict[str, Any] = {"only": {"Colour": ["Blue"]}, "price": price, "skuPattern": "B-{Size}"}
    blue = of(await shop.owner.ok("PATCH", path, body))
    assert [(sku, minor) for at, (_, sku, minor, _) in blue.items() if at[1] == "Blue"] == [
        ("B-S", 1900),
        ("B-M", 1900),
    ]
    assert blue[("S", "Red")][1:3] == (sku, 1500)

    # What is no combination any more is paused, and comes back as itself.
    fewer: Any = {"options": [{"name": "Size", "values": ["S"]}, colours]}
    left = of(await shop.owner.ok("POST", f"{path}/generate", fewer))
    assert left[("M", "Red")][3] == left[("M", "Blue")][3] == "paused"
    back = await shop.owner.ok("POST", f"{path}/generate", {"options": [sizes, colours]})
    assert of(back) == blue

    many: Any = {"name": "Size", "values": [str(n) for n in range(101)]}
    refused = await shop.owner.post(f"{path}/generate", {"options": [many, colours]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "variants_too_many")
    refused = await shop.owner.patch(path, {"only": {"Shape": ["Round"]}, "price": price})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "only.Shape")
    stale = {"options": [sizes], "version": made["version"]}
    assert (await shop.owner.post(f"{path}/generate", stale)).status_code == 409
    other = await box.person("nosy@example.com", "Nosy")
    assert (await other.post(f"{path}/generate", {"options": [sizes]})).status_code in (403, 404)
