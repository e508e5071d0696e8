"""`bin/simulate`: long random histories of the money, in several processes.

bin/simulate --steps 100000 --seed 7 [--jobs 4] [--length 200]
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.sim.running import simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/simulate", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000, help="how many steps in all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same histories")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--length", type=int, default=200, help="steps of one history")
    options = parser.parse_args()
    begun = time.monotonic()
    share = -(-options.steps // options.jobs)
    jobs = [
        (options.seed * 1_000_003 + n * 10_000, share, options.length) for n in range(options.jobs)
    ]
    done: Counter[str] = Counter()
    failed = False
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for number, steps, failure in pool.imap_unordered(simulate, jobs):
            done += steps
            took = time.monotonic() - begun
            print(f"seed {number}: {sum(steps.values())} steps, {took:.0f} s in all", flush=True)
            if failure:
                failed = True
                print(failure, flush=True)
    for name, count in done.most_common():
        print(f"{count:>8}  {name}")
    total = sum(done.values())
    verdict = "the books did not balance" if failed else "the books balanced after every one"
    print(f"{total} steps in {time.monotonic() - begun:.0f} s: {verdict}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
