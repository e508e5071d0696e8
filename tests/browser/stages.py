"""Where a tour goes: a market's address and the accounts to sign in with. Starts one of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from tests.journeys.box import free_port

START_WAIT_S = 240
STOP_WAIT_S = 60


class NoMarket(Exception):
    """The market did not start; the text says where its last lines are."""


@dataclass(frozen=True)
class Stage:
    """A market to look at. `emails`: role → who signs in; all have the same password."""

    site: str
    emails: Mapping[str, str]
    password: str


def demo_stage(site: str) -> Stage:
    """A demo market that runs already; the first account of each role."""
    emails: dict[str, str] = {}
    for account in SIGN_INS:
        emails.setdefault(account.role, account.email)
    return Stage(site.rstrip("/"), emails, DEMO_PASSWORD)


@contextmanager
def own_market(folder: Path, *, demo: bool) -> Iterator[str]:
    """A market as `bin/run` starts it, over this folder on a free port: its address."""
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    environment = {name: v for name, v in os.environ.items() if not name.startswith("HAAT_")}
    environment |= {
        "HAAT_DATA": str(folder),
        "HAAT_PORT": str(port),
        "HAAT_DEMO": "1" if demo else "0",
        "HAAT_STAFF_SECOND_STEP": "optional",
        "HAAT_WORKERS": "1",
        "HAAT_LOG_LEVEL": "warning",
    }
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    log = folder / "market.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "haat.app.cli", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(site, process, log)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _await(site: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_WAIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{site}/health/ready", timeout=10).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    last = log.read_text(errors="replace").splitlines()[-5:]
    raise NoMarket("the market does not start:\n  " + "\n  ".join(last))
