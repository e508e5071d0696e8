"""What `haat doctor` does: finds the running market, examines it, tells and keeps the report."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from haat.app.commands import with_runtime
from haat.app.doctor.examining import Examination, Plan
from haat.app.doctor.telling import Teller
from haat.app.installation import CannotStart, InCharge, Installation
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.domains.people.market.api import Market
from haat.domains.reach.backoffice.api import DoctorReport
from haat.engines.http.client import HttpClient
from haat.kernel.errors import Unavailable

STDOUT = "-"
EVERYWHERE = "0.0.0.0"  # nosec B104


async def diagnose(
    settings: AppSettings, *, only: Sequence[str], site: str, json_to: str, kill: bool
) -> DoctorReport:
    """Examines the market of these settings. `json_to`: a file, '-' for the output, '' for none.
    CannotStart when there is none that answers; DoctorAtWork."""
    charge = Installation(settings).running()
    address = (site or _own_address(settings)).rstrip("/")
    teller = Teller()

    async def work(runtime: Runtime) -> DoctorReport:
        await _need_answer(runtime, address)
        demo = (await runtime.inner[Market].settings(runtime.system_context("doctor"))).demo
        plan = _plan(address, only, charge, may_kill=kill or demo)
        quiet = json_to == STDOUT
        if not quiet:
            teller.begin(address)
        examination = Examination(runtime, plan, (lambda drill: None) if quiet else teller.drill)
        report = await examination.run()
        if not quiet:
            teller.end(report)
        return report

    report = await with_runtime(settings, work)
    if json_to:
        await asyncio.to_thread(_write, json_to, report)
    return report


def _plan(address: str, only: Sequence[str], charge: InCharge | None, *, may_kill: bool) -> Plan:
    if charge is None:
        spared = "its processes are not started by a haat on this machine's data folder"
        return Plan(address, only, spared=spared)
    if not may_kill:
        return Plan(
            address, only, spared="this market is no demo: --kill lets the worker be killed"
        )
    return Plan(address, only, supervisor=charge.pid)


def _own_address(settings: AppSettings) -> str:
    """Where this machine reaches the market that these settings serve."""
    host = {EVERYWHERE: "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    if settings.tls_cert is not None:  # its certificate is for a name
        return settings.site
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _need_answer(runtime: Runtime, address: str) -> None:
    async with HttpClient() as http:
        try:
            ctx = runtime.system_context("doctor")
            answer = await http.request(ctx, "GET", f"{address}/health/ready", timeout_s=10)
        except Unavailable:
            answer = None
    if answer is None or not answer.ok:
        raise CannotStart(
            f"no market answers at {address}: start it with bin/run, or say where with --site"
        )


def _write(where: str, report: DoctorReport) -> None:
    text = report.model_dump_json(indent=2) + "\n"
    if where == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(where).write_text(text, "utf-8")
