"""What signing in takes, and how much of it is Argon2: over HTTP, one after the other.

The password's hash is meant to be slow; all else (counting tries, the session, its tokens, HTTP)
should be lost beside it. The hash alone is measured here with the market's own costs, by turns with
the sign-ins, so that both see the same machine.
"""

import statistics
import time

import httpx
import psutil

from bench.costs import cpu_seconds
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.service import IdentityOptions

TIMES = 100
WARM_UP = 5


async def measure(address: str, market: psutil.Process) -> None:
    """Prints both times and the share: of what a clock shows, and of processor time, which a busy
    machine does not stretch."""
    options = IdentityOptions()
    passwords = Passwords(
        memory_kib=options.password_memory_kib, passes=options.password_passes, at_once=1
    )
    hashed = await passwords.hash(DEMO_PASSWORD)
    wholes, hashes, used = [], [], 0.0
    before: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=f"{address}/api/v1", timeout=60) as http:
        for n in range(TIMES + WARM_UP):
            if n == WARM_UP:
                before = cpu_seconds(market)
            email = SIGN_INS[n % len(SIGN_INS)].email
            begun = time.perf_counter()
            answer = await http.post(
                "/auth/login", json={"email": email, "password": DEMO_PASSWORD}
            )
            whole = time.perf_counter() - begun
            assert answer.status_code == 200, answer.text
            begun, busy = time.perf_counter(), time.process_time()
            assert await passwords.matches(hashed, DEMO_PASSWORD)
            if n >= WARM_UP:
                wholes.append(whole)
                hashes.append(time.perf_counter() - begun)
                used += time.process_time() - busy
        after = cpu_seconds(market)
    for name, at in (("p50", 50), ("p95", 95)):
        whole, alone = _percentile(wholes, at), _percentile(hashes, at)
        print(
            f"sign-in {name}: {whole * 1e3:.1f} ms, of which Argon2 {alone * 1e3:.1f} ms"
            f" ({alone / whole:.0%})"
        )
    spent = sum(after[kind] - before[kind] for kind in ("web", "postgres")) / TIMES
    print(
        f"processor time: {spent * 1e3:.1f} ms in web and PostgreSQL, of which Argon2"
        f" {used / TIMES * 1e3:.1f} ms ({used / TIMES / spent:.0%})"
    )


def _percentile(found: list[float], at: int) -> float:
    return statistics.quantiles(found, n=100, method="inclusive")[at - 1]
