"""What a reaction may ask for, and what an envelope has to have for it."""

from typing import Any
from uuid import UUID

import pytest

from haat.engines.bus import Route, route_of
from haat.kernel.events import Event, alias_id, fits, noted_in, on


class Weighed(Event, name="scale.weighed", key="goods_id", aliases=("scale.gewogen",)):
    goods_id: UUID
    unit_used: str
    grams: int


async def hear(service: object, ctx: object, events: list[Weighed]) -> None: ...


def where_of(**wanted: Any) -> Any:
    """What `on` makes of a wish."""

    async def handler(service: object, ctx: object, events: list[Weighed]) -> None: ...

    marked = on(Weighed, where=wanted)(handler)
    return marked.__noted__.reactions[0].where  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wanted", "data", "right"),
    [
        ({}, {}, True),
        ({"unit_used": "g"}, {"unitUsed": "g"}, True),
        ({"unit_used": "g"}, {"unitUsed": "kg"}, False),
        ({"unit_used": "g"}, {}, False),
        ({"unit_used": {"g", "kg"}}, {"unitUsed": "kg"}, True),
        ({"unit_used": ["g"], "grams": 3}, {"unitUsed": "g", "grams": 3}, True),
        ({"unit_used": ["g"], "grams": 3}, {"unitUsed": "g", "grams": 4}, False),
    ],
)
def test_what_fits(wanted: dict[str, Any], data: dict[str, Any], right: bool) -> None:
    assert fits(where_of(**wanted), data) is right


@pytest.mark.parametrize("wrong", [{"unit": "g"}, {"unit_used": []}, {"unit_used": [["g"]]}])
def test_what_cannot_be_asked_for(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        where_of(**wrong)


def test_an_alias_has_to_be_one() -> None:
    on(Weighed, alias="scale.gewogen")
    with pytest.raises(AssertionError, match="no alias"):
        on(Weighed, alias="scale.other")


def test_a_wish_is_part_of_the_route() -> None:
    wanted = where_of(unit_used=("kg", "g"), grams=3)
    route = Route("scale.weighed", "shop.hear", wanted)
    assert route.filters == [
        '{"grams": 3, "unitUsed": "g"}',
        '{"grams": 3, "unitUsed": "kg"}',
    ]
    assert Route("scale.weighed", "shop.hear").filters == [None]


def test_an_alias_goes_by_its_own_name() -> None:
    class Space:
        pass

    marked = on(Weighed, alias="scale.gewogen")(hear)
    Space.hear = marked  # type: ignore[attr-defined]
    Space.__name__ = hear.__module__
    [reaction] = noted_in(Space).reactions
    route = route_of("shop.hear", reaction)
    assert (route.type, route.topic) == ("scale.weighed", "scale.gewogen")


def test_the_id_of_an_alias_is_always_the_same() -> None:
    first = UUID("01a1fe62-50a0-73d4-9692-f7988c473725")
    assert alias_id(first, "order.placed") == UUID("9575f448-c81e-33d9-a7e0-ce1d226e7022")
    assert alias_id(first, "order.placed") != alias_id(first, "order.created")
