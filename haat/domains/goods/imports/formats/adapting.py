"""What each known format has of its own, made into our fields: how a row names its product, what
a variation is, where prices and options stand."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from haat.domains.goods.imports.formats.mapping import Reader, Row
from haat.domains.goods.imports.formats.refusals import Refusal

_NO = ("false", "no", "0")
_SERVICES = re.compile(r"services?", re.I)
_SPACES = re.compile(r"\s+")
_WOO_ATTRIBUTE = re.compile(r"attribute_(\d{1,2})_name")
_WOO_LIST = re.compile(r"(?<!\\),\s*")
_WITH_UNIT = re.compile(r"([\d.,]+)\s*([a-zA-Z]+)")
_WITH_CURRENCY = re.compile(r"([\d.,]+)\s*([A-Z]{3})|([A-Z]{3})\s*([\d.,]+)")


@dataclass(slots=True)
class Adapter:
    """Makes rows of cells; remembers what a row may refer to: the product above it."""

    reader: Reader
    above: str = ""
    _adapt: Callable[[Row, dict[str, str]], None] = field(init=False)

    def __post_init__(self) -> None:
        adapters = {"shopify": _shopify, "woocommerce": _woocommerce, "google": _google}
        self._adapt = adapters.get(self.reader.mapping.format, _listed)

    def row(self, number: int, raw: list[str]) -> Row:
        """The row with its `key`. Raises Refusal when no product can be told that it belongs to,
        or it is something that is not sold here."""
        row = self.reader.row(number, raw)
        self._adapt(row, self.reader.by_name(raw) if self.reader.mapping.format != "haat" else {})
        if not row.key:
            row.key = row["handle"] or key_of(row["title"])
        if not row.key and self.reader.mapping.format == "custom":
            row.key = self.above  # tables in which only a product's first row names it
        if not row.key:
            raise Refusal("handle", "The row has neither a handle nor a title to make one from.")
        self.above = row.key
        return row


def key_of(title: str) -> str:
    """What rows of one product have in common when only its title tells."""
    return _SPACES.sub("-", title.casefold().strip())[:200]


def _listed(row: Row, named: dict[str, str]) -> None:
    """Options written as lists (`size|colour`, `M|red`), as Vendure does."""
    names, values = row.cells.pop("option_names", ""), row.cells.pop("option_values", "")
    for part, text in (("name", names), ("value", values)):
        if not text:
            continue
        listed = [one.strip() for one in text.split("|") if one.strip()]
        if len(listed) > 3:
            raise Refusal(f"option_{part}s", "A product has at most three options.")
        for n, one in enumerate(listed, 1):
            row.cells[f"option{n}_{part}"] = one
    if "category" in row.cells and "category:" in row.cells["category"]:
        found = re.findall(r"category:([^|]+)", row.cells["category"])
        row.cells["category"] = found[-1].strip() if found else ""


def _shopify(row: Row, named: dict[str, str]) -> None:
    if (row["option1_name"], row["option1_value"]) == ("Title", "Default Title"):
        del row.cells["option1_name"], row.cells["option1_value"]
    if row["option1_value"] == "Default Title":
        del row.cells["option1_value"]
    if named.get("published", "").casefold() in _NO and row["status"] in (
        "",
        "active",
        named["published"],
    ):
        row.cells["status"] = "draft"
    elif row["status"].casefold() in ("true", "yes", "1", ""):
        row.cells["status"] = "active"
    elif row["status"].casefold() == "unlisted":
        row.cells["status"] = "draft"
    if named.get("variant_taxable", named.get("charge_tax", "")).casefold() in _NO:
        row.cells["tax_class"] = "exempt"
    row.cells["kind"] = _shopify_kind(named)
    if row["stock"].startswith("-"):
        row.cells["stock"] = "0"  # oversold there; here nothing is on hand
    row.cells["sku"] = row["sku"].removeprefix("'")
    row.cells["barcode"] = row["barcode"].removeprefix("'")


def _shopify_kind(named: dict[str, str]) -> str:
    """What is not shipped there is a file, or work: its type or its place in Shopify's taxonomy
    tells. A row that does not say, such as one more picture's, says nothing."""
    ships = named.get("variant_requires_shipping", named.get("requires_shipping", "")).casefold()
    if ships not in _NO:
        return "physical" if ships else ""
    told = (named.get("type", ""), named.get("product_category", "").partition(">")[0])
    return "service" if any(_SERVICES.fullmatch(one.strip()) for one in told) else "digital"


# --- WooCommerce -----------------------------------------------------------------------------


