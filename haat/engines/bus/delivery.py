"""Hands a batch to a reaction, once for each event that its inbox does not have yet."""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from haat.engines.bus.port import Subscription
from haat.kernel.clock import Clock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.events import Envelope, Event, fits
from haat.kernel.ids import DerivedIds, derive

_NOTE = (
    "INSERT INTO {schema}.inbox (subscriber, event_id)"
    " SELECT $1, e FROM unnest($2::uuid[]) e ORDER BY e ON CONFLICT DO NOTHING RETURNING event_id"
)
_KNOWN = "SELECT event_id FROM {schema}.inbox WHERE subscriber = $1 AND event_id = ANY($2::uuid[])"


Alike = Mapping[str, Subscription]  # by type


async def deliver(
    subscription: Subscription,
    raw: Sequence[dict[str, Any]],
    clock: Clock,
    timeout_s: float,
    alike: Alike = MappingProxyType({}),
) -> None:
    """Runs the reaction on those of these envelopes that are new to it, in their order.

    `alike` are subscriptions of the same handler whose events may stand among these.

    What does not fit the reaction's `where` is left out: it was sent before there was one.
    A reaction that writes does so in the transaction that notes the events in the inbox; any
    other is called first and noted afterwards, so it may see an event twice.
    """
    if any(one.reaction.where for one in (subscription, *alike.values())):
        raw = [one for one in raw if _fits(alike.get(one.get("type", ""), subscription), one)]
    read = [Envelope.model_validate(one) for one in raw]
    # A broker may bring an event twice in one batch: its first place counts.
    envelopes = list({one.event_id: one for one in read}.values())
    if not envelopes:
        return
    ctx = _context(subscription, envelopes[0], clock).within(timeout_s)
    async with asyncio.timeout(timeout_s):
        if subscription.reaction.writes:
            await _write(subscription, ctx, envelopes, alike)
        else:
            await _call(subscription, ctx, envelopes, alike)


def _fits(subscription: Subscription, raw: dict[str, Any]) -> bool:
    where = subscription.reaction.where
    return not where or fits(where, raw.get("data", {}))


async def _write(
    subscription: Subscription, ctx: Context, envelopes: Sequence[Envelope], alike: Alike
) -> None:
    database, name = subscription.database, subscription.subscriber
    ids = [envelope.event_id for envelope in envelopes]
    async with database.begin(ctx) as tx:
        rows = await tx.fetch(_NOTE.format(schema=database.schema), name, ids)
        new = {row["event_id"] for row in rows}
        fresh = [
            _decode(alike.get(one.type, subscription), one)
            for one in envelopes
            if one.event_id in new
        ]
        if fresh:
            await subscription.reaction.handler(subscription.service, ctx, tx, fresh)


async def _call(
    subscription: Subscription, ctx: Context, envelopes: Sequence[Envelope], alike: Alike
) -> None:
    database, name = subscription.database, subscription.subscriber
    ids = [envelope.event_id for envelope in envelopes]
    rows = await database.fetch(_KNOWN.format(schema=database.schema), name, ids)
    known = {row["event_id"] for row in rows}
    fresh = [one for one in envelopes if one.event_id not in known]
    if fresh:
        events = [_decode(alike.get(one.type, subscription), one) for one in fresh]
        await subscription.reaction.handler(subscription.service, ctx, events)
        note = _NOTE.format(schema=database.schema)
        await database.execute(note, name, [one.event_id for one in fresh])


def _context(subscription: Subscription, first: Envelope, clock: Clock) -> Context:
    """The system's, under the first event's trace; the same ids when the batch comes again."""
    return Context(
        actor=SYSTEM,
        request_id=first.trace.request_id,
        correlation_id=first.trace.correlation_id,
        clock=clock,
        ids=DerivedIds(derive(first.event_id, subscription.subscriber)),
    )


def _decode(subscription: Subscription, envelope: Envelope) -> Event | Envelope:
    """The event as the subscriber's class has it; the envelope for one that hears everything.

    A class whose version is newer than the envelope's gives `upcast(version, data) -> data`.
    """
    kind = subscription.reaction.event
    if kind is Event:
        return envelope
    data = envelope.data
    if envelope.version < kind.event_version:
        upcast = getattr(kind, "upcast", None)
        assert upcast, f"{envelope.type} {envelope.version} cannot become {kind.event_version}"
        data = upcast(envelope.version, data)
    circumstances = {"event_id": envelope.event_id, "occurred_at": envelope.occurred_at}
    return kind.model_validate({**data, **circumstances})
