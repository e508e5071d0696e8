"""The drill on a poison message: it becomes a dead letter, its key waits, others go on."""

import time
from uuid import UUID

from haat.app.doctor.findings import Broken, Notes, until
from haat.app.doctor.ward import Ward
from haat.domains.reach.backoffice.api import Backoffice, DeadLetter, DrillMessage, DrillSent, Heard

DEAD_WITHIN_S = 120.0  # a bus tries several times, over about a minute, before it gives up
BUS = "haat/engines/bus"


async def poison(ward: Ward, notes: Notes) -> None:
    office: Backoffice = ward.runtime.inner[Backoffice]
    sick, well = f"{ward.report_id}:sick", f"{ward.report_id}:well"
    numbers = (1, 2, 3, 4)
    await office.send_drill(
        ward.system(),
        report_id=ward.report_id,
        messages=[
            DrillMessage(thread=key, number=number, poison=(key, number) == (sick, 2))
            for number in numbers
            for key in (sick, well)
        ],
    )
    notes.saw(f"{len(numbers)} messages for each of two keys, one of them refused by its reader")
    began = time.monotonic()
    await _heard(ward, well, list(numbers), "messages of a healthy key never came")
    notes.saw(f"the other key went on after {time.monotonic() - began:.1f} s")
    letter = await _dead(ward, sick)
    notes.saw(f"a dead letter after {time.monotonic() - began:.0f} s")
    before = [one.number for one in await _of(ward, sick)]
    if before != [1]:
        raise Broken(
            f"behind a message that could not be handled, its key's messages {before} were handled"
            f" instead of only the first: the order of a key is lost; look at {BUS}"
        )
    await office.mend_drill(ward.system(), report_id=ward.report_id)
    await office.replay(ward.system(), id=letter.id)
    lost = "a letter handed over again, or what waited behind it, never came"
    await _heard(ward, sick, list(numbers), lost)
    notes.saw("mended and handed over again: the others of its key came, in order")
    twice = [one for one in await _all(ward) if one.times != 1]
    if twice:
        raise Broken(
            f"message {twice[0].number} was handled {twice[0].times} times: the inbox does not know"
            f" it again; look at {BUS}/delivery.py"
        )
    if await _letter(ward, sick) is not None:
        raise Broken(f"a dead letter that was handled is still listed; look at {BUS}")


async def _heard(ward: Ward, key: str, wanted: list[int], otherwise: str) -> None:
    """Waits until all of these were heard; Broken when it was in another order."""

    found: list[int] = []

    async def all_of_them() -> bool:
        nonlocal found
        found = [one.number for one in await _of(ward, key)]
        return len(found) >= len(wanted)

    await until(
        all_of_them,
        ward.patience_s,
        lambda: f"{otherwise}: heard {found} of {wanted}; look at {BUS} and log/worker.log",
    )
    if found != wanted:
        raise Broken(f"messages of one key were handled in the order {found}: look at {BUS}")


async def _dead(ward: Ward, key: str) -> DeadLetter:
    async def letter() -> DeadLetter | None:
        return await _letter(ward, key)

    return await until(
        letter,
        DEAD_WITHIN_S,
        lambda: (
            f"a message that is refused each time is no dead letter after {DEAD_WITHIN_S:.0f} s:"
            f" nobody would learn of it; look at {BUS}/consumer.py"
        ),
    )


async def _letter(ward: Ward, key: str) -> DeadLetter | None:
    """As the back office shows it."""
    office: Backoffice = ward.runtime.inner[Backoffice]
    page = await office.dead_letters(ward.system(), limit=100)
    for one in page.items:
        if one.type == DrillSent.event_name and one.key == key:
            return one
    return None


async def _of(ward: Ward, key: str) -> list[Heard]:
    return [one for one in await _all(ward) if one.thread == key]


async def _all(ward: Ward) -> list[Heard]:
    office: Backoffice = ward.runtime.inner[Backoffice]
    report: UUID = ward.report_id
    return await office.heard_drill(ward.system(), report_id=report)
