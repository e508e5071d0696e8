"""What `haat doctor` found on this market: the last reports as a strip and a list, and each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.reach.backoffice.api import Backoffice, DoctorReport
from haat.gateways.web.admin.office import Staff, page

router = APIRouter()
HERE = "/admin/doctor"
WIDTH, HEIGHT = 600, 24
# verdict → (the badge's status, what it says, the colour of a slot in the strip)
SAID: Mapping[str, tuple[str, str, str]] = {
    "green": ("done", "Green", ""),
    "red": ("failed", "Red", "bad"),
    "running": ("processing", "Running", "todo"),
    "broken_off": ("paused", "Broken off", "was"),
    "not_run": ("created", "Not run", "was"),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A report in the strip, in the units of the view box; `told` is what a reader hears."""

    x: float
    width: float
    look: str
    told: str


def strip(reports: Sequence[DoctorReport]) -> list[Slot]:
    """Oldest first, side by side."""
    if not reports:
        return []
    wide = WIDTH / len(reports)
    return [
        Slot(
            x=round(n * wide + wide * 0.06, 2),
            width=round(wide * 0.88, 2),
            look=SAID[one.verdict][2],
            told=f"{_plain(one)}: {SAID[one.verdict][1].lower()}",
        )
        for n, one in enumerate(reversed(reports))
    ]


@router.get("/admin/doctor")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Backoffice].doctor_reports(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "doctor.html",
        HERE,
        reports=[(one, _seconds(one), _red(one)) for one in found.items],
        next=found.next,
        slots=strip(found.items),
        said=SAID,
        width=WIDTH,
        height=HEIGHT,
    )


@router.get("/admin/doctor/{id}")
async def show(visit: Staff, id: UUID) -> Response:
    report: DoctorReport = await visit.doors[Backoffice].doctor_report(visit.ctx, id=id)
    return page(
        visit,
        "doctor_report.html",
        HERE,
        report=report,
        when=_plain(report),
        seconds=_seconds(report),
        said=SAID,
    )


def _plain(report: DoctorReport) -> str:
    """When it began, where there can be no markup."""
    return f"{report.started_at:%Y-%m-%d %H:%M} UTC"


def _seconds(report: DoctorReport) -> int | None:
    """How long it took; None while it runs."""
    if report.finished_at is None:
        return None
    return round((report.finished_at - report.started_at).total_seconds())


def _red(report: DoctorReport) -> list[str]:
    """The titles of what is red."""
    return [drill.title for drill in report.drills if drill.verdict == "red"]
