"""Which line of a report is which movement of ours, and what is left over. Pure.

A line is split into entries: its gross amount, and the fee that the provider kept of it. Entries
and movements are matched once each: by our id, by the provider's reference, by what the line's text
names. What staff booked before for an entry or a movement counts as ours, so that nothing is found
twice, and a correction that turns out to be wrong is found again with the opposite sign.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.payments.api import Movement, ReportLine
from haat.domains.money.reconciliation.api import Kind

Part = Literal["amount", "fee"]
EntryKey = tuple[str, Part]  # the line's id and which part of it
MovementKey = tuple[UUID, str]  # one dispute is up to three movements
Index = dict[Hashable, list[Movement]]

_KINDS: dict[str, str] = {
    "capture": "capture",
    "refund": "refund",
    "payout": "payout",
    "dispute": "dispute",
    "dispute_won": "dispute_won",
    "fee": "dispute_fee",
}
_OUTWARD = frozenset({"refund", "payout"})
_BOOKED = frozenset({"booking", "booked"})
_ID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}(?![0-9a-f])",
    re.IGNORECASE,
)
_WORDS_MAX = 60  # of one line's text


@dataclass(frozen=True, slots=True)
class Period:
    """since ≤ inside < until. What is near its edges is only looked at as the other side of
    something inside."""

    since: datetime
    until: datetime

    def has(self, at: datetime) -> bool:
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Entry:
    """`minor` as it moves the balance there: a kept fee is negative."""

    line: ReportLine
    part: Part
    minor: int
    inside: bool
    key: EntryKey

    @property
    def kind(self) -> str | None:
        """What it can be on our side; None: anything."""
        return "dispute_fee" if self.part == "fee" else _KINDS.get(self.line.kind)

    @property
    def currency(self) -> str:
        return self.line.fee.currency if self.part == "fee" else self.line.amount.currency

    @property
    def is_fee(self) -> bool:
        return self.part == "fee" or self.line.kind == "fee"


@dataclass(frozen=True, slots=True)
class Before:
    """A difference that an earlier run found first. `entry` and `movement` are what it is about;
    `booked` is what its correction added to our side."""

    id: UUID
    key: str
    status: str
    entry: EntryKey | None
    movement: MovementKey | None
    booked: int


@dataclass(frozen=True, slots=True)
class FeeBefore:
    """A fee that was found before, with the difference that it is a part of."""

    difference_id: UUID
    status: str
    minor: int


@dataclass(slots=True)
class Known:
    """What earlier runs left, for the entries and movements at hand."""

    version: int = 0
    pairs: dict[EntryKey, Movement] = field(default_factory=dict)
    paired: set[MovementKey] = field(default_factory=set)
    before: dict[str, Before] = field(default_factory=dict)
    fees: dict[EntryKey, FeeBefore] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A difference: `minor` = theirs − ours. `fees`: the entries that a fee difference adds up.
    `repeats`: the earlier run's difference that it is."""

    kind: Kind
    key: str
    minor: int
    currency: str
    entry: Entry | None = None
    movement: Movement | None = None
    fees: tuple[Entry, ...] = ()
    repeats: UUID | None = None


@dataclass(slots=True)
class Sums:
    ours: int = 0
    theirs: int = 0


@dataclass(slots=True)
class Outcome:
    """theirs = ours + Σ found, in every currency. `lines` are those inside the period; `matched`
    counts the entries and movements that agree, a pair once."""

    lines: int = 0
    matched: int = 0
    pairs: list[tuple[Entry, Movement]] = field(default_factory=list)  # new ones
    found: list[Found] = field(default_factory=list)
    settled: list[UUID] = field(default_factory=list)  # looked at again, and not found again
    sums: defaultdict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))


def reconcile(
    lines: Sequence[ReportLine], movements: Iterable[Movement], period: Period, known: Known
) -> Outcome:
    """Everything accounted for once. Line ids differ from each other."""
    entries = list(_entries(lines, period))
    free = {key_of(one): one for one in movements if key_of(one) not in known.paired}
    pairs = {one.key: known.pairs[one.key] for one in entries if one.key in known.pairs}
    left = [one for one in entries if one.key not in pairs]
    new: list[tuple[Entry, Movement]] = []
    for taken in _passes(left, free):
        new += taken
        gone = {entry.key for entry, _ in taken}
        left = [one for one in left if one.key not in gone]
    books = _Books(period, known)
    for entry in entries:
        if entry.key in pairs:
            books.pair(entry, pairs[entry.key])
    for entry, movement in new:
        books.pair(entry, movement)
    for entry in left:
        books.alone(entry)
    for movement in free.values():
        books.missing(movement)
    found = books.close()
    found.pairs = [(e, m) for e, m in new if e.inside or period.has(m.at)]
    found.lines = sum(1 for line in lines if period.has(line.at))
    return found


