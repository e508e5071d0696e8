"""Drills on stock: a plain purchase, the race for the last units, a hold that expires."""

import asyncio
import time
from collections import Counter
from uuid import UUID

from haat.app.doctor.cards import GOOD
from haat.app.doctor.findings import Broken, Notes, until
from haat.app.doctor.ward import Bought, Ward
from haat.domains.goods.inventory.api import Inventory, Line, ReservationExpired
from haat.kernel import synthetic

RACERS, UNITS = 40, 10
HELD, HOLD_S = 5, 1
RESERVE = "inventory.reserve (haat/domains/goods/inventory/service/reserving.py)"


async def purchase(ward: Ward, notes: Notes) -> None:
    """One customer, one piece: what every other drill stands on."""
    began = time.monotonic()
    bought = await ward.outcome(await ward.buy("purchase", "plain", GOOD))
    if not bought.is_placed or bought.checkout_id is None:
        raise Broken(f"a plain purchase was answered {bought.told()}; see log/web.log")
    notes.saw(f"placed in {time.monotonic() - began:.2f} s")
    notes.saw(f"paid, its events handled, {await ward.paid([bought.checkout_id]):.2f} s later")
    payment = await ward.payment(bought.checkout_id)
    charged = await ward.cards.charged([payment.id])
    notes.saw(f"the card was charged {charged} for {payment.amount.minor}")
    if charged != payment.amount.minor:
        raise Broken(f"charged {charged} for an order of {payment.amount.minor}: payments.capture")


async def race(ward: Ward, notes: Notes) -> None:
    """Many whole checkouts at once for a few units."""
    notes.saw(f"{RACERS} customers at once for {UNITS} units")
    token = await ward.cards.token(GOOD)
    body = {
        "items": [{"offerId": str(ward.offers["race"]), "quantity": 1}],
        "shipTo": ward.address(),
        "payment": {"provider": synthetic.PROVIDER, "token": token},
    }

    async def one(number: int) -> Bought:
        bought = await ward.order(f"race:{number}", body, customer=number)
        return await ward.outcome(bought, customer=number)

    began = time.monotonic()
    answers = await asyncio.gather(*(one(number) for number in range(RACERS)))
    notes.saw(f"all answered in {time.monotonic() - began:.2f} s")
    won = [one.checkout_id for one in answers if one.is_placed and one.checkout_id]
    told = Counter(one.told() for one in answers if not one.is_placed)
    notes.saw(f"{len(won)} orders; the others: {_counted(told)}")
    _judge_race(len(won), told)
    notes.saw(f"all paid {await ward.paid(won):.2f} s later")
    on_hand, reserved = await ward.stock("race")
    notes.saw(f"stock left {on_hand}, reserved {reserved}")
    if (on_hand, reserved) != (0, 0):
        raise Broken(
            f"{UNITS} units, {len(won)} orders, yet {on_hand} are on hand and {reserved} reserved:"
            " goods of sold orders were not taken out once each; look at inventory.commit"
        )
    await _charged_once(ward, notes, won)


def _judge_race(won: int, told: Counter[str]) -> None:
    if won > UNITS:
        raise Broken(
            f"{UNITS} units, {won} orders: stock was changed without a condition, read first and"
            f" written then; look at {RESERVE}"
        )
    failed = {words: n for words, n in told.items() if words[:1] == "5"}
    if failed:
        raise Broken(f"customers were answered {_counted(Counter(failed))}; see log/web.log")
    other = {words: n for words, n in told.items() if words != "409 out_of_stock"}
    if other:
        raise Broken(
            f"who came too late was told {_counted(Counter(other))} instead of out_of_stock"
        )
    if won < UNITS:
        raise Broken(
            f"{UNITS} units, {won} orders, and everybody else was told that nothing is left:"
            f" units are held for nobody; look at inventory.release and {RESERVE}"
        )


async def _charged_once(ward: Ward, notes: Notes, won: list[UUID]) -> None:
    payments = [await ward.payment(id) for id in won]
    due = sum(payment.amount.minor for payment in payments)
    charged = await ward.cards.charged([payment.id for payment in payments])
    notes.saw(f"cards charged {charged} for orders of {due}")
    if charged != due:
        raise Broken(f"charged {charged} for orders of {due}: look at payments.capture")


async def expired_hold(ward: Ward, notes: Notes) -> None:
    """A hold that nobody confirms gives its goods back by itself, and cannot be confirmed later."""
    inventory: Inventory = ward.runtime.inner[Inventory]
    ctx, id, offer = ward.system(), ward.id("hold"), ward.offers["hold"]

    async def left() -> int:
        return (await inventory.available(ctx, offers=[offer]))[0].available

    before = await left()
    lines = [Line(offer_id=offer, quantity=HELD)]
    await inventory.reserve(ctx, id=id, lines=lines, ttl_s=HOLD_S)
    held = before - await left()
    notes.saw(f"{held} of {before} held for {HOLD_S} s")
    if held != HELD:
        raise Broken(f"a hold of {HELD} takes {held} off the shelf; look at {RESERVE}")
    began = time.monotonic()

    async def back() -> bool:
        return await left() == before

    await until(
        back,
        HOLD_S + ward.patience_s,
        lambda: (
            f"{HELD} units of a hold that is over stay held: its timer (inventory.expire_held)"
            " does not run; is the background worker at work? log/worker.log"
        ),
    )
    notes.saw(f"back on sale after {time.monotonic() - began:.1f} s")
    try:
        await inventory.promise(ctx, id=id)
    except ReservationExpired:
        notes.saw("a promise that came later was refused")
    else:
        raise Broken(
            "a hold that had expired was promised all the same, its goods being on sale again:"
            " look at inventory.promise"
        )
    if await left() != before:
        raise Broken(f"{before} were on sale before the hold, {await left()} are now")


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{n} × {words}" for words, n in found.most_common()) or "none"
