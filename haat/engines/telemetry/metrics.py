"""Prometheus metrics of one process, or of all workers of an installation together.

Where the supervisor sets PROMETHEUS_MULTIPROC_DIR before it starts its workers, each worker keeps
its counts in that folder and any of them answers for all; otherwise a process answers for itself.
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import Response

_LATER_S = 2.0
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Observed(Protocol):
    """Takes one measurement, in seconds."""

    def observe(self, amount: float) -> None: ...


class Pending:
    """Measurements of this process that are not in the histograms yet.

    A histogram that all workers share is a mapped file: putting a measurement there costs as much
    as many a call that is measured. They are put there together, two seconds later: whoever reads
    them asks every fifteen or so.
    """

    def __init__(self) -> None:
        self._waiting: list[_Collected] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: "_Collected") -> None:
        self._waiting.append(one)
        if self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                self._timer = loop.call_later(_LATER_S, self.flush)

    def flush(self) -> None:
        """Puts everything measured so far where it is read."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.flush()


@cache
def pending() -> Pending:
    """This process's."""
    return Pending()


class _Collected:
    """A histogram with certain labels; what it takes waits in `pending`."""

    __slots__ = ("_histogram", "_pending", "_seen")

    def __init__(self, histogram: Any, pending: Pending) -> None:
        self._histogram = histogram
        self._pending = pending
        self._seen: list[float] = []

    def observe(self, amount: float) -> None:
        seen = self._seen
        seen.append(amount)
        if len(seen) == 1:
            self._pending.add(self)

    def flush(self) -> None:
        seen, self._seen = self._seen, []
        counts: dict[int, int] = {}
        for amount in seen:
            place = bisect_left(_BUCKETS, amount)
            counts[place] = counts.get(place, 0) + 1
        add_to(self._histogram, sum(seen), counts)


def add_to(histogram: Any, total: float, counts: dict[int, int]) -> None:
    """Many measurements at once: their sum, and how many fell into which bucket. The library has
    no way in for that; its own `observe` does just this for one."""
    increase: Callable[[float], None] = histogram._sum.inc
    increase(total)
    for place, count in counts.items():
        histogram._buckets[place].inc(count)


@cache
def histogram(name: str, help: str, *labels: str) -> Histogram:
    """The histogram of that name, in seconds from 1 ms to 30 s."""
    return Histogram(name, help, labels, buckets=_BUCKETS)


@cache
def counter(name: str, help: str, *labels: str) -> Counter:
    """The counter of that name."""
    return Counter(name, help, labels)


@cache
def gauge(name: str, help: str, *labels: str) -> Gauge:
    """The gauge of that name; of several workers the one set last counts."""
    return Gauge(name, help, labels, multiprocess_mode="mostrecent")


def call_seconds(contract: str, method: str, outcome: str) -> Observed:
    """Time of contract calls. `outcome` is ok, refused (4xx), unavailable (5xx) or failed."""
    every = histogram(
        "haat_call_seconds", "Time of a contract call.", "contract", "method", "outcome"
    )
    return _Collected(every.labels(contract, method, outcome), pending())


def http_seconds(method: str, route: str, status: str) -> Observed:
    """Time of HTTP requests. `route` is a template such as /api/v1/products/{id}."""
    every = histogram("haat_http_seconds", "Time of a request.", "method", "route", "status")
    return _Collected(every.labels(method, route, status), pending())


def render_metrics() -> bytes:
    """Everything counted so far, in Prometheus' text format."""
    pending().flush()
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder or not os.path.isdir(folder):
        return generate_latest(REGISTRY)
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


async def metrics_app(request: Request) -> Response:
    """The endpoint to mount at /metrics."""
    return Response(render_metrics(), headers={"content-type": CONTENT_TYPE_LATEST})


def forget_worker(pid: int) -> None:
    """What the supervisor calls when a worker is gone: its live gauges no longer count."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]