def key_of(movement: Movement) -> MovementKey:
    return movement.id, movement.kind


def _entries(lines: Iterable[ReportLine], period: Period) -> Iterator[Entry]:
    for line in lines:
        inside = period.has(line.at)
        yield Entry(line, "amount", line.amount.minor, inside, (line.id, "amount"))
        if line.fee.minor:
            yield Entry(line, "fee", -line.fee.minor, inside, (line.id, "fee"))


# -- matching --------------------------------------------------------------------------------------


def _passes(
    entries: list[Entry], free: dict[MovementKey, Movement]
) -> Iterator[list[tuple[Entry, Movement]]]:
    """Exact amounts first, so that a changed line does not take the place of a right one."""
    taken: set[EntryKey] = set()
    for exact in (True, False):
        for name in (_our_id, _their_ref):
            left = [one for one in entries if one.key not in taken]
            pairs = _by_name(left, free, name, exact=exact)
            taken |= {entry.key for entry, _ in pairs}
            yield pairs
    yield _by_text([one for one in entries if one.key not in taken], free)


def _our_id(side: Entry | Movement) -> Hashable:
    return side.line.our_id if isinstance(side, Entry) else side.id


def _their_ref(side: Entry | Movement) -> Hashable:
    return (side.line if isinstance(side, Entry) else side).provider_ref or None


def _by_name(
    entries: Iterable[Entry],
    free: dict[MovementKey, Movement],
    name: Callable[[Entry | Movement], Hashable],
    *,
    exact: bool,
) -> list[tuple[Entry, Movement]]:
    index: Index = defaultdict(list)
    for movement in free.values():
        if (called := name(movement)) is not None:
            index[called].append(movement)
    found = []
    for entry in entries:
        for movement in index.get(name(entry), ()):
            if key_of(movement) in free and _fits(entry, movement, exact):
                del free[key_of(movement)]
                found.append((entry, movement))
                break
    return found


def _fits(entry: Entry, movement: Movement, exact: bool) -> bool:
    """A payout and its coming back have one id and opposite signs: they are not each other."""
    if entry.kind not in (None, movement.kind) or entry.currency != movement.amount.currency:
        return False
    if exact:
        return entry.minor == movement.amount.minor
    return entry.minor * movement.amount.minor > 0


def _by_text(
    entries: Iterable[Entry], free: dict[MovementKey, Movement]
) -> list[tuple[Entry, Movement]]:
    """Kind and amount agree, and the text names the movement, the order or top-up it is for, or the
    provider's reference; only where neither side has a second candidate."""
    index: Index = defaultdict(list)
    for movement in free.values():
        for word in {movement.id.hex, movement.reference.hex, movement.provider_ref}:
            if word:
                index[word].append(movement)
    candidates: list[tuple[Entry, Movement]] = []
    for entry in entries:
        if entry.part == "amount":
            fitting = {
                key_of(movement): movement
                for word in _words(entry.line.text)
                for movement in index.get(word, ())
                if _fits(entry, movement, exact=True)
            }
            candidates += [(entry, movement) for movement in fitting.values()]
    of_entry = Counter(entry.key for entry, _ in candidates)
    of_movement = Counter(key_of(movement) for _, movement in candidates)
    found = [
        (entry, movement)
        for entry, movement in candidates
        if of_entry[entry.key] == 1 and of_movement[key_of(movement)] == 1
    ]
    for _, movement in found:
        del free[key_of(movement)]
    return found


def ids_in(text: str) -> list[UUID]:
    """Ids of ours that a text names, with or without dashes."""
    return [UUID(one) for one in _ID.findall(text)]


def _words(text: str) -> set[str]:
    if not text:
        return set()
    return {one.hex for one in ids_in(text)} | set(text.split()[:_WORDS_MAX])


# -- what is left ----------------------------------------------------------------------------------


