"""`haat seed demo`: fills a fresh market, once. Killed at any moment, it goes on at the next start.

The state file in the data folder says since when and whether it is done, so that a start with
nothing to do costs nothing. Little is imported before that is known.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from haat.app.settings import AppSettings

if TYPE_CHECKING:
    from haat.app.seeding.plan import Size

VERSION = 1
SETUP_DAYS = 4  # before the first order
READY_WAIT_S = 20
# For the modules of this process. Mails to nobody are not written; passwords that are public
# anyway are hashed cheaply; an address that the card network refuses keeps it from sending a
# thousand webhooks to a market that is not open yet (every answer is known without them).
ENVIRONMENT = {
    "HAAT_NOTIFY_BY_MAIL": "0",
    "HAAT_EMAIL_VERIFICATION": "off",  # nobody reads what is sent to the demo's people
    "HAAT_PASSWORD_MEMORY_KIB": "1024",
    "HAAT_PASSWORD_PASSES": "1",
    "HAAT_TESTCARD_WEBHOOK_URL": "none",
}
# What a demo market takes besides cards and credits, so that all of it can be tried. The account is
# the IBAN registry's own example: nobody's.
WAYS_TO_PAY = {
    "HAAT_CASH_ON_DELIVERY": "1",
    "HAAT_BANK_IBAN": "GB29NWBK60161331926819",
    "HAAT_BANK_BIC": "NWBKGB2L",
    "HAAT_BANK_HOLDER": "Haat Demo Market",
}


async def seed(settings: AppSettings, size: "Size | None" = None) -> None:
    """Fills the demo market, or does nothing when it is filled. Shows how far it is.

    Uses HAAT_SQL_URL and HAAT_TESTCARD_URL where they are set, engines of its own otherwise.
    Raises CannotStart, or the problem that a purchase met.
    """
    with ExitStack() as stack:
        url = settings.sql_url.get_secret_value()
        if not url:
            from haat.app.installation import Installation

            url = stack.enter_context(Installation(settings).sql_for_command())
        state = State(settings.folder / "demo.json", url)
        if state.is_done:
            return
        environment = {**ENVIRONMENT, **ways_to_pay(), "HAAT_SQL_URL": url}
        if "HAAT_TESTCARD_URL" not in os.environ:
            environment |= stack.enter_context(_card_network(settings))
        stack.enter_context(_environment(environment))
        from haat.app.seeding.filling import fill
        from haat.app.seeding.plan import Size

        bound = settings.model_copy(update={"sql_url": SecretStr(url)})
        cards = os.environ["HAAT_TESTCARD_URL"]
        is_ours = await fill(bound, size or Size(), state.start(), cards, Progress())
        if not is_ours:
            from haat.app.installation import tell

            tell("this market is not a demo, so it is left as it is")
        state.finish(is_ours)


def ways_to_pay() -> dict[str, str]:
    """WAYS_TO_PAY as environment; the operator's own words go before it."""
    if os.environ.keys() & WAYS_TO_PAY.keys():
        return {}
    return dict(WAYS_TO_PAY)


class State:
    """Since when the demo of this database is being made, and whether it is done."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._known = {"version": VERSION, "database": _fingerprint(url)}
        try:
            self._found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            self._found = {}
        if not isinstance(self._found, dict) or any(
            self._found.get(name) != value for name, value in self._known.items()
        ):
            self._found = {}

    @property
    def is_done(self) -> bool:
        return self._found.get("done") is True

    @property
    def is_demo(self) -> bool:
        """It was filled here, with everything that a demo has. False for a market that turned out
        to be somebody's own, and for a demo from before it took bank transfers and cash."""
        return self.is_done and self._found.get("demo") is True

    def start(self) -> datetime:
        """The present, as it was when the first run began: all runs tell the same history."""
        if "now" in self._found:
            return datetime.fromisoformat(self._found["now"])
        now = datetime.now(UTC).replace(microsecond=0)
        self._write(now, done=False, demo=False)
        return now

    def finish(self, is_demo: bool) -> None:
        self._write(datetime.fromisoformat(self._found["now"]), done=True, demo=is_demo)

    def _write(self, now: datetime, *, done: bool, demo: bool) -> None:
        self._found = {**self._known, "now": now.isoformat(), "done": done, "demo": demo}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(self._found), "utf-8")
        draft.replace(self._path)


class Progress:
    """A line a second or so: how many of what are there."""

    def __init__(self, every_s: float = 1.0) -> None:
        self._every_s = every_s
        self._next = time.monotonic() + every_s

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() >= self._next or (done == total and what == "orders"):
            from haat.app.installation import tell

            tell(f"filling the demo market: {done} of {total} {what}")
            self._next = time.monotonic() + self._every_s


def first_day(now: datetime, days: int) -> datetime:
    """When a demo with that many days of orders begins."""
    return now - timedelta(days=days - 1 + SETUP_DAYS)


def _fingerprint(url: str) -> str:
    """Tells databases apart. Without the port: an embedded server's may change."""
    parts = urlsplit(url)
    name = f"{parts.username}:{parts.password}@{parts.hostname}{parts.path}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, for as long as it lasts: modules read their settings from there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _card_network(settings: AppSettings) -> Iterator[dict[str, str]]:
    """A test card network that lives as long as this: where it is."""
    from haat.app.installation import CannotStart, Installation, start_child

    command, where = Installation(settings).card_network()
    child = start_child(command, dict(os.environ), None)
    try:
        until = time.monotonic() + READY_WAIT_S
        while not _answers(where["HAAT_TESTCARD_URL"] + "/health"):
            if time.monotonic() > until or child.poll() is not None:
                raise CannotStart("the test card network does not start; the lines above say why")
            time.sleep(0.05)
        yield where
    finally:
        child.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(5)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
