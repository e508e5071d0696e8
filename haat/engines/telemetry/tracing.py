"""Spans, only where an OpenTelemetry endpoint is set; otherwise nothing is even imported."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

_NO_SPAN: AbstractContextManager[None] = nullcontext()


class Tracing:
    """This process's tracer; None while tracing is off."""

    tracer: ClassVar[Any] = None
    provider: ClassVar[Any] = None


def set_up_tracing(endpoint: str | None, *, service: str = "haat") -> None:
    """Send spans to this OTLP/HTTP endpoint ("http://collector:4318"); None or "" leaves it off."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    url = endpoint.rstrip("/")
    url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=5)))
    Tracing.provider = provider
    Tracing.tracer = provider.get_tracer("haat")


def stop_tracing() -> None:
    """Send what is left and turn tracing off."""
    if Tracing.provider is not None:
        Tracing.provider.shutdown()
    Tracing.provider = Tracing.tracer = None


def span(
    name: str, *, parent: Mapping[str, str] | None = None, **attributes: Any
) -> AbstractContextManager[Any]:
    """A span around a block; nothing when tracing is off. `parent` is the caller's `traceparent`
    among its headers; exceptions are recorded."""
    if Tracing.tracer is None:
        return _NO_SPAN
    context = None
    if parent and "traceparent" in parent:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(dict(parent))
    started: AbstractContextManager[Any] = Tracing.tracer.start_as_current_span(
        name, context=context, attributes=attributes
    )
    return started


def trace_headers() -> dict[str, str]:
    """The `traceparent` header of the current span (W3C Trace Context); empty when off."""
    if Tracing.tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier
