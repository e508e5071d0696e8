"""An OpenID Connect provider that is none of ours: `oidc-provider`, on node.

Its packages are those of package-lock.json, by their hashes, in a folder of the cache that
is named after the lock. Without node, npm or a registry tests skip, saying so; with CI they fail.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "server.mjs")
INSTALL_S = 300
CLIENT = {"client_id": "market", "client_secret": "a secret: with signs & + %"}


def away(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def installed() -> Path:
    """The folder with the server and its packages, made at the first call."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        away("no node and npm: the independent OpenID Connect provider runs on them")
    text = b"".join((HERE / name).read_bytes() for name in FILES)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "haat-tests" / f"oidc-provider-{sha256(text).hexdigest()[:16]}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    for name in FILES:
        shutil.copy(HERE / name, draft)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=draft, capture_output=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        away("npm did not install the independent OpenID Connect provider in time")
    if done.returncode != 0:
        away(f"npm did not install it: {done.stderr.decode(errors='replace')[-500:]}")
    try:
        draft.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(draft)
    return folder


@contextmanager
def independent_provider(back: str) -> Iterator[str]:
    """Its issuer, while it runs. `back` is what redirect addresses look like, as an expression."""
    command = ["node", str(installed() / "server.mjs"), back]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://localhost:"), "it did not start"
        yield issuer
    finally:
        process.terminate()
        process.wait(10)
