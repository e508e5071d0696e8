"""The relay of a broker: what outboxes hold goes to the lines of those who hear it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from haat.engines.bus.carrier import Carrier, Letter, Line, partition_of
from haat.engines.bus.port import EVERYTHING, Limits, Route, Source
from haat.engines.bus.relay import Relay
from haat.engines.sql import Pool
from haat.kernel.events import alias_id, declared, fits


class SendingRelay(Relay):
    """Reads a batch under the source's lock, sends it, and deletes it when the broker has it.

    Dying in between sends it again: the broker drops what it has seen (NATS) or the inbox does.
    """

    def __init__(
        self,
        pool: Pool,
        carrier: Carrier,
        sources: Sequence[Source],
        routes: Iterable[Route],
        limits: Limits,
    ) -> None:
        everyone = set(routes)
        super().__init__(pool, sources, everyone, limits, _nobody)
        self._carrier = carrier
        self._routes: dict[str, list[Route]] = defaultdict(list)
        for route in sorted(everyone, key=str):
            self._routes[route.type].append(route)
        self._aliases = {event.event_name: event.event_aliases for event in declared()}

    async def prepare(self) -> None:
        await super().prepare()
        self._near.clear()  # a broker is never in the database of an outbox

    async def _pass_on(self, source: Source, rows: Sequence[Any]) -> list[str]:
        letters = [letter for row in rows for letter in self.letters(source.schema, row)]
        if letters:
            await self._carrier.send(letters)
        return []

    def letters(self, source: str, row: Sequence[Any]) -> Iterator[Letter]:
        """Everything that is to be sent of one outbox row."""
        number, event_id, kind, key, text = row
        bodies: dict[str, bytes] = {kind: text.encode()}
        data: dict[str, Any] | None = None

        def letter(line: Line | None, topic: str) -> Letter:
            given = event_id if topic == kind else alias_id(event_id, topic)
            if topic not in bodies:
                renamed = {**json.loads(text), "eventId": str(given), "type": topic}
                bodies[topic] = json.dumps(renamed, ensure_ascii=False).encode()
            return Letter(number, line, topic, given, key, source, bodies[topic])

        partition = partition_of(key, self._carrier.partitions)
        for route in (*self._routes.get(kind, ()), *self._routes.get(EVERYTHING, ())):
            if route.where:
                data = json.loads(text).get("data", {}) if data is None else data
                if not fits(route.where, data):
                    continue
            yield letter(Line(route.subscriber, partition), route.alias or kind)
        if self._carrier.outside:
            for topic in (kind, *self._aliases.get(kind, ())):
                yield letter(None, topic)


def _nobody(_: set[str]) -> None:
    """A broker wakes those who wait for it by itself."""
