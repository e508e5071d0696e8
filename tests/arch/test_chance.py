"""Time, randomness and ids come from `Context` and `chance()`, or a simulation could not replay."""

import ast
from pathlib import Path

import haat

ROOT = Path(haat.__path__[0])
MODULES = {"secrets", "random"}
NAMES = {"uuid1", "uuid4"}
CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "os.urandom",
}

# Folders or files that may, and why.
ALLOWED = {
    "kernel/chance.py": "the one place",
    "kernel/clock.py": "the one place",
    "app/sim/": "draws lots from its seed",
    "app/seeding/": "draws the demo from seeds",
    "app/doctor/": "drills of a running market: a process beside it, on the real clock",
    "app/backup.py": "a command's own date on its files",
    "app/splitting.py": "keys of a new installation: secrets",
    "domains/people/identity/": "session tokens and salts: secrets no seed may foretell",
    "domains/trust/audit/service.py": "salts of digests: secrets no seed may foretell",
    "domains/reach/webhooks/service/endpoints.py": "secrets that sign: no seed may foretell them",
    "domains/money/payments/providers/simulated.py": "draws lots from a simulation's seed",
    "domains/money/payments/providers/testcard/": "another company's process",
    "engines/http/keyring.py": "names of drafts, which nothing hangs on",
    "engines/http/signing.py": "the installation's key, nonces of sealed cookies: secrets",
    "engines/http/context.py": "names of requests, which nothing hangs on",
    "engines/http/client.py": "how long to wait before asking another machine again",
    "gateways/web/visit.py": "nonces of a content policy: secrets",
    "engines/rpc/": "numbers used once, between processes: secrets",
    "engines/mail/": "names of drafts and parts, which nothing hangs on",
    "engines/bus/": "names of processes; secrets of an embedded broker; a broker's own times",
    "engines/cache/embedded.py": "an embedded server's password: a secret",
    "engines/scheduler/timers.py": "names of processes",
    "engines/sql/drafting.py": "a scratch database of a command",
    "engines/sql/embedded.py": "an embedded server's password: a secret",
}


def _sources(tree: ast.AST) -> list[str]:
    """What in a file is no clock and no chance of ours."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom):
            if node.module in MODULES:
                found.append(str(node.module))
            found += [alias.name for alias in node.names if alias.name in NAMES]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in CALLS:
            found.append(ast.unparse(node))
    return found


def _found() -> dict[str, list[str]]:
    files = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
    told = {name: _sources(ast.parse(path.read_text())) for name, path in files.items()}
    return {name: sources for name, sources in told.items() if sources}


def test_time_and_chance_come_from_one_place() -> None:
    wrong = {name: s for name, s in _found().items() if not name.startswith(tuple(ALLOWED))}
    assert wrong == {}, "ask ctx.now(), ctx.new_id() or haat.kernel.chance"


def test_what_is_allowed_is_used() -> None:
    found = _found()
    unused = [place for place in ALLOWED if not any(name.startswith(place) for name in found)]
    assert unused == []


def test_the_search_finds() -> None:
    text = "import random\nfrom uuid import uuid4\nx = datetime.now(UTC)\ny = time.time()"
    assert len(_sources(ast.parse(text))) == 4
