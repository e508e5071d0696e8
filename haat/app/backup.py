"""`haat backup DIR` and `haat restore DIR`: a market's database, files and configuration.

A backup is made while the market runs. The database is copied as it stood at one moment; files come
after it and are never changed in place, so every file that the copied rows name is there. What the
market's provider of payments did later is the provider's: timers find it out after a restore.

DIR holds `database/`, `files/` and, written last, `backup.json` with a checksum of every file: a
folder without it is not a backup. docs/operate/backup.md tells more.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from haat.app.installation import CannotStart, Installation
from haat.app.runtime import every_route
from haat.app.settings import AppSettings
from haat.app.splitting import database_at
from haat.app.targets import all_modules
from haat.engines.bus import Source, is_broker, open_bus
from haat.engines.bus.brokered import BrokeredBus
from haat.engines.bus.carrier import Away
from haat.engines.bus.stillness import stillness
from haat.engines.sql import open_pool
from haat.engines.sql.copying import CopyFailed, base_backup, dump, load, unpack_base_backup

FORMAT = 1
NOTE = "backup.json"
DUMP = "market.dump"
CARDS = "testcard.db"
_TRIES = 50
_PAUSE_S = 0.1
# What belongs to running processes, or is made anew at a start.
LEFT_OUT = frozenset({"postgres", "log", "metrics", "valkey", "search"})
LEFT_OUT_SUFFIXES = (".lock", ".ready", ".pid", ".sock")


@dataclass(frozen=True, slots=True)
class Backup:
    """What `backup.json` says. `kind`: 'server' (all of an embedded PostgreSQL) or 'dump' (one
    database); `databases`: which setting names which database of the server, where modules stand in
    several; `files` are SHA-256 in hex by path below the backup's folder."""

    format: int
    kind: str
    made_at: str
    site: str
    databases: dict[str, str]
    files: dict[str, str]


