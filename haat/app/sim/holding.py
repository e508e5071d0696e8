"""What must hold when a run has come to rest: looked up in the tables and at the provider, not
asked of the modules; and the modules' own proof."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from haat.app.proving import prove_all
from haat.kernel.events import Event, Reaction, fits, noted_in
from haat.kernel.ids import derive

if TYPE_CHECKING:
    from haat.app.sim.process import Process
    from haat.app.sim.world import World

_LEDGER = """
SELECT currency, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits
  FROM ledger.accounts GROUP BY 1"""
_CLEARING = """
SELECT coalesce(sum(debits - credits), 0)::bigint AS minor
  FROM ledger.accounts WHERE kind = 'clearing'"""
_STOCK = """
SELECT s.offer_id, s.on_hand, s.reserved,
       (SELECT coalesce(sum(m.delta), 0) FROM inventory.movements m
         WHERE m.offer_id = s.offer_id AND m.warehouse_id = s.warehouse_id) AS moved
  FROM inventory.stock s"""
_INBOX = "SELECT subscriber, event_id FROM {schema}.inbox"
_EMITTED = "SELECT event_id, type, data::text AS data FROM simulated.emitted ORDER BY event_id"


class Holding:
    """Every method names what does not hold."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._look = world.server.look

    async def all(self, process: "Process") -> list[str]:
        found = [f"unexpected: {line}" for line in self.world.unexpected]
        found += self.goods() + self.checkouts() + self.money() + self.events()
        if not found:
            with process.pool.unseen():
                proof: Any = process
                found = [f"proof: {line}" for line in await prove_all(proof)]
        return found

    def goods(self) -> list[str]:
        found = []
        for row in self._look(_STOCK):
            told = f"offer {row['offer_id']}: on hand {row['on_hand']}, reserved {row['reserved']}"
            if row["on_hand"] != row["moved"]:
                found.append(f"stock: {told}, its movements add up to {row['moved']}")
            if row["on_hand"] < 0 or not 0 <= row["reserved"] <= row["on_hand"]:
                found.append(f"stock: {told}")
        rows = self._look(
            "SELECT id FROM inventory.reservations WHERE state IN ('held', 'promised')"
        )
        found += [f"hold: reservation {row['id']} without an open checkout" for row in rows]
        return found

    def checkouts(self) -> list[str]:
        """Each placed once or wholly undone."""
        found = []
        orders = {row["id"] for row in self._look("SELECT id FROM orders.orders")}
        goods = {
            row["id"]: row["state"]
            for row in self._look("SELECT id, state FROM inventory.reservations")
        }
        paid = {
            row["id"]
            for row in self._look(
                "SELECT DISTINCT order_id AS id FROM orders.vendor_orders"
                " WHERE payment IN ('paid', 'partially_refunded', 'refunded')"
            )
        }
        for row in self._look("SELECT id, state FROM checkout.checkouts ORDER BY id"):
            id, state = row["id"], row["state"]
            self.world.schedule.coverage.ends[f"checkout {state}"] += 1
            reserved = goods.get(derive(id, "reservation"))
            if state == "placed":
                if id not in orders:
                    found.append(f"checkout: {id} is placed, there is no order")
                elif reserved != "committed":
                    found.append(f"checkout: {id} is placed, its goods are {reserved}")
            elif state in ("declined", "expired", "undone"):
                if id in paid:
                    found.append(f"checkout: {id} is {state}, and its order is paid")
                if reserved in ("held", "promised", "committed") and id not in orders:
                    found.append(f"checkout: {id} is {state}, its goods are {reserved}")
            else:
                found.append(f"checkout: {id} is still {state}")
            found += self._charged(id, state, id in paid)
        return found

    def _charged(self, id: UUID, state: str, is_paid: bool) -> list[str]:
        """Each paid order captured once; nothing kept of another."""
        network, card = self.world.network, derive(id, "card")
        payment = network.payments.get(card)
        taken = network.captured(card)
        if len(taken) > 1:
            return [f"captured: order {id} was charged {len(taken)} times: {taken}"]
        if payment is None:
            return []
        if payment.status == "authorized":
            return [f"captured: {id} is {state}, its card is still held"]
        kept = sum(taken) - network.refunded(card)
        if not is_paid and kept:
            return [f"captured: {id} is {state} and not paid, {kept} of its card is kept"]
        if is_paid and not taken:
            return [f"captured: order {id} is paid, nothing was charged"]
        return []

    def money(self) -> list[str]:
        """The ledger sums to zero, and clearing holds what the provider does."""
        found = [
            f"ledger: {row['currency']}: {row['debits']} is not {row['credits']}"
            for row in self._look(_LEDGER)
            if row["debits"] != row["credits"]
        ]
        held, owed = self._look(_CLEARING)[0]["minor"], self.world.network.balance()
        if held != owed:
            found.append(f"ledger: clearing holds {held}, the provider owes us {owed}")
        return found

    def events(self) -> list[str]:
        """Every event handled once by each subscriber."""
        subscribers: dict[str, list[tuple[str, Reaction]]] = {}
        for module in self.world.modules:
            if module.reactions is not None:
                for one in noted_in(module.reactions).reactions:
                    kind = "*" if one.event is Event else one.event.event_name
                    name = f"{module.name}.{one.handler.__name__}"
                    subscribers.setdefault(kind, []).append((name, one))
        heard: Counter[tuple[str, UUID]] = Counter()
        for module in self.world.modules:
            rows = self._look(_INBOX.format(schema=module.name))
            heard.update((row["subscriber"], row["event_id"]) for row in rows)
        found = []
        for row in self._look(_EMITTED):
            self.world.schedule.coverage.ends[f"event {row['type']}"] += 1
            for name, one in (*subscribers.get(row["type"], ()), *subscribers.get("*", ())):
                times = heard[name, row["event_id"]]
                if times != 1 and fits(one.where, json.loads(row["data"])):
                    found.append(f"events: {row['type']} {row['event_id']}: {name} heard {times}")
        dead = self._look("SELECT subscriber, type, error FROM bus.dead")
        found += [f"events: dead letter for {r['subscriber']}: {r['error'][:300]}" for r in dead]
        return found[:10]
