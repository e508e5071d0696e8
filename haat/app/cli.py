"""`haat`: the command line. Each command imports only what it needs, so that all start fast."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from haat.app.loop import run_async
from haat.app.settings import AppSettings
from haat.kernel.errors import Problem

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
def migrate() -> None:
    """Bring every schema to its newest migration."""
    from haat.app.installation import Installation
    from haat.app.migrating import migrate_all

    with Installation(AppSettings()).sql_for_command() as url:
        applied = migrate_all(url)
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
def prove() -> None:
    """Re-derive every balance and every order's money; exit status 1 names what does not add up."""
    from haat.app.commands import with_runtime
    from haat.app.proving import prove_all

    findings = run_async(with_runtime(AppSettings(), prove_all))
    for finding in findings:
        print(finding)
    if findings:
        raise typer.Exit(1)
    print("everything adds up")


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
    from haat.app.seeding.demo import seed

    run_async(seed(AppSettings()))


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
    from haat.app.installation import CannotStart

    try:
        app(standalone_mode=True)
    except CannotStart as error:
        sys.stderr.write(f"haat: {error}\n")
        raise SystemExit(1) from None
    except Problem as problem:
        sys.stderr.write(f"haat: {problem.detail} ({problem.code})\n")
        raise SystemExit(1) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
