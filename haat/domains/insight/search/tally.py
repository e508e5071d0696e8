"""What was looked for, counted in the process until it is written together.

Those that a dying process has not written yet are lost, and nobody misses them.
"""

from collections import Counter
from datetime import date
from time import monotonic

WRITE_S, WRITE_AT = 2.0, 500  # what has waited so long, or is so many, is written


class Tally:
    """Searches by day and words, and how many of them found nothing."""

    def __init__(self) -> None:
        self._searches: Counter[tuple[date, str]] = Counter()
        self._empty: Counter[tuple[date, str]] = Counter()
        self._taken_at = monotonic()

    def add(self, day: date, words: str, *, found: bool) -> None:
        self._searches[day, words] += 1
        self._empty[day, words] += not found

    @property
    def is_due(self) -> bool:
        waited = monotonic() - self._taken_at
        return len(self._searches) >= WRITE_AT or (bool(self._searches) and waited > WRITE_S)

    def take(self) -> list[tuple[date, str, int, int]]:
        """(day, words, searches, of these without a hit); they are counted from nothing again."""
        self._taken_at = monotonic()
        rows = [(*key, n, self._empty[key]) for key, n in self._searches.items()]
        self._searches, self._empty = Counter(), Counter()
        return rows
