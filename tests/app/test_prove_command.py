"""What `haat prove` prints and how it ends."""

from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from haat.app import cli, commands
from haat.app.proving import Proof
from haat.domains.money.ledger.api import Seal

SEAL = Seal(position=7, hash="ab" * 32, sealed_at=datetime(2026, 1, 1, tzinfo=UTC))
WRONG = "orders: H-1: wrong"


@pytest.mark.parametrize(
    ("proof", "status", "told"),
    [
        (Proof([WRONG], 31, None), 1, [WRONG]),
        (Proof([], 31, None, [WRONG]), 3, [WRONG, "start the market"]),
        (Proof([], 31, SEAL), 0, ["everything adds up", "31 invariants", f"{SEAL.hash}@7"]),
    ],
    ids=["wrong", "open", "right"],
)
def test_the_exit_status_tells(
    monkeypatch: pytest.MonkeyPatch, proof: Proof, status: int, told: list[str]
) -> None:
    async def with_runtime(*_: Any, **__: Any) -> Proof:
        return proof

    monkeypatch.setattr(commands, "with_runtime", with_runtime)
    monkeypatch.setattr(cli, "run_async", _run)
    answer = CliRunner().invoke(cli.app, ["prove"])
    assert answer.exit_code == status
    assert all(line in answer.output for line in told)
    assert ("everything adds up" in answer.output) is (status == 0)


def _run(work: Any) -> Any:
    """The coroutine's answer without a loop: it waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError
