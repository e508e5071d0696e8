"""`python -m haat.app.seeding.scale.part '{…}'`: a part of the goods, in a process of its own; its
parent handles what it announces. A line of JSON for every step."""

import json
import sys

from haat.app.loop import run_async
from haat.app.runtime import Runtime
from haat.app.seeding.scale.filling import Done, Filling, Scale
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.engines.telemetry import set_up_logs


async def fill(scale: Scale, part: int, parts: int) -> None:
    async with Runtime(AppSettings(), all_modules(), reacts=False, timers=False) as runtime:
        filling = Filling(runtime, scale, lambda _: None)
        telling = Telling(filling)
        filling.stepped = telling
        await filling.part(part, parts)
        telling()


class Telling:
    """Says what was done since it was last said."""

    def __init__(self, filling: Filling) -> None:
        self._filling, self._looked = filling, 0

    def __call__(self) -> None:
        done, looked = self._filling.done, self._filling.looked
        told = {
            "looked": looked - self._looked,
            "products": done.products,
            "offers": done.offers,
            "stocked": done.stocked,
            "refused": dict(done.refused),
        }
        self._filling.done, self._looked = Done(), looked
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def main() -> None:
    set_up_logs("error")
    given = json.loads(sys.argv[1])
    part, parts = given.pop("part"), given.pop("parts")
    run_async(fill(Scale(**given), part, parts))


if __name__ == "__main__":
    main()
