"""A worker process: `python -m haat.app.sim.worker FIRST LAST EVERY STEPS` prints a line a seed."""

import signal
import sys
from collections.abc import Callable, Sequence

from haat.app.sim.jobs import as_line
from haat.app.sim.running import Stage, stage
from haat.app.sim.world import World


def work(
    world: type[World], given: Sequence[str], after: Callable[[Stage], None] = lambda _: None
) -> None:
    """Every EVERYth seed from FIRST to LAST. `after`: what else is done on the same stage."""
    first, last, every, steps = map(int, given)
    signal.signal(signal.SIGTERM, _end)  # the server and its folder go with us
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us ends us
    with stage(world) as ready:
        for seed in range(first, last + 1, every):
            sys.stdout.write(as_line(ready.run(seed, steps)) + "\n")
            sys.stdout.flush()
        after(ready)


def _end(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    work(World, sys.argv[1:])
