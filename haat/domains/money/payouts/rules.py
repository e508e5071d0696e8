"""How a refund is borne, what is held back, what a forecast says and when payouts run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payouts.api import EarningDraft, EarningLine, Policy, ReversalTooLarge
from haat.domains.money.payouts.api import Source as Given
from haat.kernel.errors import Invalid
from haat.kernel.money import Money, allocate, share

Decision = Literal["approve", "reject"]
Outcome = Literal["paid", "failed", "rejected"]
Schedule = Literal["manual", "daily", "weekly", "monthly"]
Row = Mapping[str, Any]

# Statuses the world does not see: the ledger has not answered yet, or said no.
RESERVING, REFUSED = "reserving", "refused"
FINAL = frozenset({"paid", "failed", "rejected", REFUSED})
SCHEDULES: tuple[Schedule, ...] = ("daily", "weekly", "monthly")
CREDITS, COLLECTED, OWNERLESS = "+credits", "+collected", ""


@dataclass(frozen=True, slots=True)
class Parts:
    """Minor units of one amount: what the vendor, the platform (and the state of its commission)
    and the state get of it."""

    net: int
    commission: int
    commission_tax: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.commission + self.commission_tax + self.tax

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(
            self.net - other.net,
            self.commission - other.commission,
            self.commission_tax - other.commission_tax,
            self.tax - other.tax,
        )

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            self.net + other.net,
            self.commission + other.commission,
            self.commission_tax + other.commission_tax,
            self.tax + other.tax,
        )


NOTHING = Parts(0, 0, 0, 0)


def frozen(row: Row) -> Parts:
    """What was sold, of an earning, a line or a reversal."""
    return Parts(row["net"], row["commission"], row["commission_tax"], row["tax"])


def refunded(row: Row) -> Parts:
    return Parts(
        row["refunded_net"],
        row["refunded_commission"],
        row["refunded_commission_tax"],
        row["refunded_tax"],
    )


def left_of(row: Row) -> Parts:
    """What is not refunded of an earning or a line."""
    return frozen(row) - refunded(row)


def split(gross: int, left: Parts) -> Parts:
    """How a refund of `gross` is borne by what is left of a line.

    By largest remainder over what is left, so that no part is ever lowered below zero and the
    refund of the rest takes exactly the rest. ReversalTooLarge beyond it.
    """
    if gross < 1:
        raise Invalid.at("gross", "A refund is more than nothing.", "amount_invalid")
    if gross > left.gross:
        raise ReversalTooLarge(left=left.gross)
    return Parts(*allocate(gross, [left.net, left.commission, left.commission_tax, left.tax]))


def within(minor: int, caps: Sequence[int], rest: Sequence[int]) -> list[int]:
    """`minor` over `caps` first and over `rest` for what goes beyond them; no part exceeds its
    cap and rest together. By largest remainder; all of it when minor is the sum of both."""
    first = min(minor, sum(caps))
    parts = allocate(first, caps) if first else [0] * len(caps)
    beyond = minor - first
    if beyond:
        parts = [a + b for a, b in zip(parts, allocate(beyond, rest), strict=True)]
    return parts


def source_key(given: Given) -> str:
    """What a source is called in our tables."""
    if given.collected:
        return COLLECTED
    return CREDITS if given.provider is None else given.provider


def check_draft(draft: EarningDraft, path: str) -> None:
    """Raises Invalid unless gross = net + commission + commission_tax + tax in the draft and in
    every line, lines and sources add up to it, nothing is negative, one currency."""
    currency = draft.gross.currency
    _check_parts(draft, currency, path)
    for n, line in enumerate(draft.lines):
        _check_parts(line, currency, f"{path}.lines.{n}")
    for name in ("gross", "commission", "commission_tax", "tax", "net"):
        whole: Money = getattr(draft, name)
        if sum(getattr(line, name).minor for line in draft.lines) != whole.minor:
            raise Invalid.at(f"{path}.lines", f"Their {name} adds up to it.", "lines_do_not_add_up")
    if len({line.id for line in draft.lines}) < len(draft.lines):
        raise Invalid.at(f"{path}.lines", "A line comes once.", "line_repeated")
    amounts = [one.amount for one in draft.sources]
    if any(amount.currency != currency or amount.minor < 0 for amount in amounts):
        raise Invalid.at(f"{path}.sources", "In the earning's currency.", "currency_mixed")
    if sum(amount.minor for amount in amounts) != draft.gross.minor:
        raise Invalid.at(f"{path}.sources", "They add up to gross.", "sources_do_not_add_up")
    if len({source_key(one) for one in draft.sources}) < len(amounts):
        raise Invalid.at(f"{path}.sources", "A source comes once.", "source_repeated")


def _check_parts(one: EarningDraft | EarningLine, currency: str, path: str) -> None:
    parts = (one.net, one.commission, one.commission_tax, one.tax)
    if any(part.currency != currency for part in (*parts, one.gross)):
        raise Invalid.at(path, "An earning has one currency.", "currency_mixed")
    if any(part.minor < 0 for part in parts):
        raise Invalid.at(path, "No part of an earning is negative.", "amount_invalid")
    if sum(part.minor for part in parts) != one.gross.minor:
        raise Invalid.at(
            path, "gross = net + commission + commission_tax + tax", "amounts_do_not_add_up"
        )


def legs(given: Sequence[Given]) -> list[tuple[str, str, int]]:
    """(source, leg, minor) of each: the first provider's transfers end in nothing, those of the
    others in the source's name."""
    found = []
    first = True
    for one in given:
        key = source_key(one)
        plain = key not in (CREDITS, COLLECTED)
        found.append((key, "" if plain and first else f":{key}", one.amount.minor))
        first = first and not plain
    return found


