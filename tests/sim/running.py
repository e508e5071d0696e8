"""One process of `bin/simulate`: histories one after the other until there were enough steps."""

import logging
import os
from collections import Counter

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import postgres
from tests.sim.machine import SETTINGS, MoneyMachine

Found = tuple[int, Counter[str], str]


def simulate(job: tuple[int, int, int]) -> Found:
    """Histories until there were enough steps; the failing one is made short and printed."""
    number, wanted, length = job
    os.environ.update(SETTINGS)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    MoneyMachine.done.clear()
    with postgres.server() as server, postgres.database(server) as template:
        postgres.migrate_all(template)
        MoneyMachine.server, MoneyMachine.template = server, template
        turn = 0
        while sum(MoneyMachine.done.values()) < wanted:
            turn += 1
            try:
                run_state_machine_as_test(
                    seed(number + turn)(MoneyMachine), settings=_settings(length)
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                lines = [str(error), *getattr(error, "__notes__", [])]
                return number, MoneyMachine.done, "\n".join(lines)[:20_000]
            print(f"  {sum(MoneyMachine.done.values()):,} of {wanted:,} steps", flush=True)
    return number, MoneyMachine.done, ""


def _settings(length: int) -> settings:
    return settings(
        max_examples=10,
        stateful_step_count=length,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
