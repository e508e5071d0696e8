"""Logs: one JSON object a line for machines, one plain line for people at a terminal.

Nothing personal and no secret belongs in a log; what gets into one by mistake is hidden here:
first by its type (`haat.kernel.personal`), then by its name, then by what it looks like. Settings
that are secrets are known by their value.
"""

import atexit
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, TextIO

import structlog

from haat.engines.telemetry.forwarding import Forwarding
from haat.kernel.personal import Personal

HIDDEN = "***"
_SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key|card_?number|cvc|cvv|e_?mail"
    r"|phone|iban|line1|line2|postal_?code|recipient|holder",
    re.I,
)
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]{0,64}:)[^/\s@]{1,256}@")
# What PostgreSQL adds to an error: the row or key that was refused, as it stands in the table.
_ROW = re.compile(r"(?:Key \(|Failing row contains|DETAIL:|unnamed portal parameter)[^\n]*")
# Thirteen to nineteen digits, parted or not: a card's number when its last digit says so.
_DIGITS = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_SECRET_MIN_CHARS = 8
# In every line, and never anything but our own words (a request id is bounded where it comes in).
_OURS = frozenset({"at", "level", "method", "route", "request_id", "ms", "status"})
_DEPTH_MAX = 6
_ALARMING = ("warning", "error", "critical")
_REPEAT_S = 10.0
_KINDS_MAX = 200
# What structlog puts in the place of a method whose level is not written.
_NOTHING = structlog.make_filtering_bound_logger(logging.CRITICAL).debug


def set_up_logs(
    level: str = "info",
    *,
    stream: TextIO | None = None,
    file: Path | None = None,
    forward: str = "",
    secrets: Iterable[str] = (),
) -> None:
    """Send structlog and the standard library's logging to `stream` (default: stderr).

    JSON when the stream is no terminal or HAAT_LOG_FORMAT is "json"; HAAT_LOG_FORMAT="text" forces
    plain lines. `level` is debug, info, warning or error. With `file`, all goes there as JSON, and
    warnings and worse to the stream as well, as plain lines. Each line goes to the collector at
    `forward`, too (`haat.engines.telemetry.forwarding`). `secrets` are never written, whatever they
    stand in; an exception that ends the process is written as an error.
    """
    hide = Hide(secrets)
    out = stream or sys.stderr
    wanted = os.environ.get("HAAT_LOG_FORMAT", "")
    as_json = wanted == "json" or (wanted != "text" and not out.isatty())
    also: list[Any] = []
    if file is not None:
        also, as_json = [_Loud(out)], True
        # Lines of several processes: each is one write at the file's end.
        out = file.open("a", encoding="utf-8", buffering=1)
    if forward:
        forwarding = Forwarding(forward)
        atexit.register(forwarding.close)
        also.append(forwarding)
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
    sys.excepthook = _last_words
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


def shows(level: str) -> bool:
    """Whether a line of this level is written at all: on paths where even a logger that writes
    nothing costs more than the rest."""
    wrapper = structlog.get_config()["wrapper_class"]
    return getattr(wrapper, level, None) is not _NOTHING


def bind_request(request_id: str) -> None:
    """Every line logged by this task from now on carries the request id."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


class Hide:
    """A structlog processor: what is personal, secrets and e-mail addresses become stars."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {one for one in secrets if len(one) >= _SECRET_MIN_CHARS}
        self._secrets = sorted(known, key=len, reverse=True)

    def __call__(
        self, _logger: Any, _name: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        return {
            key: value if key in _OURS else self._hidden(key, value, 0)
            for key, value in event.items()
        }

    def _hidden(self, key: str, value: Any, depth: int) -> Any:
        if isinstance(value, Personal):
            return repr(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SECRET_NAMES.search(key):
            return HIDDEN
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, bytes):
            return f"<{len(value)} bytes>"
        if depth < _DEPTH_MAX and isinstance(value, Mapping):
            return {str(k): self._hidden(str(k), v, depth + 1) for k, v in value.items()}
        if depth < _DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
            return [self._hidden("", v, depth + 1) for v in value]
        # A model's `str` shows its texts in the clear where its `repr` masks them.
        return self.scrub(repr(value) if hasattr(value, "model_fields_set") else str(value))

    def scrub(self, text: str) -> str:
        """`text` without the secrets that are known, and what `scrub` finds."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return scrub(text)


def scrub(text: str) -> str:
    """`text` without e-mail addresses, tokens, passwords in URLs, numbers of cards and accounts,
    and rows that a database quotes."""
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)
    if "@" in text:
        text = _EMAIL.sub(HIDDEN, text)
    if len(text) <= 12:
        return text
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    if "DETAIL" in text or "Key (" in text or "Failing row" in text:
        text = _ROW.sub(HIDDEN, text)
    text = _DIGITS.sub(lambda found: HIDDEN if _is_card(found[0]) else found[0], text)
    return _IBAN.sub(lambda found: HIDDEN if _is_iban(found[0]) else found[0], text)


def _is_card(text: str) -> bool:
    """Whether the last digit is the one that ISO/IEC 7812 asks for (Luhn)."""
    digits = [int(one) for one in text if one.isdigit()][::-1]
    doubled = (sum(divmod(2 * one, 10)) for one in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the two digits are those that ISO 13616 asks for."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _last_words(
    kind: type[BaseException], error: BaseException, story: TracebackType | None
) -> None:
    """What Python would print before the end, with what is secret in it hidden."""
    if issubclass(kind, Exception):
        structlog.get_logger("haat").error("process_failed", exc_info=(kind, error, story))
    else:
        sys.__excepthook__(kind, error, story)


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