@dataclass(frozen=True, slots=True)
class Effective:
    """The policy with one vendor's exceptions."""

    reserve_bp: int
    reserve_days: int
    schedule: Schedule
    schedule_day: int


def effective(policy: Policy, terms: Row | None) -> Effective:
    def own(name: str) -> Any:
        value = None if terms is None else terms[name]
        return getattr(policy, name) if value is None else value

    return Effective(own("reserve_bp"), own("reserve_days"), own("schedule"), policy.schedule_day)


def reserve_of(line: Row, reserve_bp: int) -> int:
    """What may be held back of a line: a share of what is left of its net and was not collected
    by the vendor himself."""
    ours = left_of(line).net - (line["cash"] - line["cash_returned"])
    return share(max(ours, 0), reserve_bp)


# When payouts run: at midnight UTC.


def slot_of(schedule: Schedule, day: int, now: datetime) -> date:
    """The day of the newest run that should have begun. `day`: weekday 1–7 or day of month."""
    today = now.astimezone(UTC).date()
    if schedule == "weekly":
        return today - timedelta(days=(today.isoweekday() - min(day, 7)) % 7)
    if schedule == "monthly":
        first = today.replace(day=1)
        if today.day < day:
            first = (first - timedelta(days=1)).replace(day=1)
        return first.replace(day=day)
    return today


