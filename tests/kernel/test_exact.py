"""JSON as it is written: what looks like another type is none."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from haat.kernel.exact import Written
from haat.kernel.model import Body, Exact, FormBody

AT = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Part(Exact):
    height: int | None = None


class Sent(Body):
    count: int = 0
    share: float = 0
    wanted: bool | None = None
    at: datetime | None = None
    day: date | None = None
    limits: list[Annotated[int, Field(ge=1)]] = []
    specs: dict[str, bool | int | str | list[str]] = {}
    part: Part | None = None
    parts: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "Sent":
        return self


class Longer(Sent):
    more: int = 0


@pytest.mark.parametrize(
    ("sent", "path", "code"),
    [
        ({"count": "1"}, "count", "int_type"),
        ({"count": True}, "count", "int_type"),
        ({"share": "1.5"}, "share", "float_type"),
        ({"wanted": 0}, "wanted", "bool_type"),
        ({"wanted": "yes"}, "wanted", "bool_type"),
        ({"at": 1_700_000_000}, "at", "datetime_type"),
        ({"at": "1700000000"}, "at", "datetime_type"),
        ({"day": 20_000}, "day", "date_type"),
        ({"limits": [1, "2"]}, "limits.1", "int_type"),
        ({"part": {"height": "3"}}, "part.height", "int_type"),
        ({"parts": [{"height": False}]}, "parts.0.height", "int_type"),
        ({"more": "1"}, "more", "int_type"),
    ],
)
def test_what_looks_like_it_is_refused(sent: Any, path: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Longer.model_validate(sent)
    [error] = refused.value.errors()
    assert (".".join(map(str, error["loc"])), error["type"]) == (path, code)


def test_what_is_meant_is_taken() -> None:
    sent = {
        "count": 2.0,  # JSON knows one kind of number
        "share": 1,
        "wanted": False,
        "at": "2026-11-21T08:00:00Z",
        "day": "2026-11-21",
        "limits": [1],
        "specs": {"a": True, "b": 1, "c": "1", "d": ["x"]},
        "part": {"height": 3},
    }
    found = Longer.model_validate(sent)
    assert (found.count, found.share, found.wanted) == (2, 1.0, False)
    assert (found.at, found.day) == (AT, date(2026, 11, 21))
    assert found.specs == {"a": True, "b": 1, "c": "1", "d": ["x"]}
    assert Longer(at=AT, part=Part(height=3)).part == Part(height=3)


def test_the_schema_says_the_same() -> None:
    said = Longer.model_json_schema()["properties"]
    assert said["count"] == {"type": "integer", "default": 0, "title": "Count"}
    assert said["at"]["anyOf"][0] == {"type": "string", "format": "date-time"}


def test_forms_have_texts() -> None:
    class Asked(FormBody):
        quantity: int

    assert Asked.model_validate({"quantity": "2"}).quantity == 2


def test_times_of_queries_are_written() -> None:
    read = TypeAdapter(Written)
    assert read.validate_python("2026-11-21T08:00:00Z") == AT
    for wrong in ("0.5", "1700000000"):
        with pytest.raises(ValidationError):
            read.validate_python(wrong)
