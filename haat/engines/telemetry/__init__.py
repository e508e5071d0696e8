"""What a process tells about itself: logs, metrics and, where an endpoint is set, spans."""

from haat.engines.telemetry.access import AccessLog
from haat.engines.telemetry.logs import bind_request, scrub, set_up_logs
from haat.engines.telemetry.metrics import (
    call_seconds,
    counter,
    forget_worker,
    gauge,
    histogram,
    http_seconds,
    metrics_app,
    render_metrics,
)
from haat.engines.telemetry.tracing import set_up_tracing, span, stop_tracing, trace_headers

__all__ = [
    "AccessLog",
    "bind_request",
    "call_seconds",
    "counter",
    "forget_worker",
    "gauge",
    "histogram",
    "http_seconds",
    "metrics_app",
    "render_metrics",
    "scrub",
    "set_up_logs",
    "set_up_tracing",
    "span",
    "stop_tracing",
    "trace_headers",
]
