"""Child processes, and what their supervisor keeps out of its own memory."""

import subprocess
import sys

import pytest

from haat.app.processes import apart
from haat.kernel.errors import Problem, Unavailable


def test_what_a_copy_finds_out_comes_back_and_what_it_imports_does_not() -> None:
    def work() -> list[str]:
        import colorsys

        return ["orders", colorsys.__name__]

    sys.modules.pop("colorsys", None)
    assert apart(work) == ["orders", "colorsys"]
    assert "colorsys" not in sys.modules


def test_a_copy_that_fails_says_so() -> None:
    def work() -> list[str]:
        raise LookupError("nothing there")

    assert apart(work) is None
    assert apart(list) == []


def test_the_problem_a_copy_meets_is_raised_here() -> None:
    def work() -> list[str]:
        raise Unavailable("The database does not answer.", code="sql_away")

    with pytest.raises(Problem, match="does not answer") as caught:
        apart(work)
    assert caught.value.code == "sql_away"


def test_a_supervisor_keeps_no_large_libraries() -> None:
    program = (
        "import sys, haat.app.cli, haat.app.hosting, haat.app.market, haat.app.targets as t\n"
        "assert t.is_whole('all') and not t.is_whole('money')\n"
        "print(*{'sqlalchemy', 'asyncpg', 'fastapi', 'fpdf', 'rich'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr
