"""Kills random processes of a market under load; afterwards every invariant must hold.

    python -m bench.chaos --kills 100 --checkouts 10000 --shape all
    python -m bench.chaos --kills 100 --checkouts 10000 --shape split --bus nats

16 buyers buy over HTTP and send again, with the same idempotency key, what got no answer. The kills
are spread evenly over the checkouts and the kinds of process; now and then a second one dies while
the market gets over the first. Afterwards: every order that a client was told of is there, paid by
one charge of its own, its goods gone from the shelf once; nothing is half done, reserved or held by
the provider; every event was heard once by each subscriber and its part done once; there is no dead
letter, and `haat prove` finds nothing. Exit status 1 otherwise; the table comes in any case.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.chaos.books import drained
from bench.chaos.buyers import CARDS, Buyers, Told
from bench.chaos.killer import Killer, NotRecovered, rows
from bench.chaos.shapes import Shape, running
from bench.load import table
from tests.journeys.box import Box
from tests.journeys.scene import open_shop

VENDORS = 4
STOCK = 1_000_000
DRAINED_S = 180.0
GOOD = "4242424242424242"
ERRORS_SHOWN = 20
ERROR_CHARS = 1_500


async def chaos(shape: Shape, given: argparse.Namespace, folder: Path) -> int:
    """The exit status."""
    async with shape.scene() as box:
        shops = [
            await open_shop(box, f"Chaos House {n}", price=700 + n, stock=STOCK)
            for n in range(1, VENDORS + 1)
        ]
        tokens = await _tokens(box)
    offers = [shop.offer for shop in shops]
    books = shape.books()
    buyers = Buyers(shape.address, offers, tokens, given.seed)
    killer = Killer(shape, books, buyers, offers[0], tokens[0], given.seed)
    began = time.monotonic()
    found: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(buyers.buy(given.checkouts, given.buyers))
            group.create_task(killer.go(given.kills, given.checkouts))
    except* NotRecovered as errors:
        found += [f"not recovered: {error}" for error in errors.exceptions]
    load_s = time.monotonic() - began
    try:
        drain_s = await drained(books, DRAINED_S)
        found += await books.violations(buyers.told.placed.values())
    except AssertionError as error:
        drain_s = DRAINED_S
        found.append(str(error))
    found += [f"checkout {key} was never told how it ended" for key in buyers.told.stuck]
    proved = await asyncio.to_thread(shape.prove)
    if proved.returncode != 0:
        found.append(f"prove: {(proved.stdout + proved.stderr).strip()}")
    _tell(killer, buyers.told, load_s, drain_s, proved.stdout)
    if buyers.told.failed["500"]:
        for text, count in _errors_below(folder).most_common(ERRORS_SHOWN):
            print(f"logged {count} x {text}", flush=True)
    for line in found:
        print(f"BROKEN: {line}", flush=True)
    return 1 if found else 0


async def _tokens(box: Box) -> list[str]:
    """Card tokens, each as often as its card is used; the good one first."""
    numbers = sorted(CARDS, key=lambda number: number != GOOD)
    return [token for n in numbers for token in [await box.token(n)] * CARDS[n]]


def _errors_below(folder: Path) -> Counter[str]:
    """What all processes logged as errors, by what it was: who got a 500 asks why."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("level") in ("error", "critical"):
                what = str(said.get("exception") or said.get("error") or "").strip()
                where = said.get("call") or said.get("route") or ""
                found[f"{path.parent.name}: {said.get('event')} {where} {what[-ERROR_CHARS:]}"] += 1
    return found


def _tell(killer: Killer, told: Told, load_s: float, drain_s: float, proved: str) -> None:
    print(f"\n{table(rows(killer.killed))}\n")
    others = ", ".join(f"{n} {how}" for how, n in told.ended.most_common()) or "none"
    failed = ", ".join(f"{n} × {why}" for why, n in told.failed.most_common()) or "none"
    rate = told.done / load_s if load_s else 0
    print(f"orders {len(told.placed)}; ended otherwise: {others}")
    print(f"requests that failed: {failed}; sent again: {told.retried}")
    print(f"load {load_s:.0f} s, {rate:.1f} checkouts/s; drained after {drain_s:.1f} s")
    print(proved.strip())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    add = parser.add_argument
    add("--kills", type=int, default=20)
    add("--checkouts", type=int, default=1_000)
    add("--buyers", type=int, default=16)
    add("--shape", choices=["all", "split"], default="all")
    add("--bus", choices=["postgres", "nats"], default="postgres", help="of the split shape")
    add("--workers", type=int, default=2, help="HTTP workers of the shape all")
    add("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haat-chaos-")))
        folder.chmod(0o755)
        print(f"shape {given.shape}, seed {given.seed}", flush=True)
        began = time.monotonic()
        shape = stack.enter_context(
            running(given.shape, folder, workers=given.workers, bus=given.bus)
        )
        print(f"open after {time.monotonic() - began:.1f} s", flush=True)
        return asyncio.run(chaos(shape, given, folder))


if __name__ == "__main__":
    sys.exit(main())