def next_run(schedule: Schedule, day: int, at: datetime) -> datetime:
    """The first run at or after `at`; `at` itself where nothing runs by itself."""
    if schedule == "manual":
        return at
    newest = _midnight(slot_of(schedule, day, at))
    if newest == at:
        return newest
    if schedule == "daily":
        return newest + timedelta(days=1)
    if schedule == "weekly":
        return newest + timedelta(days=7)
    return (newest.replace(day=1) + timedelta(days=32)).replace(day=day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


# What a forecast says.


def net_of(line: Row) -> int:
    """What the vendor will have got of this line in the end."""
    return int(line["net"] - line["refunded_net"] - line["fees"])


def paid_of(line: Row) -> int:
    """What the vendor has got of it: by payouts, and in cash that it did not give back."""
    return int(line["paid"] + line["cash"] - line["cash_returned"])


def outlook(
    earning: Row, line: Row, blocks: Sequence[str], rule: Effective, now: datetime
) -> tuple[datetime | None, list[str]]:
    """When it is expected to be paid, and what blocks it, by what we know of the line."""
    if left_of(line).gross == 0 and net_of(line) == paid_of(line):
        return None, []
    waits = sorted(set(blocks))
    closes = earning["window_closes_at"]
    if earning["stage"] == "pending":
        if closes is None:
            return None, ["not_delivered", *waits]
        if earning["due_at"] is None:
            waits = ["return_window", *waits]
        if blocks:
            return None, waits
        begins = max(closes, now) if earning["due_at"] else closes
        held = timedelta(days=rule.reserve_days if reserve_of(line, rule.reserve_bp) else 0)
        return next_run(rule.schedule, rule.schedule_day, begins + held), waits
    held_back = line["accrued_reserve"] - line["released"]
    open_minor = net_of(line) - paid_of(line) - held_back
    if held_back:
        waits.append("reserve")
    if open_minor:
        waits.append("schedule" if open_minor > 0 else "negative_balance")
    if (held_back and "dispute" in blocks) or (not held_back and open_minor <= 0):
        return None, waits
    begins = max(earning["release_at"], now) if held_back else now
    return next_run(rule.schedule, rule.schedule_day, begins), waits


def deductions(line: Row, release_at: datetime | None) -> list[dict[str, Any]]:
    """What lowers gross to net and by which rule. All but `reserve`, which is held back and not
    taken, add up to gross − net."""
    left, back = left_of(line), refunded(line)
    reserve = line["accrued_reserve"] - line["released"]
    until = f" until {release_at.date().isoformat()}" if release_at else ""
    tax_bp = line["terms"].get("taxBp", 0)
    found = [
        ("commission", left.commission, _of_commission(line["terms"])),
        ("commission_tax", left.commission_tax, f"Tax on the commission, {percent(tax_bp)}"),
        ("tax", left.tax, "Sales tax, owed to the state"),
        ("refund", back.gross, "Given back to the customer"),
        ("fee", line["fees"], "Kept commission and fees for refunds and disputes"),
        ("reserve", reserve, f"Held back{until}"),
    ]
    return [{"kind": kind, "minor": minor, "why": why} for kind, minor, why in found if minor]


def _of_commission(terms: Mapping[str, Any]) -> str:
    whose = {
        "rule": f"Rule “{terms.get('ruleName', '')}”",
        "vendor_rate": "The vendor's own rate",
        "default": "The market's default rate",
    }.get(terms.get("source", "none"), "Commission")
    words = [percent(terms.get("rateBp", 0))]
    if terms.get("fixedMinor"):
        words.append(f"plus {terms['fixedMinor']} minor units a piece")
    for name, word in (("floorMinor", "at least"), ("capMinor", "at most")):
        if terms.get(name) is not None:
            words.append(f"{word} {terms[name]} minor units")
    return f"{whose}: {', '.join(words)}"


def percent(basis_points: int) -> str:
    """'12.5 %'"""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + " %"


def masked(account: str) -> str:
    """All but the last four characters hidden, whatever the length."""
    return "•" * max(len(account) - 4, 4) + account[-4:]


@dataclass(frozen=True, slots=True)
class Bearing:
    """How one line bears a refund."""

    line_id: UUID
    parts: Parts
    fee: int = 0
    fee_tax: int = 0
    provider_fee: int = 0
    cash: int = 0
    released: int = 0

    @property
    def fees(self) -> int:
        return self.fee + self.fee_tax + self.provider_fee


def bearings(
    lines: Sequence[Row],
    asked: Mapping[UUID, int],
    *,
    kept: bool,
    provider_fee: int,
    cash: int,
    reserve_bp: int | None,
) -> list[Bearing]:
    """How the lines bear what is `asked` of each (gross).

    `kept`: the commission is charged again; `provider_fee` is shared by what is asked; `cash` is
    what the vendor gave back of what it collected, first of the lines asked; `reserve_bp`: a
    reserve is lowered to that share of what is left (None: there is none to lower).
    """
    parts = [split(asked[r["id"]], left_of(r)) if r["id"] in asked else NOTHING for r in lines]
    shares = [part.gross for part in parts]
    fees = allocate(provider_fee, shares)
    held = [r["cash"] - r["cash_returned"] for r in lines]
    caps = [min(a, b) for a, b in zip(shares, held, strict=True)]
    cashes = within(cash, caps, [a - b for a, b in zip(held, caps, strict=True)])
    found = []
    for row, part, fee, back in zip(lines, parts, fees, cashes, strict=True):
        after = {
            **row,
            "refunded_net": row["refunded_net"] + part.net,
            "cash_returned": row["cash_returned"] + back,
        }
        free = 0
        if reserve_bp is not None:
            held_back = row["accrued_reserve"] - row["released"]
            free = max(held_back - reserve_of(after, reserve_bp), 0)
        found.append(
            Bearing(
                line_id=row["id"],
                parts=part,
                fee=part.commission if kept else 0,
                fee_tax=part.commission_tax if kept else 0,
                provider_fee=fee,
                cash=back,
                released=free,
            )
        )
    return [one for one in found if one.parts.gross or one.fees or one.cash or one.released]