def back_up(settings: AppSettings, folder: Path) -> Backup:
    """Writes a backup into `folder`, which must not exist yet or be empty. CannotStart with one
    line; then nothing is left there."""
    folder = folder.expanduser().resolve()
    _need_empty(folder)
    draft = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    installation = Installation(settings)
    try:
        draft.mkdir(mode=0o700, parents=True)
        (draft / "database").mkdir(mode=0o700)
        installation.prepare()
        with installation.sql_for_command() as url:
            made_at = datetime.now(UTC)
            broker = _broker(settings, installation)
            copy = partial(_copy_database, settings, url, draft / "database")
            kind = asyncio.run(_while_still(settings, url, broker, copy)) if broker else copy()
        _copy_files(installation.folder, draft, with_nats=not broker)
        databases = _databases(settings) if kind == "server" else {}
        files = _digests(draft)
        note = Backup(FORMAT, kind, made_at.isoformat(), settings.site, databases, files)
        _write(draft / NOTE, note)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
        return note
    except CopyFailed as error:
        raise CannotStart(f"no backup was made: {error}") from error
    except OSError as error:
        raise CannotStart(f"no backup was made in {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def restore(settings: AppSettings, folder: Path) -> Backup:
    """Makes a market's data folder, which must not hold one yet, from a backup: every file of it is
    checked first. CannotStart with one line; then there is no market there."""
    folder = folder.expanduser().resolve()
    note = read(folder)
    installation = Installation(settings)
    _need_fresh(installation.folder)
    installation.prepare()
    installation.take_charge()
    try:
        _need_fresh(installation.folder)  # nobody else can begin one now
        _put_back(settings, folder, note)
        return note
    except (CopyFailed, OSError) as error:
        _clear(installation.folder)
        raise CannotStart(f"nothing was restored: {error}") from error
    finally:
        installation.leave()


def read(folder: Path) -> Backup:
    """What stands in a backup, all of its files checked. CannotStart names what is wrong."""
    try:
        note = Backup(**json.loads((folder / NOTE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        raise CannotStart(f"{folder} is not a finished backup: {NOTE} is missing there") from None
    if note.format != FORMAT:
        raise CannotStart(f"{folder} was made by a newer Haat (format {note.format}): use that one")
    found = _digests(folder)
    for name, digest in note.files.items():
        if found.get(name) != digest:
            state = "damaged" if name in found else "missing"
            raise CannotStart(f"the backup in {folder} cannot be used: {name} is {state}")
    return note


def settings_for_proof(note: Backup, server: str) -> dict[str, str]:
    """Where the modules of a restored market stand on its server: HAAT_… settings."""
    return {name: database_at(server, database) for name, database in note.databases.items()}


def _databases(settings: AppSettings) -> dict[str, str]:
    """Empty when everything stands in the server's own database."""
    if not settings.sql_url.get_secret_value():
        return {}
    names = {f"HAAT_SQL_URL_{m.name.upper()}": settings.sql_of(m.name) for m in all_modules()}
    urls = {"HAAT_SQL_URL": settings.sql_url.get_secret_value(), **names}
    urls["HAAT_BUS_URL"] = settings.bus_database
    return {name: urlsplit(url).path.lstrip("/") for name, url in urls.items()}


def _is_ours(settings: AppSettings, url: str) -> bool:
    """Whether it is the embedded server of this data folder, as in a market of several processes
    whose settings name it."""
    try:
        port = int((settings.folder / "postgres.port").read_text())
    except (OSError, ValueError):
        return False
    at = urlsplit(url)
    there = (settings.folder / "postgres" / "PG_VERSION").exists()
    return there and at.hostname in ("127.0.0.1", "localhost") and at.port == port


def _copy_database(settings: AppSettings, url: str, target: Path) -> str:
    """'server' or 'dump': which of them was made."""
    given = settings.sql_url.get_secret_value()
    if not given or _is_ours(settings, given):
        # All databases of the server at the same moment, whatever modules stand in which.
        base_backup(url, target / "server")
        return "server"
    addresses = {settings.sql_of(module.name) for module in all_modules()}
    if addresses != {given}:
        raise CopyFailed(
            "modules stand in several databases of your own server, and only its own tools can"
            " copy them at one moment (pg_basebackup, or the provider's snapshots)"
        )
    dump(given, target / DUMP)
    return "dump"


def _broker(settings: AppSettings, installation: Installation) -> str:
    """The broker that carries events now; '' when PostgreSQL does, or when the embedded one stands
    still with everything in its folder."""
    url = settings.bus_url.get_secret_value()
    if not is_broker(url):
        return ""
    if urlsplit(url).scheme.startswith("amqp") and installation.running() is not None:
        raise CopyFailed(
            "RabbitMQ does not tell what is being handled: stop the market for the backup"
        )
    if urlsplit(url).hostname != "embedded":
        return url
    if installation.running() is None:
        return ""
    from haat.engines.bus.embedded_nats import EmbeddedNats

    return EmbeddedNats(installation.folder / "nats").url


async def _while_still(
    settings: AppSettings, url: str, broker: str, copy: Callable[[], str]
) -> str:
    """Copies while nothing is under way at the broker, which is not copied."""
    bound = settings.model_copy(update={"sql_url": SecretStr(url)})
    addresses = {module.name: bound.sql_of(module.name) for module in all_modules()}
    async with AsyncExitStack() as stack:
        pools = {}
        for address in {*addresses.values(), bound.bus_database}:
            pools[address] = await open_pool(address, size=2)
            stack.push_async_callback(pools[address].close)
        bus = open_bus(broker, pools[bound.bus_database])
        assert isinstance(bus, BrokeredBus)
        sources = [Source(name, pools[address]) for name, address in addresses.items()]
        try:
            async with stillness(bus.carrier, sources, {one.subscriber for one in every_route()}):
                return await asyncio.to_thread(copy)
        except TimeoutError:
            raise CopyFailed(
                "events wait at the broker and nobody handles them: start the market first"
            ) from None
        except Away as error:
            raise CopyFailed(str(error)) from error


def _copy_files(data: Path, draft: Path, *, with_nats: bool) -> None:
    """The rest of the data folder: pictures, mails, keys, the test card network's books."""
    files = draft / "files"
    files.mkdir(mode=0o700)
    for path in sorted(data.iterdir()):
        left_out = path.name in LEFT_OUT or (path.name == "nats" and not with_nats)
        if left_out or path.name.startswith(".") or path.is_symlink():
            continue
        if path.name.endswith(LEFT_OUT_SUFFIXES):
            continue
        if path.is_dir():
            shutil.copytree(path, files / path.name, copy_function=_copy_if_there)
        elif path.name == CARDS:
            _copy_sqlite(path, files / path.name)
        elif not path.name.startswith(CARDS):  # what SQLite keeps beside its file
            _copy_if_there(str(path), str(files / path.name))


def _copy_if_there(source: str, target: str) -> None:
    """A file may be deleted meanwhile: then nobody needs it."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _copy_sqlite(source: Path, target: Path) -> None:
    """The card network locks its file against everybody, so it is copied from outside: the file
    with its log, as long as none of the log was written back into the file meanwhile. A last entry
    of the log that is only half there is left out by its checksum."""
    log, copied = source.with_name(f"{source.name}-wal"), target.with_name(f"{target.name}-wal")
    for _ in range(_TRIES):
        before = _state(source, log)
        _copy_if_there(str(source), str(target))
        _copy_if_there(str(log), str(copied))
        if _state(source, log) == before:
            break
        time.sleep(_PAUSE_S)
    else:
        raise CopyFailed(f"{source.name} is written to all the time: try again")
    with closing(sqlite3.connect(target)) as copy:  # takes what stands in the log into the file
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise CopyFailed(f"{source.name} is damaged")
    target.chmod(0o600)


def _state(source: Path, log: Path) -> tuple[int, int, bytes]:
    """Changes when the log is written back, or begun anew (SQLite's file format, section 4.1)."""
    found = source.stat()
    try:
        with log.open("rb") as file:
            head = file.read(32)
    except FileNotFoundError:
        head = b""
    return found.st_mtime_ns, found.st_size, head


def _put_back(settings: AppSettings, folder: Path, note: Backup) -> None:
    data = settings.folder
    given = settings.sql_url.get_secret_value()
    if note.kind == "dump":
        if not given:
            raise CopyFailed("this backup is of a server of your own: set HAAT_SQL_URL to one")
        load(folder / "database" / DUMP, given)
    elif given:
        raise CopyFailed("this backup is of an embedded PostgreSQL: leave HAAT_SQL_URL empty")
    for path in (folder / "files").iterdir():
        if path.is_dir():
            shutil.copytree(path, data / path.name)
        else:
            shutil.copy2(path, data / path.name)
    if note.kind == "server":  # last: a folder with a database is a market
        unpack_base_backup(folder / "database" / "server", data / "postgres")


def _need_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotStart(f"{folder} is not empty: name a new folder for each backup")


def _need_fresh(data: Path) -> None:
    if (data / "postgres").exists() or (data / "secret.key").exists():
        raise CannotStart(
            f"there is a market in {data} already: set HAAT_DATA to a new folder to restore into"
        )


def _clear(data: Path) -> None:
    """After a restore that failed: as it was before, but for the locks and the log."""
    for path in data.iterdir():
        if path.name == "log" or path.name.endswith(".lock"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): _digest(path) for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != NOTE:
            yield path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, note: Backup) -> None:
    content: dict[str, Any] = asdict(note)
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
