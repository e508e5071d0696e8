"""Prometheus metrics of one process, or of all workers of an installation together.

Where the supervisor sets PROMETHEUS_MULTIPROC_DIR before it starts its workers, each worker keeps
its counts in that folder and any of them answers for all; otherwise a process answers for itself.
"""

import os
from functools import cache
from typing import Protocol

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

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Observed(Protocol):
    """Takes one measurement, in seconds."""

    def observe(self, amount: float) -> None: ...


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
    return every.labels(contract, method, outcome)


def http_seconds(method: str, route: str, status: str) -> Observed:
    """Time of HTTP requests. `route` is a template such as /api/v1/products/{id}."""
    every = histogram("haat_http_seconds", "Time of a request.", "method", "route", "status")
    return every.labels(method, route, status)


def render_metrics() -> bytes:
    """Everything counted so far, in Prometheus' text format."""
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
