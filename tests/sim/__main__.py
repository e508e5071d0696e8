"""`bin/simulate`: long random histories of the money, in several processes.

bin/simulate --steps 100000 --seed 7 [--jobs 4] [--length 200]
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

import structlog
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import postgres
from tests.sim.machine import SETTINGS, MoneyMachine

Found = tuple[int, Counter[str], str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/simulate", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000, help="how many steps in all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same histories")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--length", type=int, default=200, help="steps of one history")
    options = parser.parse_args()
    begun = time.monotonic()
    share = -(-options.steps // options.jobs)
    jobs = [(options.seed * 1_000_003 + n, share, options.length) for n in range(options.jobs)]
    done: Counter[str] = Counter()
    failed = False
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for number, steps, failure in pool.imap_unordered(_simulate, jobs):
            done += steps
            took = time.monotonic() - begun
            print(f"seed {number}: {sum(steps.values())} steps, {took:.0f} s in all", flush=True)
            if failure:
                failed = True
                print(failure, flush=True)
    for name, count in done.most_common():
        print(f"{count:>8}  {name}")
    total = sum(done.values())
    verdict = "the books did not balance" if failed else "the books balanced after every one"
    print(f"{total} steps in {time.monotonic() - begun:.0f} s: {verdict}")
    sys.exit(1 if failed else 0)


def _simulate(job: tuple[int, int, int]) -> Found:
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
    return number, MoneyMachine.done, ""


def _settings(length: int) -> settings:
    return settings(
        max_examples=10,
        stateful_step_count=length,
        deadline=None,
        database=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


if __name__ == "__main__":
    main()
