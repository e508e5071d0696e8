"""A Valkey for tests, which they may end and start again."""

import asyncio
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from haat.engines.cache import open_cache
from haat.engines.cache.embedded import prepared, program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - it is another process that changes
            await asyncio.sleep(0.02)


class Valkey:
    """A server that a test may end and start again on its port."""

    def __init__(self, folder: Path) -> None:
        binary = program()
        assert binary is not None, "there is no Valkey for this platform"
        self._command, self.url = prepared(binary, folder, free_port())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def answers(self) -> None:
        cache = open_cache(self.url)

        async def up() -> bool:
            return await cache.count("up", window_s=1) is not None

        await until(up)
        await cache.aclose()
