"""Opening hours: what may be said, and whether a vendor is open at a moment. Pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from haat.domains.people.vendors.api import Hours, Span
from haat.kernel.errors import FieldError, Invalid

DAY_MINUTES = 24 * 60
DAYS_AHEAD = 8
WEEKDAYS = 7


def minutes(clock: str) -> int:
    """'09:30' → 570; '24:00' → 1440."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def checked_hours(hours: Hours) -> Hours:
    """Spans in their order. Invalid at those that are none or overlap, and at the timezone."""
    wrong = []
    if len(hours.week) != WEEKDAYS:
        message = "Give seven days, from Monday on."
        wrong.append(FieldError(path="week", code="week_invalid", message=message))
    if zone_of(hours.timezone) is None:
        wrong.append(
            FieldError(path="timezone", code="timezone_unknown", message="Choose one of the list.")
        )
    week = []
    for day, spans in enumerate(hours.week):
        ordered = sorted(spans, key=lambda one: minutes(one.opens))
        week.append(ordered)
        past = -1
        for one in ordered:
            path = f"week.{day}"
            if minutes(one.closes) <= minutes(one.opens):
                message = "It closes after it opens."
                wrong.append(FieldError(path=path, code="hours_invalid", message=message))
            elif minutes(one.opens) < past:
                message = "These hours overlap."
                wrong.append(FieldError(path=path, code="hours_overlap", message=message))
            past = minutes(one.closes)
    if wrong:
        raise Invalid("These hours need another look.", fields=wrong)
    return Hours(timezone=hours.timezone, week=week)


def zone_of(name: str) -> ZoneInfo | None:
    """None for what is no timezone."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def open_at(hours: Hours, now: datetime) -> tuple[bool, datetime | None]:
    """Whether it is open, and when that changes next; None: not within a week.

    By the clock on the wall there: on a day with a change of clocks a span is as long as it is.
    """
    zone = zone_of(hours.timezone) or ZoneInfo("UTC")
    local = now.astimezone(zone)
    first = datetime(local.year, local.month, local.day, tzinfo=zone) - timedelta(days=1)
    spans = _joined(hours.week, first, zone)
    for opens, closes in spans:
        if opens <= now < closes:
            return True, closes if closes - now < timedelta(days=DAYS_AHEAD - 1) else None
        if now < opens:
            return False, opens
    return False, None


def _joined(
    week: list[list[Span]], first: datetime, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    """The spans of the days from the first on, in UTC; what touches is one, as over midnight."""
    found: list[tuple[datetime, datetime]] = []
    for number in range(DAYS_AHEAD + 1):
        day = first + timedelta(days=number)
        for one in week[day.weekday()]:
            opens, closes = (_moment(day, minutes(text), zone) for text in (one.opens, one.closes))
            if found and found[-1][1] >= opens:
                found[-1] = (found[-1][0], max(closes, found[-1][1]))
            else:
                found.append((opens, closes))
    return found


def _moment(day: datetime, minute: int, zone: ZoneInfo) -> datetime:
    """That minute of the day on the wall, in UTC; 1440 is the next day's first."""
    days, rest = divmod(minute, DAY_MINUTES)
    wall = day.replace(tzinfo=None) + timedelta(days=days, minutes=rest)
    return wall.replace(tzinfo=zone).astimezone(UTC)