def _woocommerce(row: Row, named: dict[str, str]) -> None:
    """Products and their variations stand in rows of their own, anywhere in the file; a variation
    names its parent by SKU or by `id:741`."""
    kinds = {kind.strip() for kind in named.get("type", "").casefold().split(",")}
    if "grouped" in kinds:
        raise Refusal("Type", "A grouped product is a list of others and has no price of its own.")
    regular, sale = named.get("regular_price", ""), named.get("sale_price", "")
    sku = named.get("sku", "")
    row.cells = {
        "title": named.get("name", ""),
        "description": named.get("description", "") or named.get("short_description", ""),
        "category": _first_category(named.get("categories", "")),
        "brand": named.get("brands", "") or named.get("brand", ""),
        "status": "active" if named.get("published", "1") == "1" else "draft",
        "tax_class": "exempt" if named.get("tax_status") == "none" else "",
        "sku": sku,
        "price": sale or regular,
        "compare_at": regular if sale and sale != regular else "",
        "barcode": named.get("gtin,_upc,_ean,_or_isbn", ""),
        "stock": named.get("stock", ""),
        "images": "\n".join(_WOO_LIST.split(named.get("images", ""))),
        **_woo_weight(named),
    }
    own = f"id:{named['id']}" if named.get("id") else ""
    if "variation" in kinds:
        parent = named.get("parent", "")
        if not parent:
            raise Refusal("Parent", "The variation does not say whose it is.")
        row.key = parent
        # A variation repeats its parent's title, with its options behind.
        row.cells |= {"title": "", "variant_image": row["images"].partition("\n")[0], "images": ""}
        row.cells["description"] = ""
    else:
        row.key = sku or own or key_of(row["title"])
        row.aliases = [own] if own and own != row.key else []
    attributes = sorted(
        int(found[1]) for name in named if (found := _WOO_ATTRIBUTE.fullmatch(name))
    )
    row.cells["kind"] = _woo_kind(kinds)
    if "variable" in kinds:
        # Whether anything is shipped, too, its variations say.
        row.cells |= {"price": "", "sku": "", "stock": "", "kind": ""}
    if "variable" in kinds or "variation" in kinds:
        _woo_options(row, named, attributes, names_only="variable" in kinds)


def _woo_kind(kinds: set[str]) -> str:
    """There only what is virtual is not shipped: with a file to download, or as work that is done.
    A file beside something that is shipped leaves it goods."""
    if "virtual" not in kinds:
        return "physical"
    return "digital" if "downloadable" in kinds else "service"


def _woo_options(
    row: Row, named: dict[str, str], attributes: list[int], *, names_only: bool
) -> None:
    place = 0
    for n in attributes:
        name, value = named[f"attribute_{n}_name"], named.get(f"attribute_{n}_value(s)", "")
        if not name:
            continue
        place += 1
        if place > 3:
            raise Refusal(f"Attribute {n} name", "A product has at most three options.")
        row.cells[f"option{place}_name"] = name
        if not names_only:
            # There a variation may leave an option open for the buyer to write in.
            row.cells[f"option{place}_value"] = value or "Any"


def _first_category(text: str) -> str:
    """The deepest of `Clothing, Clothing > T-shirts`."""
    return max(_WOO_LIST.split(text), key=lambda path: path.count(">"), default="").strip()


def _woo_weight(named: dict[str, str]) -> dict[str, str]:
    for name, text in named.items():
        if name.startswith("weight_(") and text:
            return {"weight": text, "weight_unit": name[8:-1]}
    return {}


# --- Google Merchant -------------------------------------------------------------------------


def _google(row: Row, named: dict[str, str]) -> None:
    """One row a variant; `item_group_id` brings a product's together."""
    price, currency = _priced(named.get("price", ""))
    sale, _ = _priced(named.get("sale_price", ""))
    weight = _WITH_UNIT.fullmatch(named.get("shipping_weight", ""))
    row.key = named.get("item_group_id", "") or named.get("id", "")
    row.cells = {
        "title": named.get("title", ""),
        "description": named.get("description", ""),
        "category": named.get("product_type", "") or named.get("google_product_category", ""),
        "brand": named.get("brand", ""),
        "status": "active",
        "sku": named.get("id", ""),
        "price": sale or price,
        "compare_at": price if sale and sale != price else "",
        "currency": currency,
        "barcode": named.get("gtin", ""),
        "stock": named.get("sell_on_google_quantity", named.get("quantity", "")),
        "images": "\n".join(
            one
            for one in (
                named.get("image_link", ""),
                *named.get("additional_image_link", "").split(","),
            )
            if one
        ),
        "weight": weight[1] if weight else "",
        "weight_unit": weight[2] if weight else "",
    }
    if named.get("availability", "").replace(" ", "_") == "out_of_stock":
        row.cells["stock"] = "0"
    if named.get("item_group_id"):
        options = [(n, named[n]) for n in ("color", "size", "material", "pattern") if named.get(n)]
        for place, (name, value) in enumerate(options[:3], 1):
            row.cells[f"option{place}_name"] = name.capitalize()
            row.cells[f"option{place}_value"] = value


def _priced(text: str) -> tuple[str, str]:
    """('12.99', 'USD') of '12.99 USD'."""
    found = _WITH_CURRENCY.fullmatch(text)
    if found is None:
        return text, ""
    return found[1] or found[4], found[2] or found[3]
