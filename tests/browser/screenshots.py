"""`bin/screenshots`: pictures of every page, and what is wrong with them.

bin/screenshots --out FOLDER [--address http://127.0.0.1:4004]

Without an address it starts a demo market of its own. Exit status 1: something was found, 2: it
could not look.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import Browser, Error

from tests.browser import outings
from tests.browser.chromium import Troubles, chromium, find_chromium
from tests.browser.stages import NoMarket, Stage, demo_stage, own_market
from tests.browser.tour import Tour


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--address", help="a demo market that runs already")
    options = parser.parse_args()
    program = find_chromium()
    if program is None:
        print("no Chromium: install chromium, or name one in HAAT_CHROMIUM", file=sys.stderr)
        return 2
    out: Path = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("[0-9][0-9][0-9]-*.png"):
        old.unlink()
    began = time.monotonic()
    try:
        shots, troubles = asyncio.run(tours(program, out, options.address))
    except NoMarket as error:
        print(error, file=sys.stderr)
        return 2
    for shot in shots:
        print(shot)
    print(f"{len(shots)} pictures in {time.monotonic() - began:.0f} s")
    for line in troubles:
        print(f"! {line}")
    print(f"{len(troubles)} findings" if troubles else "nothing found")
    return 1 if troubles else 0


async def tours(program: str, out: Path, address: str | None) -> tuple[list[Path], list[str]]:
    """The pictures made and what was found, over a given market or markets of its own."""
    troubles = Troubles()
    folder = Path(tempfile.mkdtemp(prefix="haat-screenshots-"))
    folder.chmod(0o755)
    try:
        async with chromium(program) as browser:
            if address:
                shots = await look_at_demo(browser, demo_stage(address), out, troubles)
                print("the first-run page is left out: it belongs to a market not opened yet")
                return shots, troubles.found
            with own_market(folder / "demo", demo=True) as site:
                shots = await look_at_demo(browser, demo_stage(site), out, troubles)
            with own_market(folder / "empty", demo=False) as site:
                tour = Tour(Stage(site, {}, ""), out, troubles, shots=shots)
                await outing(tour, browser, outings.on_first_run)
            return shots, troubles.found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def look_at_demo(browser: Browser, stage: Stage, out: Path, troubles: Troubles) -> list[Path]:
    """Goes through a filled market as everyone there is."""
    tour = Tour(stage, out, troubles)
    for kind in (outings.as_guest, outings.as_customer, outings.as_vendor, outings.as_staff):
        await outing(tour, browser, kind)
    troubles.at = ""
    for route in tour.unseen():
        if route != "/welcome":  # shown by a market that is not open
            troubles.add(f"no picture of {route}")
    return tour.shots


async def outing(tour: Tour, browser: Browser, kind: outings.Outing) -> None:
    """One person's way; where it breaks off is a finding, and the others still go theirs."""
    try:
        await kind(tour, browser)
    except (Error, AssertionError) as error:
        tour.troubles.add(f"the way ends here ({kind.__name__}): {str(error).strip()[:300]}")


if __name__ == "__main__":
    sys.exit(main())
