"""`haat sim`: seeds over several worker processes, and what is printed about them."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from haat.app.sim.schedule import Coverage
from haat.kernel.errors import Invalid

if TYPE_CHECKING:
    from haat.app.sim.running import Outcome

LAST_STEPS = 60
ENOUGH = 20  # times every crash point is to be hit, half of them on either side of it
_ENDS_S = 60  # what a worker's database may take to stop
_WORKER = "haat.app.sim.worker"
Print = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """What to run. `worker` is the module that runs it: tests plant bugs in theirs."""

    first: int
    last: int
    steps: int = 200
    jobs: int = 1
    trace: bool = False
    require_coverage: bool = False
    until_found: bool = False
    worker: str = _WORKER
    extra: tuple[str, ...] = ()


@dataclass
class Summary:
    """Of all seeds."""

    seeds: int
    failed: dict[int, list[str]]
    hashes: dict[int, str]
    steps: int
    seconds: float
    coverage: Coverage
    is_whole: bool = True  # not broken off by who started it


def seeds_of(text: str) -> tuple[int, int]:
    """'7' or '1-2000': first and last. Invalid for anything else."""
    first, to, last = text.partition("-")
    try:
        found = int(first), int(last if to else first)
    except ValueError:
        raise Invalid.at("seeds", "Seeds are written as 7 or as 1-2000.") from None
    if not 0 <= found[0] <= found[1] < 10**12:
        raise Invalid.at("seeds", "The first seed comes before the last, and none is below 0.")
    return found


def simulate(ask: Ask, say: Print = print) -> Summary:
    """Runs the seeds and tells of each that failed."""
    began = perf_counter()
    summary = Summary(0, {}, {}, 0, 0.0, Coverage())
    workers = [_worker(ask, place) for place in range(min(ask.jobs, ask.last - ask.first + 1))]
    try:
        for line in _lines(workers):
            _take(ask, json.loads(line), summary, say)
            if ask.until_found and summary.failed:
                break
        else:
            check_all_ran(ask, summary, [worker.wait(_ENDS_S) for worker in workers])
    except KeyboardInterrupt:
        summary.is_whole = False
        say(f"broken off after {summary.seeds} of {ask.last - ask.first + 1} seeds")
    finally:
        _end(workers)
    summary.seconds = perf_counter() - began
    return summary


def _end(workers: Sequence["subprocess.Popen[str]"]) -> None:
    """Asked again where asking was lost: an exit out of a weak reference's callback is ignored."""
    for _ in range(3):
        for worker in workers:
            worker.terminate()
        for worker in workers:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(_ENDS_S / 3)


def check_all_ran(ask: Ask, summary: Summary, ends: Sequence[int]) -> None:
    """RuntimeError when a worker failed, or a seed is missing: what did not run proves nothing."""
    wanted = ask.last - ask.first + 1
    if any(ends) or summary.seeds != wanted or len(summary.hashes) != wanted:
        told = ", ".join(map(str, ends))
        raise RuntimeError(
            f"{summary.seeds} of {wanted} seeds ran; the workers ended with status {told}"
        )


def _worker(ask: Ask, place: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", ask.worker, *ask.extra]
    command += [str(ask.first + place), str(ask.last), str(ask.jobs), str(ask.steps)]
    # No installation's settings; and sets of text are walked in the order of their hashes.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAAT_")}
    environment = {**kept, "PYTHONHASHSEED": "0"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _lines(workers: Sequence["subprocess.Popen[str]"]) -> Iterator[str]:
    """As they come, from whichever worker."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            assert worker.stdout is not None
            selector.register(worker.stdout, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                file: Any = key.fileobj
                line = file.readline()
                if line.endswith("\n"):
                    yield line
                else:  # the end, or what was left of a line when the worker was killed
                    selector.unregister(file)


def _take(ask: Ask, told: dict[str, Any], summary: Summary, say: Print) -> None:
    seed = told["seed"]
    summary.seeds += 1
    summary.steps += told["steps"]
    summary.hashes[seed] = told["hash"]
    summary.coverage.add(Coverage.of(told["coverage"]))
    if ask.trace:
        say("\n".join(told["trace"]))
        say(f"seed {seed}: schedule {told['hash']}, {told['steps']} steps")
    if told["found"]:
        summary.failed[seed] = told["found"]
        _tell_failure(ask, told, say)
    elif summary.seeds % 100 == 0:
        say(f"{summary.seeds} seeds, {len(summary.failed)} failed")


def _tell_failure(ask: Ask, told: dict[str, Any], say: Print) -> None:
    say(f"\nseed {told['seed']} FAILED, schedule {told['hash']}")
    for line in told["found"][:5]:
        say(f"  {line}")
    if not ask.trace:
        say(f"the last {LAST_STEPS} steps with faults and people in them:")
        shown = [line for line in told["trace"][: told["ends"]] if not line.startswith("      =")]
        say("\n".join(shown[-LAST_STEPS:]))
    say(f"to replay: haat sim --seed {told['seed']} --steps {ask.steps} --trace\n")


def report(summary: Summary, say: Print) -> list[str]:
    """Prints the coverage; the crash points that were hit too seldom."""
    cover = summary.coverage
    per_seed = summary.seconds / max(1, summary.seeds)
    say(
        f"\n{summary.seeds} seeds, {summary.steps} steps in {summary.seconds:.0f} s"
        f" ({per_seed:.2f} s each); {len(summary.failed)} failed"
    )
    for title, counts in (
        ("faults", cover.faults),
        ("people", cover.acts),
        ("states reached", cover.ends),
    ):
        say(f"\n{title}")
        for name, count in sorted(counts.items()):
            say(f"  {count:8d}  {name}")
    say("\ncrash points: killed before, killed after, passed")
    seldom = []
    for point, passed in sorted(cover.passed.items()):
        before, after = cover.crashes[f"before {point}"], cover.crashes[f"after {point}"]
        say(f"  {before:6d} {after:6d} {passed:8d}  {point}")
        if before + after < ENOUGH or min(before, after) < ENOUGH // 2:
            seldom.append(point)
    hit = len(cover.passed) - len(seldom)
    say(f"\n{hit} of {len(cover.passed)} crash points were hit {ENOUGH} times,")
    say(f"{ENOUGH // 2} of them before what they do and {ENOUGH // 2} after it")
    for point in seldom:
        say(f"  seldom: {point}")
    return seldom


def default_jobs() -> int:
    return max(1, min(8, os.cpu_count() or 1))


def as_line(outcome: "Outcome") -> str:
    """One seed's outcome, for whoever started the worker."""
    told = {
        "seed": outcome.seed,
        "found": outcome.found,
        "hash": outcome.hash,
        "steps": outcome.steps,
        "trace": outcome.trace,
        "ends": outcome.ends,
        "coverage": vars(outcome.coverage),
    }
    return json.dumps(told)
