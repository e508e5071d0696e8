"""The house's storeys hold, and a planted import that crosses them is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    command += ["--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    ignore = shutil.ignore_patterns("__pycache__", "static", "*.html")
    shutil.copytree(ROOT / "haat", folder / "haat", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "arch", folder / "tests" / "arch", ignore=ignore)
    (folder / "tests" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_storeys_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("where", "planted", "found"),
    [
        pytest.param(
            "haat/domains/trade/cart/service.py",
            "from haat.domains.goods.catalog import tables",
            "haat.domains.trade.cart",
            id="another module's inside",
        ),
        pytest.param(
            "haat/domains/goods/catalog/api.py",
            "from haat.domains.trade.orders.api import Orders",
            "haat.domains.goods",
            id="a higher storey",
        ),
        pytest.param(
            "haat/domains/people/market/service.py",
            "from haat.domains.people.vendors.api import Vendors",
            "haat.domains.people.market",
            id="a neighbour further right",
        ),
        pytest.param(
            "haat/kernel/money.py",
            "from haat.engines.sql import Database",
            "haat.kernel",
            id="an upper floor",
        ),
        pytest.param(
            "haat/domains/goods/catalog/rules.py",
            "import asyncpg",
            "haat.domains.goods.catalog.rules",
            id="a database in pure rules",
        ),
        pytest.param(
            "haat/gateways/web/pages.py",
            "import obstore",
            "obstore",
            id="a library outside of its quarantine",
        ),
    ],
)
def test_a_planted_import_is_found(copy: Path, where: str, planted: str, found: str) -> None:
    path = copy / where
    if not path.exists():  # a service that became a folder
        path = path.with_suffix("") / "__init__.py"
    before = path.read_text()
    path.write_text(f"{before}\n{planted}\n")
    try:
        done = lint(copy)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert found in done.stdout
