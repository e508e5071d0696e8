"""A short run of the money's state machine; bin/simulate makes long ones."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sim.machine import SETTINGS, MoneyMachine


@pytest.fixture
def machine(
    postgres_url: str, template_url: str, monkeypatch: pytest.MonkeyPatch
) -> type[MoneyMachine]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    MoneyMachine.server, MoneyMachine.template = postgres_url, template_url
    MoneyMachine.done.clear()
    return MoneyMachine


def test_the_books_balance_after_every_step(machine: type[MoneyMachine]) -> None:
    runs = int(os.environ.get("HAAT_SIM_RUNS", "4"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert sum(machine.done.values()) >= runs * 20
