"""What the benches that read have in common: a load, what it took in the web processes, a table."""

import psutil

from bench import costs
from bench.load import Result, Unit, load, table

HEADING = ("load", "requests/s", "p50 ms", "p95 ms", "web processor ms each")


class Readings:
    """One market's answers, load after load; `web_ms` is processor time for one answer."""

    def __init__(self, address: str, market: psutil.Process, clients: int, seconds: int) -> None:
        self._address, self._market = address, market
        self._clients, self._seconds = clients, seconds
        self._taken: list[tuple[Result, float]] = []

    async def take(self, name: str, unit: Unit, clients: int = 0) -> tuple[Result, float]:
        """One load, without a warm-up: what is counted is all that was done."""
        before = costs.cpu_seconds(self._market)["web"]
        clients = clients or self._clients
        result = await load(
            name, self._address, unit, clients=clients, seconds=self._seconds, warm_up_s=0
        )
        spent = costs.cpu_seconds(self._market)["web"] - before
        self._taken.append((result, spent * 1000 / max(1, result.done)))
        return self._taken[-1]

    def show(self) -> None:
        """All of them, and what failed."""
        rows: list[tuple[str, ...]] = [HEADING]
        for result, web_ms in self._taken:
            tell_failure(result)
            p50, p95 = f"{result.at(0.5):,.1f}", f"{result.at(0.95):,.1f}"
            rows.append((result.name, f"{result.rate:,.0f}", p50, p95, f"{web_ms:,.2f}"))
        print(table(rows))
        tell_memory(self._market)


def tell_failure(result: Result) -> None:
    """The first, and how many there were."""
    for failure in result.failures[:1]:
        print(f"{result.name}: {len(result.failures)} failures, such as {failure}")


def tell_memory(market: psutil.Process) -> None:
    found = costs.memory_mb(market)
    print("memory, MB: " + ", ".join(f"{kind} {mb:,.0f}" for kind, mb in found.items()))
