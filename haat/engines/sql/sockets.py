"""The embedded server's socket in its own folder: the short way for processes beside it.

A statement over the loopback interface costs both sides all that TCP does; over a socket of the
file system a trivial one takes two thirds of that. Addresses stay what they are, with a port: who
cannot reach the socket (its path is too long for one, the folder is closed) takes the port.
"""

import socket
from pathlib import Path
from urllib.parse import urlsplit

PATH_MAX_BYTES = 100  # of about 107, less on some systems
_LONGEST = ".s.PGSQL.65535"
NAMES = ".s.PGSQL.*"


def fits(folder: Path) -> bool:
    """Whether a socket in this folder can be named."""
    return len(bytes(folder / _LONGEST)) <= PATH_MAX_BYTES


def way_to(url: str, folder: Path) -> dict[str, str | int]:
    """How asyncpg reaches the server of this address: {} for by the address itself, else through
    the socket in `folder`, where that server is the one at work there."""
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1" or parts.port is None or not hasattr(socket, "AF_UNIX"):
        return {}
    folder = folder.absolute()
    if not fits(folder):
        return {}
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(folder / f".s.PGSQL.{parts.port}"))
        except OSError:
            return {}
    return {"host": str(folder), "port": parts.port}
