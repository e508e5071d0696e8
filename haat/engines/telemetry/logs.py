"""Logs: one JSON object a line for machines, one plain line for people at a terminal.

Nothing personal and no secret belongs in a log; what gets into one by mistake is hidden here.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

import structlog

HIDDEN = "***"
_SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key|card_?number|cvc|cvv", re.I
)
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]{0,64}:)[^/\s@]{1,256}@")
_DEPTH_MAX = 6
_ALARMING = ("warning", "error", "critical")
_REPEAT_S = 10.0
_KINDS_MAX = 200


def set_up_logs(
    level: str = "info", *, stream: TextIO | None = None, file: Path | None = None
) -> None:
    """Send structlog and the standard library's logging to `stream` (default: stderr).

    JSON when the stream is no terminal or HAAT_LOG_FORMAT is "json"; HAAT_LOG_FORMAT="text" forces
    plain lines. `level` is debug, info, warning or error. With `file`, all goes there as JSON, and
    warnings and worse to the stream as well, as plain lines.
    """
    out = stream or sys.stderr
    wanted = os.environ.get("HAAT_LOG_FORMAT", "")
    as_json = wanted == "json" or (wanted != "text" and not out.isatty())
    also: list[Any] = []
    if file is not None:
        also, as_json = [_Loud(out)], True
        # Lines of several processes: each is one write at the file's end.
        out = file.open("a", encoding="utf-8", buffering=1)
    number = logging.getLevelNamesMapping()[level.upper()]
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        hide,
    ]
    last: Any = (
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False) if as_json else _line
    )
    structlog.configure(
        processors=[*chain[:2], *chain[3:], *also, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*chain[:4]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide,
                *also,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for chatty in ("httpx", "httpcore", "asyncio", "PIL"):
        logging.getLogger(chatty).setLevel(max(number, logging.WARNING))


class _Loud:
    """A processor: warnings and worse go to a stream as plain lines, too.

    Each kind once in a while, and its story only when it is an error: the file has it all.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._quiet_until: dict[str, float] = {}

    def __call__(
        self, logger: Any, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        level, kind, now = event.get("level"), str(event.get("event"))[:40], monotonic()
        if level not in _ALARMING or now < self._quiet_until.get(kind, 0.0):
            return event
        if len(self._quiet_until) > _KINDS_MAX:
            self._quiet_until.clear()
        self._quiet_until[kind] = now + _REPEAT_S
        shown = dict(event)
        if level == "warning":
            shown.pop("exception", None)
        with suppress(OSError, ValueError):  # a terminal that is gone
            self._stream.write(_line(logger, name, shown) + "\n")
            self._stream.flush()
        return event


def bind_request(request_id: str) -> None:
    """Every line logged by this task from now on carries the request id."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


def hide(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: secrets and e-mail addresses become stars."""
    return {key: _hidden(key, value, 0) for key, value in event.items()}


def _hidden(key: str, value: Any, depth: int) -> Any:
    if _SECRET_NAMES.search(key) and not isinstance(value, bool | int):
        return HIDDEN
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if depth < _DEPTH_MAX and isinstance(value, Mapping):
        return {str(k): _hidden(str(k), v, depth + 1) for k, v in value.items()}
    if depth < _DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
        return [_hidden("", v, depth + 1) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return scrub(str(value))


def scrub(text: str) -> str:
    """`text` without e-mail addresses, tokens and passwords in URLs."""
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)
    if "@" in text:
        text = _EMAIL.sub(HIDDEN, text)
    return _BEARER.sub(rf"\1 {HIDDEN}", text) if len(text) > 12 else text


def _line(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    """'12:04:01 info   order_placed  id=… total=…', a traceback below."""
    at = str(event.pop("at", ""))[11:19]
    level = str(event.pop("level", ""))
    what = str(event.pop("event", ""))
    trace = event.pop("exception", None)
    rest = " ".join(f"{key}={value}" for key, value in event.items())
    # A line break in a value must not look like a line of its own.
    line = f"{at} {level:<7} {what}  {rest}".rstrip().replace("\n", "\\n").replace("\r", "\\r")
    return f"{line}\n{trace}" if trace else line
