"""Which processes of a market there are to be killed, by kind."""

import contextlib
from collections.abc import Iterable, Mapping

import psutil

from haat.app.beside import NAME as WORKER

CARDS = "haat.domains.money.payments.providers.testcard"
SERVING, COMMAND = "haat.app.serving", "haat.app.cli"


def by_kind(family: Iterable[psutil.Process]) -> dict[str, list[psutil.Process]]:
    """Those that can be killed one at a time; helpers of theirs are left out."""
    found: dict[str, list[psutil.Process]] = {}
    there = {one.pid: one for one in family}
    for one in there.values():
        with contextlib.suppress(psutil.Error):
            kind = _kind(one, there)
            if kind and one.status() != psutil.STATUS_ZOMBIE:
                found.setdefault(kind, []).append(one)
    return found


def _kind(one: psutil.Process, there: Mapping[int, psutil.Process]) -> str:
    words = one.cmdline()
    parent = there.get(one.ppid())
    name = one.name()
    if name.startswith("postgres"):
        is_child = parent is not None and parent.name().startswith("postgres")
        if not is_child:
            return "PostgreSQL"
        return "SQL connection" if " 127.0.0.1(" in " ".join(words) else ""
    if name.startswith(("nats-server", "valkey-server")):
        return "NATS" if name.startswith("nats") else "Valkey"
    if CARDS in words:
        return "provider"
    if name == WORKER:
        return "background worker"
    if SERVING in words:
        return _server(one, parent)
    if COMMAND in words and "engines" in words:
        return "engines"
    return ""


def _server(one: psutil.Process, parent: psutil.Process | None) -> str:
    """The process that listens, or one of those that answer; by its part in a split market."""
    target = one.environ().get("HAAT_TARGET", "all")
    is_worker = parent is not None and SERVING in parent.cmdline()
    role = "worker" if is_worker else "server"
    return f"web {role}" if target in ("all", "web") else f"{target} {role}"
