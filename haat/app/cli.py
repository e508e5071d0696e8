"""`haat`: the command line. Each command imports only what it needs, so that all start fast."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from haat.app.loop import run_async
from haat.app.settings import AppSettings
from haat.kernel.errors import Problem

if TYPE_CHECKING:
    from pydantic import ValidationError

app = typer.Typer(
    name="haat",
    help="A multi-vendor marketplace. Settings come from HAAT_… variables (.env.example).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
seeds = typer.Typer(help="Fill the market.", no_args_is_help=True)
imports = typer.Typer(help="Bring goods in from elsewhere.", no_args_is_help=True)
app.add_typer(seeds, name="seed")
app.add_typer(imports, name="import")


@app.command()
def serve() -> None:
    """Run the whole market: what bin/run does."""
    run()


@app.command()
def run(
    target: Annotated[str, typer.Option(help="all, a group, or modules: cart,orders")] = "all",
) -> None:
    """Run a target in the foreground until Ctrl-C."""
    from haat.app.supervisor import Supervisor
    from haat.app.targets import chosen

    chosen(target)
    Supervisor(AppSettings(), target).run()


@app.command()
def targets() -> None:
    """List groups and modules."""
    from haat.app.targets import GROUPS

    print("all")
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
        applied = migrate_all(url)
    if not quiet:
        print("\n".join(applied) if applied else "up to date")


@app.command()
def contracts(
    folder: Annotated[Path, typer.Option(help="where the schemas stand")] = Path("contracts"),
) -> None:
    """Write the schemas of events and REST from the code; refuses an incompatible event."""
    from haat.app.schemas import write

    for name in write(folder):
        print(f"written: {name}")


@app.command()
def prove(
    head: Annotated[
        list[str] | None,
        typer.Option(help="a head noted down earlier, HASH@POSITION: is it still in the chain?"),
    ] = None,
) -> None:
    """Re-derive every balance and every order's money; exit status 1 names what does not add up."""
    from haat.app.commands import with_runtime
    from haat.app.proving import proof_of

    proof = run_async(with_runtime(AppSettings(), lambda runtime: proof_of(runtime, head or ())))
    for finding in proof.findings:
        print(finding)
    if proof.findings:
        raise typer.Exit(1)
    print("everything adds up")
    print(f"{proof.invariants} invariants hold")
    if proof.head is not None:
        print(f"head of the ledger's chain: {proof.head.hash}@{proof.head.position}")


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


@imports.command("shopify")
def import_shopify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    vendor: Annotated[str, typer.Option(help="the vendor's slug")],
) -> None:
    """Import a product export in Shopify's CSV format, with a report per row."""
    from haat.app.commands import import_shopify as work

    report = run_async(work(AppSettings(), file, vendor))
    for refused in report.refused:
        column = f", {refused.column}" if refused.column else ""
        print(f"line {refused.line}{column}: {refused.reason}")
    print(
        f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged,"
        f" {len(report.refused)} refused"
    )
    if report.refused:
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
