"""What somebody chose on the search page: read from its address, and written back into one."""

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from haat.domains.insight.search.api import RADIUS_MAX_KM, Narrow, Near
from haat.gateways.web.pages import query
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.money import parse_decimal

# Names in the address: several of one, one each, and boxes.
LISTS = ("category", "brand", "vendor", "attr")
SINGLE = ("price_min", "price_max", "rating", "near", "km")
BOXES = ("stock", "verified")
LIST_MAX, TEXT_MAX = 50, 200
RATINGS = (400, 300, 200)
KILOMETRES = (5, 10, 25, 50, 100, 250)


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they were chosen."""

    words: str
    sort: str
    lists: dict[str, list[str]]
    single: dict[str, str]

    @property
    def is_filtered(self) -> bool:
        return any(self.lists.values()) or any(self.single.values())

    @property
    def values(self) -> dict[str, Any]:
        """For `query`."""
        sort = "" if self.sort == "relevance" else self.sort
        return {"q": self.words, **self.lists, **self.single, "sort": sort}

    def without(self, name: str, value: str = "") -> str:
        """The address of the same search without this filter."""
        values = self.values
        values[name] = [one for one in values[name] if one != value] if value else ""
        if name == "near":
            values["km"] = ""
            values["sort"] = "" if self.sort == "distance" else values["sort"]
        return query(**values)

    @property
    def attributes(self) -> dict[str, list[str]]:
        """From "Colour:Red"; what is written otherwise is none."""
        found: dict[str, list[str]] = {}
        for one in self.lists["attr"]:
            name, sign, value = one.partition(":")
            if sign and name and value:
                found.setdefault(name, []).append(value)
        return found


def read(params: QueryParams, sort: str) -> Asked:
    def some(name: str) -> list[str]:
        given = (one.strip()[:TEXT_MAX] for one in params.getlist(name)[:LIST_MAX])
        return list(dict.fromkeys(filter(None, given)))

    return Asked(
        params.get("q", "").strip()[:TEXT_MAX],
        sort,
        {name: some(name) for name in LISTS},
        {name: params.get(name, "").strip()[:TEXT_MAX] for name in (*SINGLE, *BOXES)},
    )


def prices(asked: Asked, currency: str) -> tuple[int | None, int | None]:
    """The price bounds in minor units; Invalid at each that is not an amount."""
    found: dict[str, int | None] = {"price_min": None, "price_max": None}
    wrong = []
    for name in found:
        if not asked.single[name]:
            continue
        try:
            amount = parse_decimal(asked.single[name], currency).minor
            if amount < 0:
                raise Invalid("A price is not negative.", code="money_invalid")
            found[name] = amount
        except Invalid as problem:
            wrong.append(FieldError(path=name, code=problem.code, message=problem.detail))
    low, high = found["price_min"], found["price_max"]
    if low is not None and high is not None and low > high:
        message = "This is less than the lowest price."
        wrong.append(FieldError(path="price_max", code="money_invalid", message=message))
    if wrong:
        raise Invalid("These prices need another look.", fields=wrong)
    return low, high


def narrow(asked: Asked, vendor_ids: list[Any] | None) -> Narrow:
    """Of what is no number or no point nothing is asked."""
    rating = asked.single["rating"]
    return Narrow(
        vendor_ids=vendor_ids,
        rating_min=int(rating) if rating in map(str, RATINGS) else None,
        in_stock=bool(asked.single["stock"]),
        verified=bool(asked.single["verified"]),
        near=near(asked),
    )


def near(asked: Asked) -> Near | None:
    latitude, sign, longitude = asked.single["near"].partition(",")
    if not sign:
        return None
    km = asked.single["km"]
    within = int(km) if km.isascii() and km.isdecimal() and len(km) < 6 else 0
    try:
        return Near(
            latitude=float(latitude),
            longitude=float(longitude),
            km=within if 1 <= within <= RADIUS_MAX_KM else None,
        )
    except ValueError:
        return None
