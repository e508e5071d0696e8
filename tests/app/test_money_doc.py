"""docs/flows/money.md names every account kind, every code and every invariant, and no others."""

from pathlib import Path
from typing import get_args

from haat.app.crosschecks import CHECKS
from haat.app.proving import names_of
from haat.app.targets import all_modules
from haat.domains.money.ledger.api import AccountKind, Code

DOC = Path(__file__).parents[2] / "docs" / "flows" / "money.md"


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables' rows below a heading of the second level."""
    part = DOC.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_kind_of_account_is_told_once() -> None:
    told = [row[0].strip("`") for row in rows("Accounts") if row[0].startswith("`")]
    assert sorted(told) == sorted(get_args(AccountKind))


def test_every_code_is_told_in_some_step() -> None:
    steps = [row for row in rows("Transfers, step by step") if row[-1].startswith("`")]
    assert {row[-1].strip("`") for row in steps} == {code.value for code in Code}


def test_every_invariant_is_told_once() -> None:
    named = [f"{module.name}.{name}" for module in all_modules() for name in names_of(module)]
    named += [check.__name__ for check in CHECKS]
    told = [row[0] for row in rows("What `haat prove` checks") if row[0] != "name"]
    assert sorted(told) == sorted([*named, "ledger.head", "audit.noted_head"])
