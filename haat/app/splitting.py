"""`haat split`: writes down how a market runs as several processes, each with its own database.

In the folder stand a Procfile, `haat.env` with the addresses that all share, a file of settings for
each part, and `data`. Nothing is started: `haat up FOLDER` does that, or any Procfile runner.
Written again, ports and passwords stay as they are.
"""

import secrets
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import quote, urlsplit

from haat.app.envfiles import read_settings, write_settings
from haat.app.installation import CannotStart
from haat.app.seeding.demo import ways_to_pay
from haat.app.settings import AppSettings
from haat.app.targets import GROUPS, SITE
from haat.engines.cache.embedded import program
from haat.kernel.clock import SystemClock

HOST = "127.0.0.1"
ENGINES = "engines"  # the line that comes before all others
CONNECTIONS = 6  # per process and database: there are many of both
REPLICAS_MAX = 9
By = Literal["group", "module"]
BusKind = Literal["postgres", "nats"]


def split(
    settings: AppSettings,
    folder: Path,
    *,
    by: By,
    bus: BusKind,
    replicas: int,
    tls: bool = False,
) -> list[str]:
    """Writes the files; answers their names. CannotStart when the folder is of no use.

    Engines that the operator has addresses for (HAAT_SQL_URL: a server that may make databases,
    HAAT_BUS_URL, HAAT_CACHE_URL) are used; the others are embedded ones, in the folder. With `tls`
    the processes call each other by TLS, each with a certificate of its own (`haat.app.between`);
    written again, those are renewed that end within a month.
    """
    folder = folder.expanduser().resolve()
    if settings.data.exists() and folder == settings.folder:
        raise CannotStart(f"{folder} is a market's data folder: name another one")
    try:
        (folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"the folder {folder} cannot be made: {error.strerror}") from None
    return _Split(settings, folder, parts_of(by), bus, replicas, tls).write()


def named(by: str, bus: str) -> tuple[By, BusKind]:
    """What was asked for in words; CannotStart for another word."""
    if by not in get_args(By):
        raise CannotStart(f"a market is split by group or by module, not by {by!r}")
    if bus not in get_args(BusKind):
        raise CannotStart(f"there is no bus {bus!r} to be started: postgres or nats")
    return cast(By, by), cast(BusKind, bus)


def parts_of(by: By) -> Mapping[str, Sequence[str]]:
    """Which modules each part has."""
    if by == "group":
        return GROUPS
    return {name: (name,) for names in GROUPS.values() for name in names}