class _Books:
    """Adds both sides up while it notes what differs."""

    def __init__(self, period: Period, known: Known) -> None:
        self._period = period
        self._known = known
        self._made = Outcome()
        self._fees: list[Entry] = []
        self._seen: set[EntryKey | MovementKey] = set()
        self._unfee: set[UUID] = set()  # fee differences that hold what is no such fee
        self._corrected: Counter[EntryKey | MovementKey] = Counter()
        for one in known.before.values():
            about = one.entry or one.movement
            if one.booked and about is not None:
                self._corrected[about] += one.booked

    def pair(self, entry: Entry, movement: Movement) -> None:
        if not entry.inside and not self._period.has(movement.at):
            return
        self._seen |= {entry.key, key_of(movement)}
        fee = self._known.fees.get(entry.key)
        ours = movement.amount.minor + self._corrected[entry.key]
        ours += self._corrected[key_of(movement)]
        if fee is not None:
            # It was taken for a fee of the provider's before its movement was known.
            self._unfee.add(fee.difference_id)
            ours += fee.minor if fee.status in _BOOKED else 0
        self._hold("amount", entry, movement, ours)

    def alone(self, entry: Entry) -> None:
        if not entry.inside:
            return
        self._seen.add(entry.key)
        if entry.is_fee:
            self._fees.append(entry)
            return
        came_back = entry.line.kind in _OUTWARD and entry.minor > 0
        kind: Kind = "status" if came_back else "missing_here"
        self._hold(kind, entry, None, self._corrected[entry.key])

    def missing(self, movement: Movement) -> None:
        if not self._period.has(movement.at):
            return
        key = key_of(movement)
        self._seen.add(key)
        self._hold("missing_there", None, movement, movement.amount.minor + self._corrected[key])

    def _hold(self, kind: Kind, entry: Entry | None, movement: Movement | None, ours: int) -> None:
        currency = _currency(entry, movement)
        theirs = entry.minor if entry else 0
        self._add(currency, ours, theirs)
        if theirs == ours:
            self._made.matched += 1
            return
        key = _spelled(kind, entry, movement, theirs - ours)
        before = self._known.before.get(key)
        self._made.found.append(
            Found(
                kind=kind,
                key=key,
                minor=theirs - ours,
                currency=currency,
                entry=entry,
                movement=movement,
                repeats=before.id if before else None,
            )
        )

    def _add(self, currency: str, ours: int, theirs: int) -> None:
        sums = self._made.sums[currency]
        sums.ours += ours
        sums.theirs += theirs

    def close(self) -> Outcome:
        self._close_fees()
        keys = {one.key for one in self._made.found}
        self._made.settled = [
            one.id
            for one in self._known.before.values()
            if one.status == "open"
            and one.key not in keys
            and not self._seen.isdisjoint({one.entry, one.movement})
        ] + sorted(self._unfee)
        return self._made

    def _close_fees(self) -> None:
        """A run's fees are one difference in each currency, and one for each earlier difference
        that has some of them and is not booked yet."""
        grouped: defaultdict[tuple[str, UUID | None], list[Entry]] = defaultdict(list)
        for entry in self._fees:
            before = self._known.fees.get(entry.key)
            if before is not None and before.difference_id in self._unfee:
                before = before if before.status in _BOOKED else None
            if before is not None and before.status in _BOOKED:
                self._add(entry.currency, before.minor, entry.minor)
                self._made.matched += 1
            else:
                owner = before.difference_id if before else None
                self._add(entry.currency, 0, entry.minor)
                grouped[entry.currency, owner].append(entry)
        for (currency, owner), entries in grouped.items():
            minor = sum(one.minor for one in entries)
            if minor == 0:  # kept and given back
                self._made.matched += len(entries)
                continue
            found = Found(
                kind="fee",
                key=f"fee|{currency}|{owner or 'new'}",
                minor=minor,
                currency=currency,
                fees=tuple(entries),
                repeats=owner,
            )
            self._made.found.append(found)


def _currency(entry: Entry | None, movement: Movement | None) -> str:
    if entry is not None:
        return entry.currency
    assert movement is not None, "a difference is about something"
    return movement.amount.currency


def _spelled(kind: str, entry: Entry | None, movement: Movement | None, minor: int) -> str:
    """The same in every run that finds it."""
    theirs = f"{entry.part} {entry.line.id}" if entry else ""
    ours = f"{movement.kind} {movement.id}" if movement else ""
    return f"{kind}|{theirs}|{ours}|{minor}"
