"""The committed schemas are what the code says, and no event broke its version."""

import json
from pathlib import Path
from typing import Any

import pytest

from haat.app.schemas import breaks, events, files, schema_of

FOLDER = Path(__file__).parents[2] / "contracts"


def test_the_committed_schemas_are_todays() -> None:
    stale = [
        name
        for name, text in files().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    assert not stale, "run `bin/haat contracts` and look at what changed"


def test_every_event_is_compatible_with_its_committed_schema() -> None:
    found = [
        f"{name}: {line}"
        for name, event in events().items()
        if (FOLDER / "events" / f"{name}.json").exists()
        for line in breaks(
            json.loads((FOLDER / "events" / f"{name}.json").read_text("utf-8")), schema_of(event)
        )
    ]
    assert not found


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ({"properties": {"a": TEXT}, "required": ["a"]}, []),
        ({"properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}, []),
        ({"properties": {"a": {**TEXT, "title": "A"}}, "required": ["a"]}, []),
        ({"properties": {"a": NUMBER}, "required": ["a"]}, ["a is something else"]),
        ({"properties": {}}, ["a is gone"]),
        (
            {"properties": {"a": TEXT, "b": TEXT}, "required": ["a", "b"]},
            ["b is necessary now"],
        ),
    ],
)
def test_what_breaks_a_version(new: dict[str, Any], found: list[str]) -> None:
    assert breaks({"properties": {"a": TEXT}, "required": ["a"]}, new) == found
