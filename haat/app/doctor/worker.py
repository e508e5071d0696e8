"""The drill on a killed worker: kill -9 of the background worker while orders are settled."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from uuid import UUID

from haat.app.doctor.cards import GOOD
from haat.app.doctor.findings import Broken, Notes, NotRun, until
from haat.app.doctor.ward import Ward

ORDERS = 12
TAKEN_OVER_S = 60.0  # a lease of the dead one ends first, and its batch is begun again
MODULE, NAME = "haat.app.work", "haat-work"  # started by itself, or forked (haat.app.beside)


async def killed_worker(ward: Ward, notes: Notes, supervisor: int) -> None:
    """`supervisor` is the process id of the market's first process, on this machine."""
    workers = await asyncio.to_thread(workers_of, supervisor)
    if not workers:
        raise NotRun(f"no process below {supervisor} does the background work alone")
    placed = await asyncio.gather(
        *(ward.buy(f"worker:{n}", "worker", GOOD, customer=n) for n in range(ORDERS))
    )
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    notes.saw(f"{ORDERS} orders under way, kill -9 of process {', '.join(map(str, workers))}")
    ended = [await ward.outcome(bought, customer=n) for n, bought in enumerate(placed)]
    won: list[UUID] = [one.checkout_id for one in ended if one.is_placed and one.checkout_id]
    if len(won) != ORDERS:
        odd = sorted({one.told() for one in ended if not one.is_placed})
        raise Broken(f"{len(won)} of {ORDERS} checkouts were placed, the others: {', '.join(odd)}")

    async def again() -> list[int] | None:
        found = await asyncio.to_thread(workers_of, supervisor)
        return [pid for pid in found if pid not in workers] or None

    fresh = await until(
        again, ward.patience_s, lambda: "nobody starts the background worker again: the supervisor"
    )
    notes.saw(f"process {fresh[0]} was started {time.monotonic() - killed:.1f} s later")
    ward.patience_s, patience_s = ward.patience_s + TAKEN_OVER_S, ward.patience_s
    try:
        await ward.paid(won)
    finally:
        ward.patience_s = patience_s
    notes.saw(f"all {ORDERS} orders paid {time.monotonic() - killed:.1f} s after the kill")
    payments = [await ward.payment(id) for id in won]
    due = sum(payment.amount.minor for payment in payments)
    charged = await ward.cards.charged([payment.id for payment in payments])
    notes.saw(f"cards charged {charged} for orders of {due}")
    if charged != due:
        raise Broken(f"charged {charged} for orders of {due}: look at payments.capture")


def workers_of(supervisor: int) -> list[int]:
    """The background workers below this process, by the table of processes."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for pid, parent, line in _processes():
        parents[pid], lines[pid] = parent, line
    return [
        pid
        for pid, line in lines.items()
        if not {MODULE, NAME}.isdisjoint(line.split()) and supervisor in _above(pid, parents)
    ]


def _above(pid: int, parents: dict[int, int]) -> list[int]:
    found: list[int] = []
    while pid in parents and pid not in found:
        found.append(pid)
        pid = parents[pid]
    return [*found, pid]


def _processes() -> list[tuple[int, int, str]]:
    """(process id, its parent's, its name and command line)."""
    if not Path("/proc/self/stat").exists():
        return _listed()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            # Behind the name, which may hold anything: state, then the parent.
            about, _, after = folder.joinpath("stat").read_text().rpartition(")")
            parent, name = after.split()[1], about.partition("(")[2]
            line = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked, or is nobody's business
        found.append((int(folder.name), int(parent), f"{name} {line}"))
    return found


def _listed() -> list[tuple[int, int, str]]:
    """Where there is no /proc."""
    try:
        done = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,args="],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(None, 2) for line in done.stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]
