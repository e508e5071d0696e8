"""What a process tells: readable, complete, and without secrets."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from haat.engines.http import Limits
from haat.engines.telemetry import (
    AccessLog,
    metrics_app,
    set_up_logs,
    set_up_tracing,
    span,
    stop_tracing,
    trace_headers,
)
from haat.engines.telemetry.tracing import Tracing


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    out = io.StringIO()
    set_up_logs("info", stream=out)
    yield out
    structlog.contextvars.clear_contextvars()
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_lines_are_json(lines: io.StringIO) -> None:
    structlog.get_logger("x").info("order_placed", order="o-1", total=5, text="two\nlines")
    structlog.get_logger("x").debug("not this")
    logging.getLogger("other").warning("from %s", "elsewhere", extra={"order": "o-2"})
    first, second = logged(lines)
    assert first["at"].endswith("Z")
    assert (first["event"], first["level"], first["total"]) == ("order_placed", "info", 5)
    assert (second["event"], second["level"]) == ("from elsewhere", "warning")
    assert second["order"] == "o-2"


def test_tracebacks_are_in_the_line(lines: io.StringIO) -> None:
    try:
        raise RuntimeError("broken for ann@example.org")
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
        logging.getLogger("other").exception("failed too")
    for line in logged(lines):
        assert "RuntimeError: broken for ***" in line["exception"]


def test_secrets_and_addresses_are_hidden(lines: io.StringIO) -> None:
    structlog.get_logger().info(
        "sign_in of ann.smith+x@example.co.uk",
        password="hunter2",
        refresh_token="abc",
        Authorization="Bearer abcdefghijkl",
        note="used Bearer abcdefghijkl.mno at postgresql://haat:geheim@db/haat",
        body={"cardNumber": "4242", "to": ["bob@example.org"], "deep": {"api_key": "k"}},
        tokens=3,
        raw=b"bytes",
    )
    text = lines.getvalue()
    for secret in ("hunter2", "abcdefghijkl", "geheim", "4242", "@example", '"k"', "abc"):
        assert secret not in text, secret
    assert logged(lines)[0]["tokens"] == 3


def test_lines_for_people(monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
    monkeypatch.setenv("HAAT_LOG_FORMAT", "text")
    out = io.StringIO()
    set_up_logs("warning", stream=out)
    structlog.get_logger().info("not this")
    structlog.get_logger().warning("order_placed", order="o-1", note="x\n00:00:00 error faked")
    logging.getLogger("other").error("also")
    first, second = out.getvalue().splitlines()
    assert " warning order_placed  order=o-1 note=x\\n00:00:00 error faked" in first
    assert " error   also" in second


async def plain_app(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("file")(scope, receive, send)


def shop() -> FastAPI:
    async def plain(request: Request) -> Response:
        return Response("plain")

    routes = [Route("/metrics", metrics_app), Route("/plain/{colour}/hat", plain)]
    app = FastAPI(routes=[*routes, Mount("/mounted/in", routes=routes)])
    app.mount("/files", plain_app)
    inner = APIRouter(prefix="/hats")

    @inner.get("/{id}")
    async def hat(id: str) -> str:
        structlog.get_logger().info("inside")
        if id == "broken":
            raise RuntimeError("no")
        return id

    outer = APIRouter(prefix="/v1")
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    app.add_middleware(AccessLog)
    app.add_middleware(Limits)
    return app


async def test_requests_are_logged_by_template(lines: io.StringIO) -> None:
    transport = httpx.ASGITransport(shop())
    async with httpx.AsyncClient(transport=transport, base_url="http://haat") as client:
        answer = await client.get("/api/v1/hats/ann?q=secret", headers={"x-request-id": "r-77"})
        assert answer.status_code == 200
        assert (await client.get("/nothing/personal")).status_code == 404
        assert (await client.get("/api/v1/hats/broken")).status_code == 500
        metrics = (await client.get("/metrics")).text
    found = logged(lines)
    done = [(e["route"], e["status"]) for e in found if e["event"] == "request"]
    assert done == [("/api/v1/hats/{id}", 200), ("unknown", 404), ("/api/v1/hats/{id}", 500)]
    assert [e["request_id"] for e in found[:2]] == ["r-77", "r-77"]
    assert found[0]["event"] == "inside"
    assert "RuntimeError: no" in next(e["exception"] for e in found if "exception" in e)
    assert "secret" not in lines.getvalue()
    assert "personal" not in lines.getvalue()
    wanted = 'haat_http_seconds_count{method="GET",route="/api/v1/hats/{id}",status="200"} 1.0'
    assert wanted in metrics


async def test_templates_are_as_many_as_routes(lines: io.StringIO) -> None:
    transport = httpx.ASGITransport(shop())
    async with httpx.AsyncClient(transport=transport, base_url="http://haat") as client:
        for path in ("/plain/red/hat", "/mounted/in/plain/red/hat", "/files/a/b", "/mounted/in/x"):
            await client.get(path)
        await client.request("HACK", "/plain/red/hat")
    found = [e for e in logged(lines) if e["event"] == "request"]
    assert [e["route"] for e in found] == [
        "/plain/{colour}/hat",
        "/mounted/in/plain/{colour}/hat",
        "/files/*",
        "/mounted/in/*",
        "/plain/{colour}/hat",
    ]
    assert found[-1]["method"] == "unknown"


COUNTING = """
from haat.engines.telemetry import call_seconds, gauge, render_metrics
for n in range(3):
    call_seconds("hats", "hat", "ok").observe(0.01)
gauge("haat_test_backlog", "Waiting.", "bus").labels("x").set(4)
print(render_metrics().decode())
"""


@pytest.mark.parametrize(("shared", "counts"), [(True, [3, 6]), (False, [3, 3])])
def test_workers_count_together(tmp_path: Path, shared: bool, counts: list[int]) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PROMETHEUS_MULTIPROC_DIR"}
    if shared:
        env["PROMETHEUS_MULTIPROC_DIR"] = str(tmp_path)
    for count in counts:
        made = subprocess.run(
            [sys.executable, "-c", COUNTING],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        name = 'haat_call_seconds_count{contract="hats",method="hat",outcome="ok"}'
        assert f"{name} {count}.0" in made.stdout
        assert 'haat_test_backlog{bus="x"} 4.0' in made.stdout


def test_spans_are_nothing_while_tracing_is_off() -> None:
    assert Tracing.tracer is None
    with span("anything", colour="red"):
        assert trace_headers() == {}


def test_spans_carry_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(Tracing, "tracer", provider.get_tracer("test"))
    with span("outer"):
        headers = trace_headers()
    with pytest.raises(ValueError), span("inner", parent=headers, contract="hats"):
        raise ValueError
    outer, inner = kept.get_finished_spans()
    assert outer.context is not None
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert dict(inner.attributes or {}) == {"contract": "hats"}
    assert not inner.status.is_ok


def test_tracing_is_set_up_by_its_endpoint() -> None:
    set_up_tracing(None)
    set_up_tracing("")
    assert Tracing.tracer is None
    set_up_tracing("http://127.0.0.1:9")
    try:
        assert Tracing.tracer is not None
    finally:
        stop_tracing()
    assert Tracing.tracer is None


def test_tracing_costs_nothing_at_start() -> None:
    code = "import haat.engines.rpc, sys; sys.exit('opentelemetry.sdk' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
