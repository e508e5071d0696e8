"""Time enters through a `Clock`, so that tests and simulations can own it."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells aware UTC time."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SettableClock:
    """A clock that moves only when told to: for tests, simulations and the demo's history."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None, "naive time"
        self._at = at

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> None:
        assert at.tzinfo is not None, "naive time"
        self._at = at

    def advance(self, by: timedelta) -> None:
        self._at += by
