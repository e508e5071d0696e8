"""`haat`: the command line. Each command imports only what it needs, so that all start fast."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from haat.app.loop import run_async
from haat.app.settings import AppSettings
from haat.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pydantic import ValidationError

    from haat.app.proving import Proof
    from haat.app.runtime import Runtime

app = typer.Typer(
    name="haat",
    help="A multi-vendor marketplace. Settings come from HAAT_… variables (.env.example).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
seeds = typer.Typer(help="Fill the market.", no_args_is_help=True)
app.add_typer(seeds, name="seed")
keys = typer.Typer(help="The keys that access tokens are signed with.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.callback()
def settings_from(
    settings: Annotated[
        list[Path] | None,
        typer.Option("--settings", help="a file of HAAT_… settings; goes before what is set"),
    ] = None,
) -> None:
    """A multi-vendor marketplace. Settings come from HAAT_… variables (.env.example)."""
    from haat.app.envfiles import read_settings

    for path in settings or ():
        os.environ.update(read_settings(path))
    if os.environ.get("HAAT_VAULT_URL"):
        from haat.app.vault import settle_secrets

        settle_secrets(os.environ)


@app.command()
def serve() -> None:
    """Run the whole market: what bin/run does."""
    run()


@app.command()
def run(
    target: Annotated[str, typer.Option(help="all, a group, or modules: cart,orders")] = "all",
) -> None:
    """Run a target in the foreground until Ctrl-C."""
    from haat.app.hosting import host, stands_alone
    from haat.app.targets import names_in

    names_in(target)
    settings = AppSettings()
    if stands_alone(settings):
        host(settings, target)
    from haat.app.market import Market

    Market(settings, target).run()


@app.command()
def split(
    folder: Annotated[Path, typer.Argument(help="a folder for it, made when missing")],
    by: Annotated[str, typer.Option(help="group or module")] = "group",
    bus: Annotated[str, typer.Option(help="postgres or nats")] = "postgres",
    replicas: Annotated[int, typer.Option(min=1, max=9, help="processes of each part")] = 1,
    tls: Annotated[bool, typer.Option(help="TLS between the processes, with certificates")] = False,
) -> None:
    """Write a Procfile that runs the market as several processes, each with its own database."""
    from haat.app.splitting import named, split

    kinds = named(by, bus)
    for name in split(AppSettings(), folder, by=kinds[0], bus=kinds[1], replicas=replicas, tls=tls):
        print(f"written: {folder / name}")
    print(f"start all of it with: haat up {folder}")


@app.command()
def up(
    folder: Annotated[Path, typer.Argument(help="what `haat split` wrote", exists=True)],
) -> None:
    """Run every process of a split market in the foreground until Ctrl-C."""
    from haat.app.fleet import Fleet

    Fleet(folder).run()


@app.command()
def engines(
    kinds: Annotated[list[str] | None, typer.Argument(help="postgres nats valkey cards")] = None,
) -> None:
    """Run what a split market stands on; its Procfile says so."""
    from haat.app.engine_room import EngineRoom

    EngineRoom(AppSettings(), kinds or []).run()


@app.command()
def restart(
    folder: Annotated[
        Path | None, typer.Argument(help="of a split market; else the one in HAAT_DATA")
    ] = None,
) -> None:
    """Replace every process of a running market, one after another, without a refused request."""
    from haat.app.rolling import roll

    settings = AppSettings() if folder is None else AppSettings(data=folder)
    print(f"every process is a new one, after {roll(settings):.1f} s")


@app.command()
def targets() -> None:
    """List groups and modules."""
    from haat.app.targets import GROUPS

    print("all")
    print("web       the pages and the REST API, over modules in other processes")
    for group, names in GROUPS.items():
        print(f"{group:<9} {' '.join(names)}")


@app.command()
def migrate(
    quiet: Annotated[bool, typer.Option("--quiet", help="do not list what was applied")] = False,
) -> None:
    """Bring every schema to its newest migration."""
    from haat.app.installation import Installation
    from haat.app.migrating import migrate_all

    with Installation(AppSettings()).sql_for_command() as url:
        applied = migrate_all(Installation(AppSettings()).bound(url))
    if not quiet:
        print("\n".join(applied) if applied else "up to date")


@app.command()
def contracts(
    folder: Annotated[Path, typer.Option(help="where the schemas stand")] = Path("contracts"),
) -> None:
    """Write the schemas of events and REST from the code, and who may call what beside them;
    refuses an incompatible event."""
    from haat.app import access, designs
    from haat.app.schemas import write

    for name in write(folder):
        print(f"written: {name}")
    for name, text in ((access.NAME, access.document()), (designs.NAME, designs.document())):
        page = folder.parent / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")


@app.command()
def prove(
    head: Annotated[
        list[str] | None,
        typer.Option(help="a head noted down earlier, HASH@POSITION: is it still in the chain?"),
    ] = None,
    audit_head: Annotated[
        list[str] | None,
        typer.Option(help="the same, of the audit's chain"),
    ] = None,
) -> None:
    """Re-derive every balance and every order's money.

    Exit status 1 names what does not add up; 3: the market does not run, and what it stopped amid
    is settled when it has started again.
    """
    proof = _proof(head or (), audit_head or ())
    if proof.open:
        print("start the market, which goes on with them; then `haat prove` tells")
        raise typer.Exit(3)


def _proof(heads: Sequence[str], audit_heads: Sequence[str]) -> "Proof":
    """Proves and prints; leaves with 1 when something is found."""
    from haat.app.commands import with_runtime
    from haat.app.installation import Installation
    from haat.app.proving import proof_of

    at_rest = Installation(AppSettings()).running() is None

    def prove_it(runtime: "Runtime") -> "Awaitable[Proof]":
        return proof_of(runtime, heads, audit_heads=audit_heads, at_rest=at_rest)

    proof = run_async(with_runtime(AppSettings(), prove_it))
    for finding in proof.findings:
        print(finding)
    if proof.findings:
        raise typer.Exit(1)
    if proof.open:
        print("every module adds up by itself; between modules, events are on their way:")
        for line in proof.open:
            print(f"  not settled yet: {line}")
        return proof
    print("everything adds up")
    print(f"{proof.invariants} invariants hold")
    if proof.head is not None:
        print(f"head of the ledger's chain: {proof.head.hash}@{proof.head.position}")
    if proof.audit_head is not None:
        print(f"head of the audit's chain: {proof.audit_head.hash}@{proof.audit_head.position}")
    return proof


@keys.command()
def rotate(
    drop: Annotated[
        bool, typer.Option("--drop", help="the old keys are worth nothing from now on")
    ] = False,
) -> None:
    """Make a new key. It signs in a minute; tokens of the old ones run out by themselves."""
    from haat.app.keys import rotate_keys

    typer.echo(rotate_keys(AppSettings(), drop=drop))


@keys.command("list")
def list_keys() -> None:
    """Which keys there are, and from when each signs."""
    from haat.app.keys import describe_keys

    typer.echo(describe_keys(AppSettings()))


@app.command()
def doctor(
    json: Annotated[
        str, typer.Option(help="write the report as JSON to this file; - for the output")
    ] = "",
    only: Annotated[str, typer.Option(help="these drills only: race,slow_provider")] = "",
    site: Annotated[str, typer.Option(help="where the market answers; this machine's own")] = "",
    kill: Annotated[
        bool, typer.Option("--kill", help="kill the background worker, on a market that is no demo")
    ] = False,
) -> None:
    """Drill a running market with a synthetic vendor; exit status 1 when a guard is broken."""
    from haat.app.doctor.command import diagnose

    names = [name.strip() for name in only.split(",") if name.strip()]
    work = diagnose(AppSettings(), only=names, site=site, json_to=json, kill=kill)
    if run_async(work).verdict != "green":
        raise typer.Exit(1)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="a new folder for it")],
) -> None:
    """Copy the database, files and keys of this market, which may be running."""
    from haat.app.backup import back_up

    note = back_up(AppSettings(), folder)
    print(f"backup of {note.made_at} in {folder}: {len(note.files)} files")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="what `haat backup` wrote", exists=True)],
) -> None:
    """Make a market from a backup, in the new data folder that HAAT_DATA names; then prove it."""
    from haat.app.backup import restore as put_back
    from haat.app.backup import settings_for_proof
    from haat.app.installation import Installation

    note = put_back(AppSettings(), folder)
    print(f"restored as of {note.made_at}")
    with Installation(AppSettings()).sql_for_command() as url:
        os.environ |= {"HAAT_SQL_URL": url, **settings_for_proof(note, url)}
        if _proof((), ()).open:
            print("they go on when the market starts; `haat prove` then tells that all adds up")


@app.command()
def config(
    show: Annotated[str | None, typer.Option(help="print one value: sql.url, data, port …")] = None,
) -> None:
    """Show the settings in force, secrets hidden; --show prints one value for scripts."""
    from haat.app.configuration import lines, value_of

    if show is not None:
        print(value_of(AppSettings(), show))
        return
    for line in lines(AppSettings()):
        print(line)


@app.command()
def sim(
    seed: Annotated[int | None, typer.Option(help="run this seed alone")] = None,
    seeds: Annotated[str, typer.Option(help="run these: 1-2000")] = "1-100",
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="how long things go wrong")] = 200,
    jobs: Annotated[int, typer.Option(min=0, max=64, help="processes; 0: one a core")] = 0,
    trace: Annotated[bool, typer.Option("--trace", help="print every step and its hash")] = False,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="fail if a crash point was hit too seldom")
    ] = False,
) -> None:
    """Run the market through crashes and races, on a PostgreSQL of its own (docs/flows/sim.md)."""
    from haat.app.sim.jobs import Ask, default_jobs, report, seeds_of, simulate

    first, last = seeds_of(seeds if seed is None else str(seed))
    summary = simulate(Ask(first, last, steps, jobs or default_jobs(), trace))
    seldom = report(summary, print)
    if summary.failed or not summary.is_whole or (require_coverage and seldom):
        raise typer.Exit(1)


@seeds.command("demo")
def seed_demo() -> None:
    """Fill a deterministic demo market; does nothing when it is filled already."""
    from haat.app.installation import Installation
    from haat.app.seeding.demo import seed
    from haat.engines.telemetry import set_up_logs

    settings = AppSettings()
    set_up_logs("error")  # the lines of this command are its own
    os.environ.update(Installation(settings).cards_beside())
    run_async(seed(settings))


@seeds.command("scale")
def seed_scale(
    products: Annotated[int, typer.Option(min=1, max=10_000_000, help="how many")] = 10_000,
    vendors: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="how many; one for 200 products")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=999, help="another one, other goods")] = 1,
) -> None:
    """Add a large assortment of made-up goods; what is there already stays as it is."""
    from haat.app.seeding.scale.filling import Scale
    from haat.app.seeding.scale.filling import seed as fill

    size = Scale(products, vendors or max(1, products // 200), seed)
    done = run_async(fill(AppSettings(), size, print))
    print(
        f"{done.products:,} products, {done.vendors:,} vendors, {done.offers:,} offers of others;"
        f" {done.stocked:,} stocks counted"
    )
    for reason, count in sorted(done.refused.items()):
        print(f"{count:,} refused: {reason}")


@app.command("import")
def import_goods(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[FORMAT] FILE…", help="CSV files or Excel workbooks, or a folder of them"
        ),
    ],
    vendor: Annotated[str, typer.Option(help="the vendor's slug")],
    format: Annotated[
        str, typer.Option(help="auto, own, shopify, woocommerce or google: refuse any other")
    ] = "auto",
    mapping: Annotated[str, typer.Option(help="the name of a mapping the vendor saved")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would come")] = False,
    corrections: Annotated[
        Path | None, typer.Option(help="write the rows that were left out to this file")
    ] = None,
) -> None:
    """Import goods for a vendor, from any format that the vendor portal takes.

    Every row that was left out is printed; then the exit status is 1.
    """
    from haat.app.importing import FORMATS, Progress, Wanted, files_of, import_files, lines_of

    files, named = files_of(paths)
    kind = named or format
    if kind not in ("auto", *FORMATS):
        raise typer.BadParameter(f"{kind!r} is no format", param_hint="--format")
    if corrections is not None and len(files) > 1:
        raise typer.BadParameter("give one file", param_hint="--corrections")
    wanted = Wanted(files, vendor, kind, mapping, dry_run, corrections)
    done = run_async(import_files(AppSettings(), wanted, Progress()))
    for line in (line for one in done for line in lines_of(one)):
        print(line)
    if not all(one.is_whole for one in done):
        raise typer.Exit(1)


def main() -> None:
    """The entry point: problems become one line and exit status 1."""
    _open_standard_streams()
    from pydantic import ValidationError

    from haat.app.installation import CannotStart

    try:
        app(standalone_mode=True)
    except CannotStart as error:
        _end(str(error))
    except Problem as problem:
        _end(f"{problem.detail} ({problem.code})")
    except ValidationError as error:
        _end(_wrong_settings(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _end(line: str) -> NoReturn:
    with suppress(OSError, ValueError):
        sys.stderr.write(f"haat: {line}\n")
    raise SystemExit(1)


def _wrong_settings(error: "ValidationError") -> str:
    """The first setting that cannot be what it was set to. Not its value: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = "_".join(str(part) for part in first["loc"][:1]).upper()
    return f"HAAT_{name} is not usable: {first['msg']} (.env.example tells what is)"


def _open_standard_streams() -> None:
    """Where a stream was closed, what is opened next, such as a lock, would take its number and
    be written to by every child process."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - to the end


if __name__ == "__main__":
    main()
