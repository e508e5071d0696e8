"""Three bugs that the simulation must find: `python -m tests.sim.planted stock|capture|ack`.

    stock    a reservation reads what is left, and then writes what it read less what it takes
    capture  each capture is sent to the provider under a key of its own
    ack      an event is acknowledged before what follows from it is committed

It runs seed after seed until one fails, and tells after how many that was. `--check` and
`--find-all` are what test_scheduled.py runs in processes of their own: some seeds, and each bug.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from haat.app.sim.jobs import Ask, as_line, default_jobs, simulate
from haat.app.sim.process import Process
from haat.app.sim.running import Stage, stage
from haat.app.sim.worker import work
from haat.app.sim.world import World
from haat.domains.goods.inventory.api import OutOfStock, Reservation
from haat.domains.goods.inventory.module import MODULE as INVENTORY
from haat.domains.money.payments.module import SimulatedCards
from haat.engines.bus.consumer import Consumer
from haat.kernel.chance import chance
from haat.kernel.module import Module

WITHIN = 300  # seeds
STEPS = 200

_LEFT = """
SELECT DISTINCT ON (offer_id) offer_id, warehouse_id, on_hand, reserved FROM inventory.stock
 WHERE offer_id = ANY($1::uuid[]) ORDER BY offer_id, on_hand - reserved DESC"""
_BORN = """
INSERT INTO inventory.reservations
       (id, state, offers, quantities, warehouses, created_at, expires_at)
VALUES ($1, 'held', $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING"""
_WRITE = """
UPDATE inventory.stock s SET reserved = t.reserved
  FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS t (offer_id, warehouse_id, reserved)
 WHERE s.offer_id = t.offer_id AND s.warehouse_id = t.warehouse_id"""


class Careless(INVENTORY.service):  # type: ignore[misc, name-defined]
    """Checks, then acts."""

    async def reserve(
        self, ctx: Any, *, id: UUID, lines: list[Any], ttl_s: int, country: str | None = None
    ) -> Reservation:
        if await self.reservations(ctx, ids=[id]):
            again = await super().reserve(ctx, id=id, lines=lines, ttl_s=ttl_s, country=country)
            return Reservation.model_validate(again)
        wanted = {line.offer_id: line.quantity for line in lines}
        rows = await self._db.fetch(_LEFT, list(wanted))
        if any(row["on_hand"] - row["reserved"] < wanted[row["offer_id"]] for row in rows):
            raise OutOfStock(offers=[])
        offers = [row["offer_id"] for row in rows]
        places = [row["warehouse_id"] for row in rows]
        counts = [wanted[offer] for offer in offers]
        ends = ctx.now() + timedelta(seconds=ttl_s)
        if await self._db.execute(_BORN, id, offers, counts, places, ctx.now(), ends):
            after = [row["reserved"] + wanted[row["offer_id"]] for row in rows]
            await self._db.execute(_WRITE, offers, places, after)
        return Reservation(id=id, state="held", expires_at=ends)


class CarelessStock(World):
    def made_of(self, modules: tuple[Module, ...]) -> tuple[Module, ...]:
        return tuple(
            replace(module, service=Careless) if module.name == "inventory" else module
            for module in modules
        )


class FreshKeys(SimulatedCards):
    """Whoever asks again, asks for something new."""

    def key(self, id: UUID) -> str:
        return f"capture:{chance().bits(64)}"


class CarelessCapture(World):
    cards = FreshKeys


class Hasty(Consumer):
    """Says that it is done before it begins."""

    async def _attempt(self, run: Sequence[Any]) -> Exception | None:
        await self._done(run)
        await self._acknowledge()
        return await super()._attempt(run)


class HastyProcess(Process):
    consumer = Hasty


class CarelessAck(World):
    kind = HastyProcess


PLANTS: dict[str, type[World]] = {
    "stock": CarelessStock,
    "capture": CarelessCapture,
    "ack": CarelessAck,
}


def find(name: str, *, first: int = 1, last: int = WITHIN, jobs: int = 1) -> dict[int, list[str]]:
    """The seeds that failed, until the first did; what they found."""
    ask = Ask(
        first, last, jobs=jobs, until_found=True, worker="tests.sim.planted", extra=("--work", name)
    )
    return simulate(ask, lambda line: None).failed


def check(first: int, last: int) -> None:
    """On one stage: these seeds, and the first once more."""
    with stage() as ready:
        for seed in (*range(first, last + 1), first):
            sys.stdout.write(as_line(ready.run(seed, STEPS)) + "\n")


def find_all(file: Path, ready: Stage) -> None:
    """Each plant, until a seed finds it: a line of the file tells which, and what it found."""
    lines = []
    for name, kind in PLANTS.items():
        for seed in range(1, WITHIN + 1):
            found = ready.run(seed, STEPS, kind).found
            if found:
                lines.append(json.dumps({"plant": name, "seed": seed, "found": found}))
                break
    file.write_text("\n".join(lines))


def main() -> None:
    if sys.argv[1:2] == ["--check"]:
        check(int(sys.argv[2]), int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--find-all"]:
        work(World, sys.argv[3:], partial(find_all, Path(sys.argv[2])))
        return
    if sys.argv[1:2] == ["--work"]:
        work(PLANTS[sys.argv[2]], sys.argv[3:])
        return
    for name in sys.argv[1:] or PLANTS:
        failed = find(name, jobs=default_jobs())
        for seed, lines in failed.items():
            print(f"{name}: found by seed {seed}: {lines[0][:200]}")
        if not failed:
            print(f"{name}: not found within {WITHIN} seeds")
            raise SystemExit(1)


if __name__ == "__main__":
    main()
