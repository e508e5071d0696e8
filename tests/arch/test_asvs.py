"""docs/security/asvs.md answers every row it has to, with files and tests that are there."""

import ast
import csv
import os
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security" / "asvs.md"
ROW = re.compile(r"^\| (V[\d.]+) \| (\w+) \| (.*?) \| (.*?) \| (.*?) \|$", re.M)
STATES = {"met", "open", "none"}
LIST = Path("checklists") / "asvs_5.0.0_en.csv"


class Row(NamedTuple):
    id: str
    state: str
    how: str
    files: list[str]
    tests: list[str]


def rows() -> list[Row]:
    return [
        Row(id, state, how, *(re.findall(r"`([^`]+)`", cell) for cell in cells))
        for id, state, how, *cells in ROW.findall(PAGE.read_text("utf-8"))
    ]


CELLS = re.compile(r"^\| (?!-|what |of )(.+) \|$", re.M)


@pytest.mark.parametrize("name", ["consistency", "fields"])
def test_a_page_of_rules_names_what_is_there(name: str) -> None:
    """Its last two columns are a file and tests; of the rules between fields, the one before them
    is the code that stands in that file."""
    found = CELLS.findall((PAGE.parent / f"{name}.md").read_text("utf-8"))
    assert len(found) > 10
    for line in found:
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split(" | ")]
        code, (file,), tests = cells[-3], cells[-2], cells[-1]
        text = place(file).read_text("utf-8")
        if name == "consistency":
            assert code, line
            assert code[0] in text or code[0] in RAISED, f"{file} has no {code[0]}"
        assert tests, line
        assert not missing_of(tests), line


def missing_of(tests: list[str]) -> list[str]:
    """Those of them that are not there."""
    found = []
    for name in tests:
        file, _, test = name.partition("::")
        path = ROOT / "tests" / file
        if not path.exists() or not (test in functions_of(path) if test else functions_of(path)):
            found.append(name)
    return found


RAISED = {"not_found", "same_hands"}  # by their class


def place(name: str) -> Path:
    """Code below haat/, but for what says otherwise."""
    inside = ROOT / "haat" / name
    return inside if inside.exists() else ROOT / name


@cache
def functions_of(path: Path) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_"
    )


def test_every_line_of_the_tables_is_a_row() -> None:
    lines = [x for x in PAGE.read_text("utf-8").splitlines() if x.startswith("| V")]
    assert len(lines) == len(rows()) > 200
    ids = [row.id for row in rows()]
    assert len(ids) == len(set(ids)), "each row is answered once"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_an_answer_names_what_is_there(row: Row) -> None:
    assert row.state in STATES
    assert len(row.how) > 3, "it says how, or why not"
    missing = [name for name in row.files if not place(name).exists()]
    missing += missing_of(row.tests)
    assert not missing
    told = [name for name in row.files if name.startswith("docs/")]
    if row.state == "met":
        assert row.files, "where it is"
        assert row.tests or told, "by which test, or which page"


def test_every_row_of_levels_1_and_2_is_answered() -> None:
    data = os.environ.get("HAAT_TEST_DATA", "")
    if not data or not (Path(data) / LIST).exists():
        pytest.skip("HAAT_TEST_DATA is not set: the standard's list is not at hand")
    with (Path(data) / LIST).open(encoding="utf-8-sig", newline="") as file:
        asked = {row["req_id"] for row in csv.DictReader(file) if row["L"] in ("1", "2")}
    answered = {row.id for row in rows()}
    assert sorted(asked - answered) == []
    assert sorted(answered - asked) == []
