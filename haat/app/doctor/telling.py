"""A report at a terminal: a line for each drill as it ends; colours only where somebody looks."""

import sys
from collections.abc import Mapping
from typing import TextIO

from haat.domains.reach.backoffice.api import DoctorReport, Drill, Verdict

WORDS: Mapping[Verdict, str] = {"green": "green", "red": "RED", "not_run": "not run"}
COLOURS: Mapping[Verdict, str] = {"green": "\x1b[32m", "red": "\x1b[1;31m", "not_run": "\x1b[33m"}
PLAIN = "\x1b[0m"


class Teller:
    """Writes to `out`; `out` may be closed by whoever read it."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colours = self._out.isatty()

    def begin(self, site: str) -> None:
        self._line(f"haat doctor on {site}: about a minute and a half")

    def drill(self, drill: Drill) -> None:
        self._line(f"{self._verdict(drill.verdict)}  {drill.title}  ({drill.seconds:.1f} s)")
        for line in drill.evidence:
            self._line(f"           {line}")
        if drill.cause:
            self._line(f"           {'cause' if drill.verdict == 'red' else 'why'}: {drill.cause}")

    def end(self, report: DoctorReport) -> None:
        """What it comes to."""
        counts = dict.fromkeys(WORDS, 0)
        for drill in report.drills:
            counts[drill.verdict] += 1
        told = ", ".join(f"{n} {WORDS[verdict].lower()}" for verdict, n in counts.items() if n)
        verdict: Verdict = "red" if report.verdict == "red" else "green"
        at = (report.finished_at or report.started_at).isoformat(timespec="seconds")
        self._line(f"{self._verdict(verdict)}  {at}: {told}; kept at {report.site}/admin/doctor")

    def _verdict(self, verdict: Verdict) -> str:
        text = f"{WORDS[verdict]:>8}"
        return f"{COLOURS[verdict]}{text}{PLAIN}" if self._colours else text

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)