class _Split:
    def __init__(
        self,
        settings: AppSettings,
        folder: Path,
        parts: Mapping[str, Sequence[str]],
        bus: BusKind,
        replicas: int,
        tls: bool,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._data = folder / "data"
        self._parts = parts
        self._bus = bus
        self._replicas = replicas
        self._tls = self._data / "tls" if tls else None
        common = folder / "haat.env"
        self._before = read_settings(common) if common.exists() else {}
        self._taken: set[int] = set()
        self._engines: list[str] = []  # those that are embedded

    def write(self) -> list[str]:
        common = self._common()
        files = {"haat.env": (common, "What all processes of this market share")}
        for part in self._parts:
            own = {
                "HAAT_PORT": str(urlsplit(common[f"HAAT_RPC_URL_{part.upper()}"]).port),
                "HAAT_SQL_URL": common[f"HAAT_SQL_URL_{part.upper()}"],
            }
            own |= self._certificate(part, self._parts[part])
            files[f"{part}.env"] = (own, f"What only {part} has")
        for name, (values, about) in files.items():
            write_settings(self._folder / name, values, about)
        (self._folder / "Procfile").write_text(self._procfile(), "utf-8")
        return [*files, "Procfile"]

    def _common(self) -> dict[str, str]:
        given = self._settings
        port = self._before.get("HAAT_PORT", str(given.port))
        found = {
            "HAAT_DATA": str(self._data),
            "HAAT_HOST": given.host,
            "HAAT_PORT": port,
            "HAAT_PUBLIC_URL": given.public_url or f"http://localhost:{port}",
            "HAAT_WORKERS": "1",
            "HAAT_BACKGROUND": "0",
            "HAAT_SQL_POOL": str(CONNECTIONS),
            "HAAT_DEMO": str(int(given.demo)),
            "HAAT_TEST_CARDS": str(int(given.takes_test_cards)),
            "HAAT_SECRET_FILE": str(given.secret_file or self._data / "secret.key"),
            "HAAT_RPC_TOKEN": self._before.get("HAAT_RPC_TOKEN") or secrets.token_urlsafe(32),
        }
        if given.demo:
            found |= ways_to_pay()
        found |= self._databases()
        found["HAAT_BUS_URL"] = self._bus_url(found["HAAT_SQL_URL"])
        found["HAAT_BUS_SQL_URL"] = database_at(found["HAAT_SQL_URL"], "haat_bus")
        found["HAAT_CACHE_URL"] = self._cache_url()
        found |= self._cards()
        for name in self._parts:
            key = f"HAAT_RPC_URL_{name.upper()}"
            before = urlsplit(self._before.get(key, "")).port
            scheme = "http" if self._tls is None else "https"
            found[key] = f"{scheme}://{HOST}:{before or self._free_port()}"
        found |= self._certificate(SITE, ())
        for name in ("blob_url", "mail_url"):
            if value := getattr(given, name).get_secret_value():
                found[f"HAAT_{name.upper()}"] = value
        return found

    def _certificate(self, part: str, modules: Sequence[str]) -> dict[str, str]:
        """Of one part: for this machine, and for the names by which its modules are looked for."""
        if self._tls is None:
            return {}
        from haat.app.authority import AUTHORITY, certify

        hosts = dict.fromkeys((HOST, "localhost", part, *modules))
        certify(self._tls, part, [*hosts], SystemClock().now())
        return {
            "HAAT_RPC_CA": str(self._tls / AUTHORITY),
            "HAAT_RPC_CERT": str(self._tls / f"{part}.pem"),
            "HAAT_RPC_KEY": str(self._tls / f"{part}.key"),
        }

    def _databases(self) -> dict[str, str]:
        """One for each part; the one of the site is also where commands stand."""
        server = self._settings.sql_url.get_secret_value()
        if not server:
            self._engines.append("postgres")
            port = _kept(self._data / "postgres.port") or str(self._free_port())
            password = _kept(self._data / "postgres.secret") or secrets.token_urlsafe(32)
            _keep(self._data / "postgres.port", port)
            _keep(self._data / "postgres.secret", password)
            server = f"postgresql://haat:{quote(password, safe='')}@{HOST}:{port}/postgres"
        found = {"HAAT_SQL_URL": database_at(server, f"haat_{SITE}")}
        for name in self._parts:
            found[f"HAAT_SQL_URL_{name.upper()}"] = database_at(server, f"haat_{name}")
        return found

    def _bus_url(self, sql: str) -> str:
        given = self._settings.bus_url.get_secret_value()
        if given:
            return given
        if self._bus == "postgres":
            return database_at(sql, "haat_bus")
        from haat.engines.bus.embedded_nats import EmbeddedNats

        self._engines.append("nats")
        nats = EmbeddedNats(self._data / "nats")
        nats.command()  # settles on port and password
        return nats.url

    def _cache_url(self) -> str:
        given = self._settings.cache_url.get_secret_value()
        if given:
            return given
        if program() is None:
            return "none://"
        self._engines.append("valkey")
        before = self._before.get("HAAT_CACHE_URL", "")
        if before.startswith("valkey://:") and urlsplit(before).hostname == HOST:
            return before
        return f"valkey://:{secrets.token_urlsafe(24)}@{HOST}:{self._free_port()}"

    def _cards(self) -> dict[str, str]:
        if not self._settings.takes_test_cards:
            return {}
        self._engines.append("cards")
        key = "HAAT_TESTCARD_URL"
        url = self._before.get(key) or f"http://{HOST}:{self._free_port()}"
        return {key: url, "HAAT_TESTCARD_SECRET_FILE": str(self._data / "testcard.key")}

    def _procfile(self) -> str:
        """Each line is a command that needs nothing but this folder."""
        lines = [f"{ENGINES}: {self._line(ENGINES, *self._engines)}"]
        for name in (*self._parts, SITE):
            files = () if name == SITE else (name,)
            line = self._line("run", f"--target={name}", settings=files)
            copies = range(1, self._replicas + 1)
            lines += [f"{name}{f'_{n}' if n > 1 else ''}: {line}" for n in copies]
        return "\n".join(lines) + "\n"

    def _line(self, *words: str, settings: Sequence[str] = ()) -> str:
        files = [self._folder / f"{name}.env" for name in ("haat", *settings)]
        given = [f"--settings={path}" for path in files]
        return shlex.join([*_haat(), *given, *words])

    def _free_port(self) -> int:
        while True:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = int(probe.getsockname()[1])
            if port not in self._taken:
                self._taken.add(port)
                return port


def database_at(server: str, name: str) -> str:
    """The same server's database of that name."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _haat() -> list[str]:
    """The command with the interpreter at work here, which is the one that has our libraries."""
    root = Path(__file__).parents[2]
    installed = Path(sys.executable).with_name("haat")
    if installed.is_file() and not (root / "bin" / "haat").is_file():
        return [str(installed)]
    return ["env", f"PYTHONPATH={root}", "PYTHONSAFEPATH=1", sys.executable, "-m", "haat.app.cli"]


def _kept(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""


def _keep(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value + "\n", "utf-8")
