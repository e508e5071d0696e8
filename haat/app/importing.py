"""`haat import`: files of goods from this machine, as a vendor's own imports, watched to their end.

Where a market runs beside the command, its worker does the work; alone, the command does.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID

from haat.app.commands import with_runtime
from haat.app.installation import Installation
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.domains.goods.catalog.api import VendorNotActive
from haat.domains.goods.imports.api import PART_MAX, Counts, Finding, Imports, Run
from haat.domains.people.vendors.api import Vendors
from haat.engines.rpc.trailing import by_itself
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

ENDED = ("done", "failed", "stopped")
LOOK_S = 0.5
FINDINGS_SHOWN = 200  # of one file; all of them stand in its corrections
FORMATS = {"own": "haat", "shopify": "shopify", "woocommerce": "woocommerce", "google": "google"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported, for which vendor and how."""

    files: Sequence[Path]
    vendor: str
    format: str = "auto"
    mapping: str = ""
    dry_run: bool = False
    corrections: Path | None = None


@dataclass(slots=True)
class Done:
    """What came of one file."""

    file: Path
    run: Run
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.run.state == "done" and self.run.counts.refused == 0


def files_of(paths: Sequence[Path]) -> tuple[list[Path], str]:
    """The files meant, folders as what is in them, and the format that a first word names."""
    named = ""
    if len(paths) > 1 and paths[0].name in FORMATS and not paths[0].exists():
        named, paths = paths[0].name, paths[1:]
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.glob("*") if p.suffix.lower() in (".csv", ".xlsx"))
        found += inside if path.is_dir() else [path]
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None or not found:
        raise NotFound(f"There is no file {missing or paths[0]}.")
    return found, named


async def import_files(
    settings: AppSettings, wanted: Wanted, told: Callable[[Path, Run], None]
) -> list[Done]:
    """Imports one file after the other; `told` hears how far each is. NotFound, VendorNotActive,
    and Invalid for a file that is not in the format asked for."""
    alone = Installation(settings).running() is None

    async def work(runtime: Runtime) -> list[Done]:
        ctx = runtime.system_context("import")
        return [await imported(runtime, ctx, wanted, file, told, alone) for file in wanted.files]

    return await with_runtime(settings, work, reacts=True)


async def imported(
    runtime: Runtime,
    ctx: Context,
    wanted: Wanted,
    file: Path,
    told: Callable[[Path, Run], None],
    alone: bool,
) -> Done:
    """One file, to its end. `alone`: nobody else works on it."""
    imports: Imports = runtime.inner[Imports]
    vendor_id = await _vendor(runtime, ctx, wanted.vendor)
    # The file and its start are the operator's doing; its goods follow, as a vendor's own do.
    run = await by_itself("haat import", ctx, lambda by: _sent(imports, by, vendor_id, file))
    if run.state != "failed":
        _need_format(run, wanted.format, file)
        mapping = None
        if wanted.mapping:
            saved = await imports.mappings(ctx, vendor_id=vendor_id)
            mapping = next((one.mapping for one in saved if one.name == wanted.mapping), None)
            if mapping is None:
                raise NotFound(f"The vendor has no saved mapping {wanted.mapping!r}.")
        id, dry_run = run.id, wanted.dry_run
        run = await by_itself(
            "haat import",
            ctx,
            lambda by: imports.start(by, id=id, mapping=mapping, dry_run=dry_run),
        )
    told(file, run)
    while run.state not in ENDED:
        if alone:
            await runtime.services[Imports].work(ctx)
        else:
            await asyncio.sleep(LOOK_S)
        run = await imports.run(ctx, id=run.id)
        told(file, run)
    findings = await _findings(imports, ctx, run.id, True)
    findings += await _findings(imports, ctx, run.id, False)
    if wanted.corrections is not None and run.counts.refused:
        await _correct(imports, ctx, run.id, wanted.corrections)
    return Done(file, run, findings)


async def _vendor(runtime: Runtime, ctx: Context, slug: str) -> UUID:
    vendors: Vendors = runtime.inner[Vendors]
    try:
        found = await vendors.find(ctx, slug=slug)
    except NotFound:
        raise NotFound(
            f"There is no vendor {slug!r}; the slug stands in the address of its page."
        ) from None
    if found.status != "active":
        raise VendorNotActive
    return found.id


async def _sent(imports: Imports, ctx: Context, vendor_id: UUID, file: Path) -> Run:
    id, number = ctx.new_id(), 0
    with file.open("rb") as source:
        content = source.read(PART_MAX)
        while True:
            following = source.read(PART_MAX)
            run = await imports.receive(
                ctx,
                id=id,
                vendor_id=vendor_id,
                file_name=file.name,
                number=number,
                content=content,
                last=not following,
            )
            if not following:
                return run
            content, number = following, number + 1


def _need_format(run: Run, format: str, file: Path) -> None:
    if format != "auto" and run.format != FORMATS[format]:
        message = f"{file} has not the columns of the format {format}; leave --format out."
        raise Invalid(message, code="format_wrong")


async def _findings(imports: Imports, ctx: Context, id: UUID, refused: bool) -> list[Finding]:
    """Why rows were left out, or remarks: the first of them."""
    page = await imports.findings(ctx, id=id, refused=refused, limit=100)
    found = list(page.items)
    while page.next and len(found) < FINDINGS_SHOWN:
        page = await imports.findings(ctx, id=id, refused=refused, limit=100, cursor=page.next)
        found += page.items
    return found


async def _correct(imports: Imports, ctx: Context, id: UUID, path: Path) -> None:
    part = await imports.corrections(ctx, id=id)
    with path.open("wb") as out:
        out.write(part.content)
        while part.next:
            part = await imports.corrections(ctx, id=id, cursor=part.next)
            out.write(part.content)


class Progress:
    """One line that goes on growing where a person looks, else a line now and then."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, file: Path, run: Run) -> None:
        if monotonic() < self._next and run.state not in ENDED:
            return
        self._next = monotonic() + (0.2 if self._live else 5.0)
        of = f" of {run.counts.rows:,}" if run.counts.rows else ""
        line = f"{file.name}: {run.state}, {run.counts.rows_done:,}{of} rows"
        end = "\n" if run.state in ENDED or not self._live else ""
        sys.stderr.write(("\r\x1b[K" if self._live else "") + line + end)
        sys.stderr.flush()


def lines_of(done: Done) -> list[str]:
    """What is printed of one file: every row that was left out, then the counts."""
    name, run = done.file.name, done.run
    lines = []
    for one in done.findings:
        column = f", {one.column}" if one.column else ""
        note = "" if one.refused else "note: "
        lines.append(f"{name}, line {one.line}{column}: {note}{one.reason}")
    if run.counts.refused + run.counts.noted > len(done.findings):
        lines.append(f"{name}: only the first of each are shown; all stand in the vendor's portal")
    if run.state != "done":
        lines.append(f"{name}: {run.state}: {run.failure or 'by its vendor'}")
    lines.append(f"{name}: {_counted(run.counts, tried=run.dry_run)}")
    return lines


def _counted(counts: Counts, *, tried: bool) -> str:
    would = "would be " if tried else ""
    return (
        f"{would}{counts.created:,} created, {counts.updated:,} updated,"
        f" {counts.unchanged:,} unchanged, {counts.refused:,} refused"
    )
