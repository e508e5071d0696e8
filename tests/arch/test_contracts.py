"""The committed schemas are what the code says, and no event broke its version."""

import json
from pathlib import Path
from typing import Any

import pytest

from haat.app import access, designs
from haat.app.schemas import Incompatible, breaks, events, files, schema_of, write
from haat.gateways import graphql

FOLDER = Path(__file__).parents[2] / "contracts"


def test_the_committed_schemas_are_todays() -> None:
    stale = [
        name
        for name, text in files().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    assert not stale, "run `bin/haat contracts` and look at what changed"


@pytest.mark.parametrize("page", [access, designs], ids=["rights", "designs"])
def test_the_committed_tables_are_todays(page: Any) -> None:
    committed = (FOLDER.parent / page.NAME).read_text("utf-8")
    assert committed == page.document(), "run `bin/haat contracts` and look at what changed"


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


def test_the_graphql_schema_breaks_no_client_of_the_committed_one() -> None:
    committed = (FOLDER / "schema.graphql").read_text("utf-8")
    assert graphql.breaks(committed) == []
    more = committed.replace("  slug: String!", "  slug: String!\n  nickname: String", 1)
    assert any("nickname was removed" in line for line in graphql.breaks(more))


def test_what_would_break_a_client_is_not_written(tmp_path: Path) -> None:
    committed = (FOLDER / "schema.graphql").read_text("utf-8")
    other = committed.replace("title: String!", "title: Int!", 1)
    (tmp_path / "schema.graphql").write_text(other, "utf-8")
    with pytest.raises(Incompatible, match="title changed type"):
        write(tmp_path)
    assert (tmp_path / "schema.graphql").read_text("utf-8") == other


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
