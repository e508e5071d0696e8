"""Where this process may open connections to: a list of hosts, checked before a name is looked up.

`api.stripe.com, *.paypal.com, 10.0.3.7, webhooks`: names, names below one, addresses; `webhooks`
lets what vendors name be called, as far as it is public (`haat.engines.http.outward`). An empty
list bounds nothing.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

import structlog

from haat.kernel.errors import Unavailable

WEBHOOKS = "webhooks"
_ENTRY = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:]*:[0-9a-f:.]*")
log = structlog.get_logger()


class EgressRefused(Unavailable, code="egress_refused"):
    """This market's list of hosts that may be called does not have this one."""


class Egress:
    """Says which hosts may be called. `known` are some that the operator named elsewhere."""

    def __init__(self, text: str = "", known: Iterable[str] = ()) -> None:
        entries = set(entries_of(text))
        self.bounds = bool(entries)
        self.webhooks = not entries or WEBHOOKS in entries
        self._names = frozenset(one for one in entries if not one.startswith("*.")).union(known)
        self._below = tuple(one[1:] for one in entries if one.startswith("*."))

    def permits(self, host: str) -> bool:
        plain = host.lower().rstrip(".")
        return not self.bounds or plain in self._names or plain.endswith(self._below or ("\0",))

    def check(self, host: str | None) -> None:
        """EgressRefused for a host that is not on the list."""
        if not self.permits(host or ""):
            log.warning("egress_refused", host=host)
            raise EgressRefused


def entries_of(text: str) -> list[str]:
    """The list's entries in lower case; ValueError for one that is no host."""
    found = [one.strip().lower() for one in text.split(",") if one.strip()]
    for one in found:
        if not _ENTRY.fullmatch(one):
            raise ValueError(f"{one!r} is no name of a host (*.example.org for all below one)")
    return found


def unlisted(egress: Egress, urls: Mapping[str, str]) -> list[str]:
    """Names of the settings whose address is not on the list. Folders and memory are no hosts."""
    return [
        name
        for name, url in urls.items()
        if any(not egress.permits(host) for host in hosts_of(url))
    ]


def hosts_of(url: str) -> list[str]:
    """Which hosts an engine at this address calls: of a bucket (S3) that of its endpoint."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file", "memory", "none"):
        return []
    query = parse_qs(parts.query)
    if parts.scheme == "s3":
        ends = query.get("endpoint", [])
        return [urlsplit(end).hostname or "" for end in ends] or ["s3.amazonaws.com"]
    if parts.hostname is None:  # a socket of this machine
        return [one for one in query.get("host", []) if not one.startswith("/")]
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return [urlsplit(f"//{host}").hostname or "" for host in hosts]
