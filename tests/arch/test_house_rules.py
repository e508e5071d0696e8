"""House rules a machine can check (docs/house.md, section 7)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("haat", "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts and not path.stem.endswith("_pb2")  # protoc wrote it
)
PACKAGE = [path for path in SOURCES if path.is_relative_to(ROOT / "haat")]
SAYS_NOTHING = {"utils", "helpers", "common", "misc", "manager", "base", "core", "shared"}
FILE_MAX, FUNCTION_MAX, LINE_MAX = 600, 70, 100
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_something_to_check() -> None:
    assert len(PACKAGE) > 100


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_size(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= FILE_MAX, f"{len(lines)} lines"
    long = [i for i, line in enumerate(lines, 1) if len(line) > LINE_MAX]
    assert not long, f"lines over {LINE_MAX} columns: {long}"
    big = [
        f"{f.name} ({f.end_lineno - f.lineno + 1} lines)"
        for f in functions(path)
        if "migrations" not in path.parts  # a list of columns is as long as it is
        and f.end_lineno
        and f.end_lineno - f.lineno + 1 > FUNCTION_MAX
    ]
    assert not big, f"functions over {FUNCTION_MAX} lines: {big}"


def test_names_say_something() -> None:
    vague = [
        name(p) for p in SOURCES if p.stem.rstrip("s") in {w.rstrip("s") for w in SAYS_NOTHING}
    ]
    assert not vague


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_nothing_is_unfinished(path: Path) -> None:
    assert not UNFINISHED.search(path.read_text("utf-8"))


def calls_of_the_clock(module: ast.Module) -> Iterator[str]:
    """Where the machine's time or randomness is asked directly."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = ast.unparse(node.func)
            if text in ("datetime.now", "datetime.utcnow", "date.today", "time.time", "uuid.uuid4"):
                yield f"line {node.lineno}: {text}"


@pytest.mark.parametrize(
    "path", [p for p in PACKAGE if p.is_relative_to(ROOT / "haat" / "domains")], ids=name
)
def test_domains_take_time_from_the_context(path: Path) -> None:
    if "testcard" in path.parts:
        pytest.skip("the test card network is the outside world, with a clock of its own")
    assert not list(calls_of_the_clock(tree(path)))


def mutable_at_module_level(module: ast.Module) -> Iterator[str]:
    """Lower-case module variables: constants are upper case, loggers and routers are handles."""
    handles = {
        "log",
        "router",
        "site_router",
        "media_router",
        "app",
        "metadata",
        "seeds",
        "imports",
    }
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if not isinstance(value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp):
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id not in handles:
                bare = target.id.lstrip("_")
                if not bare.isupper() and not target.id.startswith("__") and not bare.istitle():
                    yield f"line {node.lineno}: {target.id}"


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_modules_have_no_mutable_state(path: Path) -> None:
    if "migrations" in path.parts:
        pytest.skip("Alembic's own form")
    assert not list(mutable_at_module_level(tree(path)))


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_no_flag_is_named_after_a_mode(path: Path) -> None:
    if name(path) in ("haat/app/wiring.py", "haat/app/runtime.py"):
        pytest.skip("the place that knows the mode")
    assert (
        not re.search(
            r"target\s*==\s*[\"']all[\"']|is_single_binary|is_monolith", path.read_text("utf-8")
        )
        or path.parent.name == "app"
    )


def test_every_package_says_what_it_owns() -> None:
    silent = [
        name(path)
        for path in PACKAGE
        if path.name == "__init__.py"
        and path.parent.parent.parent == ROOT / "haat" / "domains"
        and not ast.get_docstring(tree(path))
    ]
    assert not silent
