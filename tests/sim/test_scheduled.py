"""The scheduled simulation (docs/flows/sim.md): some seeds, replay, and bugs that it must find."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from haat.app.sim.errands import Errands
from haat.app.sim.jobs import ENOUGH, Ask, Summary, check_all_ran, report, seeds_of, simulate
from haat.app.sim.plan import CUTS, ERRANDS, EVERY, Plan, due
from haat.app.sim.pool import told
from haat.app.sim.running import Stage
from haat.app.sim.schedule import Coverage
from haat.kernel.errors import Invalid
from tests.sim.planted import PLANTS, WITHIN

GATE = re.compile(r" *\d+ +[\d.]+ p\d+ [^:]+: (.+?)(?:  \*\* .+)?")
FIRST, LAST = 1, int(os.environ.get("HAAT_SIM_SEEDS", "8"))


@dataclass(frozen=True)
class Told:
    """What two processes tell that run side by side, each on a market of its own."""

    runs: list[dict[str, Any]]  # the first: some seeds, and the first of them again
    other: Summary  # the other: the second seed, which is the first there
    plants: list[dict[str, Any]]  # and each planted bug


@pytest.fixture(scope="module")
def told_of(tmp_path_factory: pytest.TempPathFactory) -> Told:
    command = [sys.executable, "-m", "tests.sim.planted", "--check", str(FIRST), str(LAST)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    plants = tmp_path_factory.mktemp("plants") / "found"
    extra = ("--find-all", str(plants))
    ask = Ask(FIRST + 1, FIRST + 1, worker="tests.sim.planted", extra=extra)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        reading = ThreadPoolExecutor(1).submit(process.communicate)
        try:
            other = simulate(ask, lambda line: None)
            out, _ = reading.result()
        finally:
            process.terminate()
    assert process.returncode == 0
    found = plants.read_text().splitlines()
    return Told([json.loads(one) for one in out.splitlines()], other, [*map(json.loads, found)])


@pytest.fixture(scope="module")
def runs(told_of: Told) -> list[dict[str, Any]]:
    return told_of.runs


def test_what_must_hold_holds(runs: list[dict[str, Any]]) -> None:
    assert [line["seed"] for line in runs] == [*range(FIRST, LAST + 1), FIRST]
    assert {line["seed"]: line["found"] for line in runs if line["found"]} == {}


def test_things_go_wrong_in_every_way(runs: list[dict[str, Any]]) -> None:
    """A simulation in which nothing happens would find nothing."""
    cover = Coverage()
    for line in runs:
        cover.add(Coverage.of(line["coverage"]))
    assert {
        "crash before",
        "crash after",
        "event doubled",
        "message doubled",
        "message dropped, sent again later",
        "message reordered",
        "time jumps",
        "waited for a lock",
        "write lost after",
        "call lost after",
    } <= set(cover.faults)
    assert {"buy", "hand_over"} <= set(cover.acts)
    assert len(cover.acts) > 7
    assert {"checkout placed", "checkout expired", "event order.refunded"} <= set(cover.ends)
    assert len(cover.crashes) > 40


def test_a_seed_replays_in_the_same_process_and_in_another(told_of: Told) -> None:
    hashes: dict[int, set[str]] = {}
    for line in told_of.runs:
        hashes.setdefault(line["seed"], set()).add(line["hash"])
    hashes[FIRST + 1].add(told_of.other.hashes[FIRST + 1])
    assert {seed: len(found) for seed, found in hashes.items()} == dict.fromkeys(hashes, 1)
    assert len({next(iter(found)) for found in hashes.values()}) == len(hashes)


@pytest.mark.parametrize("name", list(PLANTS))
def test_a_planted_bug_is_found(told_of: Told, name: str) -> None:
    [line] = [line for line in told_of.plants if line["plant"] == name]
    assert line["seed"] <= WITHIN
    assert line["found"]


def test_a_plan_is_its_seeds() -> None:
    assert Plan.of(7, 200) == Plan.of(7, 200)
    assert len({Plan.of(seed, 200) for seed in range(50)}) == 50
    points = [f"orders.placing.create: {n}" for n in range(400)]
    plan = next(one for one in (Plan.of(n, 200) for n in range(99)) if one.crash == 0.2)
    places = [plan.crash_at(point) for point in points]
    assert places == [plan.crash_at(point) for point in points]
    assert 40 < sum(place > 0 for place in places) < 120


@pytest.mark.parametrize("point", ["a.b: c", "provider.hold", "a point that is new"])
def test_every_point_is_due_in_its_share_of_the_seeds(point: str) -> None:
    """Without being listed anywhere, and as often after it as before."""
    met = Counter(due(seed, point) for seed in range(1, 2001))
    share = 2000 // EVERY
    assert met == {None: 2000 - share, "crash before": share // 2, "crash after": share // 2}
    assert share // 2 >= 2 * ENOUGH


def test_quiet_seeds_keep_nothing_from_its_turn() -> None:
    """A point that is due together with a quiet errand is due in enough other seeds."""
    plans = [Plan.of(seed, 200) for seed in range(1, 2001)]
    points = [f"orders.placing.create: {n}" for n in range(60)]
    points += [point for name in ERRANDS for point in ERRANDS[name]]
    for point in points:
        met = Counter(plan.due(point) for plan in plans)
        assert min(met["crash before"], met["crash after"]) >= ENOUGH, point


def test_somebody_goes_where_few_come(runs: list[dict[str, Any]]) -> None:
    """Every errand there is can be run, and those of these seeds were."""
    assert all(callable(getattr(Errands, name)) for name in ERRANDS)
    assert set(CUTS) <= set(ERRANDS)
    wanted = {name for line in runs for name in Plan.of(line["seed"], 200).errands}
    acts = {act for line in runs for act in line["coverage"]["acts"]}
    assert wanted
    assert {f"errand: {name}" for name in wanted} <= acts


def test_who_is_due_is_killed(runs: list[dict[str, Any]]) -> None:
    """Wherever a run comes by, as long as anybody is killed in it."""
    for line in runs:
        plan, cover = Plan.of(line["seed"], 200), Coverage.of(line["coverage"])
        end = line["trace"].index("      nobody is killed any more")
        gates = [GATE.fullmatch(one) for one in line["trace"][:end]]
        due_here = {
            gate[1]: verdict
            for gate in gates
            if gate and gate[1] in cover.passed and (verdict := plan.due(gate[1])) is not None
        }
        assert due_here
        for point, verdict in due_here.items():
            assert cover.crashes[f"{verdict.removeprefix('crash ')} {point}"] >= 1, point


def test_a_statement_tells_what_it_writes() -> None:
    sql = "WITH a AS (UPDATE orders.orders SET x = 1), b AS (INSERT INTO orders.outbox SELECT 1)"
    assert told(sql).writes == {"orders.orders", "orders.outbox"}
    assert told(sql).mail
    assert not told("SELECT 1 FROM orders.orders FOR UPDATE").writes
    assert told("SELECT until < clock_timestamp()").clock


@pytest.mark.parametrize(
    ("text", "found"), [("7", (7, 7)), ("1-2000", (1, 2000)), ("3-3", (3, 3))], ids=str
)
def test_seeds_are_written_as_numbers(text: str, found: tuple[int, int]) -> None:
    assert seeds_of(text) == found


@pytest.mark.parametrize("text", ["", "x", "9-3", "1-", "-4", "1-2-3"], ids=repr)
def test_other_words_are_no_seeds(text: str) -> None:
    with pytest.raises(Invalid):
        seeds_of(text)


def test_the_report_names_what_was_hit_too_seldom() -> None:
    cover = Coverage()
    cover.passed.update({"a.b: c": 90, "d.e: f": 50})
    cover.crashes.update({"before a.b: c": 20, "after a.b: c": 31, "before d.e: f": 40})
    said: list[str] = []
    seldom = report(Summary(5, {}, {}, 10, 1.0, cover), said.append)
    assert seldom == ["d.e: f"]
    assert any("1 of 2 crash points" in line for line in said)


def test_seeds_that_did_not_run_are_an_error() -> None:
    """A worker that ends at once, as one does that cannot start its database."""
    with pytest.raises(RuntimeError, match=r"0 of 3 seeds ran; .* status 1"):
        simulate(Ask(1, 3, worker="no_such_worker"), lambda line: None)


@pytest.mark.parametrize(
    ("seeds", "ends"), [({1, 2}, [0, 0]), ({1, 2, 3}, [0, 1]), ({1, 2, 3}, [-9, 0])], ids=str
)
def test_neither_a_seed_nor_a_worker_may_be_missing(seeds: set[int], ends: list[int]) -> None:
    ran = Summary(len(seeds), {}, dict.fromkeys(seeds, "hash"), 10, 1.0, Coverage())
    with pytest.raises(RuntimeError, match=f"{len(seeds)} of 3 seeds"):
        check_all_ran(Ask(1, 3), ran, ends)


def test_what_was_found_is_told_though_the_market_cannot_be_put_back() -> None:
    class Stuck:
        def settle_all(self) -> None:
            raise AssertionError("a run kept connections")

    world: Any = SimpleNamespace(plan=Plan.of(7, 200), touched=set())
    server: Any = Stuck()
    with pytest.raises(RuntimeError, match=r"seed 7: .*\n  sold twice") as raised:
        Stage(server).put_back(world, ["sold twice"])
    assert str(raised.value.__cause__) == "a run kept connections"
