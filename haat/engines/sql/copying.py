"""Copies of databases with PostgreSQL's own programs, while they are in use.

`base_backup` copies a whole embedded server at one moment in time, all of its databases together
(pg_basebackup; docs: https://www.postgresql.org/docs/18/app-pgbasebackup.html). `dump` copies one
database of any server (pg_dump), which another version or another machine can read.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from haat.engines.sql.programs import EmbeddedPostgresError, account_for_folder, runnable

BASE, WAL, MANIFEST = "base.tar.gz", "pg_wal.tar.gz", "backup_manifest"


class CopyFailed(Exception):
    """A copy could not be made or read; the message is one line and says why."""


def base_backup(url: str, folder: Path) -> None:
    """The whole server behind `url` into `folder` (made, or empty): two archives and a manifest
    with a checksum of every file. Raises CopyFailed."""
    _run(
        "pg_basebackup",
        *("-D", str(folder), "-F", "tar", "-X", "stream", "--checkpoint=fast"),
        *("--compress=gzip:1", "--manifest-checksums=SHA256", "--no-password"),
        environment=_login(url),
    )


def unpack_base_backup(folder: Path, data: Path) -> None:
    """What `base_backup` left in `folder` becomes the cluster's folder `data`, which must not
    exist, and every file in it is checked. Raises CopyFailed; then there is no `data`."""
    nursery = data.with_name(f".{data.name}.restored")
    shutil.rmtree(nursery, ignore_errors=True)
    nursery.mkdir(mode=0o700, parents=True)
    try:
        for archive, target in ((BASE, nursery), (WAL, nursery / "pg_wal")):
            with tarfile.open(folder / archive) as tar:
                tar.extractall(target, filter="data")
        shutil.copyfile(folder / MANIFEST, nursery / MANIFEST)
        _run("pg_verifybackup", "--quiet", str(nursery))
        _give_to_server(nursery)
        nursery.rename(data)
    except (OSError, tarfile.TarError) as error:
        raise CopyFailed(f"the copy of the database cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(nursery, ignore_errors=True)


def dump(url: str, file: Path) -> None:
    """One database into one file, as it stood at one moment. Raises CopyFailed."""
    environment = _login(url)
    what = ("-F", "custom", "--no-owner", "--no-privileges")  # migrations grant them again
    _run("pg_dump", *what, "-f", str(file), environment=environment)


def load(file: Path, url: str) -> None:
    """What `dump` wrote into an empty database: all of it or nothing. Raises CopyFailed."""
    environment = _login(url)
    _run(
        "pg_restore",
        *("--no-owner", "--exit-on-error", "--single-transaction"),
        *("-d", environment["PGDATABASE"], str(file)),
        environment=environment,
    )


def _give_to_server(data: Path) -> None:
    """PostgreSQL does not run as root: its files belong to the account that it runs as."""
    account = account_for_folder(data, fresh=True)
    for path in (data, *data.rglob("*")):
        if account is not None:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _login(url: str) -> dict[str, str]:
    """The address as PG* variables: on a command line everybody could read the password."""
    parts = urlsplit(url)
    given = {
        "PGHOST": unquote(parts.hostname or ""),
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    options = {f"PG{name.upper()}": value for name, value in parse_qsl(parts.query)}
    return {name: value for name, value in (given | options).items() if value}


def _run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    try:
        folder, _ = runnable(None, None)
    except EmbeddedPostgresError as error:
        raise CopyFailed(str(error)) from error
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    done = subprocess.run(
        [str(folder / program), *arguments],
        env={**kept, "LC_ALL": "C", "TZ": "UTC", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise CopyFailed(f"{program}: {said[-1]}")
