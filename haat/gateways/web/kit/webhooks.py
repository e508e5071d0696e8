"""Webhooks' pages, the same for a vendor's endpoints and for the market's."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from fastapi import Request, Response

from haat.domains.reach.webhooks.api import (
    DeliveryState,
    Endpoint,
    EventKind,
    MadeEndpoint,
    Webhooks,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem

MOVES = frozenset({"on", "off", "secret", "secret-now", "test", "replay", "remove"})
REFUSED = (409, 422)
EVENTS_MAX = 100
STATES = (("", "All"), ("waiting", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed"))
SPANS = (("1", "the last hour"), ("24", "the last day"), ("72", "the last three days"),
         ("168", "the last week"), ("720", "the last 30 days"))  # fmt: skip
# How the events are sorted, by how their names begin; the last is for what is left.
GROUPS = (
    ("Orders and returns", ("order.",)),
    ("Products", ("product.",)),
    ("Stock", ("inventory.",)),
    ("Money", ("payout.", "payment.", "earning.", "invoice.")),
    ("Stores and people", ("",)),
)
OFF = {
    "paused": "Switched off",
    "gone": "Off: it answered 410",
    "failing": "Off: nothing got through for days",
    "staff": "Switched off by the market",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where these pages are: `here`, as which pages they are shown, whose endpoints they keep."""

    here: str
    page: Callable[..., Response]
    owner: Callable[[Visit], UUID | None]

    async def listed(
        self,
        visit: Visit,
        form: Form | None = None,
        *,
        made: MadeEndpoint | None = None,
        chosen: Sequence[str] = (),
        status: int = 200,
    ) -> Response:
        service, owner = _service(visit), self.owner(visit)
        endpoints = await service.endpoints(visit.ctx, vendor_id=owner)
        return self.page(
            visit,
            "webhooks.html",
            self.here,
            status,
            base=self.here,
            endpoints=endpoints,
            groups=_groups(visit, await service.kinds(visit.ctx), owner),
            chosen=chosen,
            form=form or Form(),
            made=made,
            off=OFF,
            new_id=visit.ctx.new_id(),
        )

    async def add(self, visit: Visit, request: Request) -> Response:
        values, events = await _sent(request)
        try:
            reader = Reader(values)
            id = reader.id("id")
            url = reader.text("url", longest=2000)
            description = reader.text("description", longest=200, required=False)
            reader.done()
            made = await _service(visit).add(
                visit.ctx,
                id=id,
                vendor_id=self.owner(visit),
                url=url,
                events=events,
                description=description,
            )
        except Problem as problem:
            if problem.status not in REFUSED:
                raise
            form = Form(values, problem, {"webhook_exists": "url"})
            return await self.listed(visit, form, chosen=events, status=problem.status)
        return await self.listed(visit, made=made)

    async def show(
        self,
        visit: Visit,
        id: UUID,
        *,
        state: DeliveryState | Literal[""] = "",
        type: str = "",
        cursor: str = "",
    ) -> Response:
        found = await _service(visit).endpoint(visit.ctx, id=id, vendor_id=self.owner(visit))
        return await self._endpoint(visit, found, state=state, type=type, cursor=cursor)

    async def change(self, visit: Visit, id: UUID, request: Request) -> Response:
        service, owner = _service(visit), self.owner(visit)
        found = await service.endpoint(visit.ctx, id=id, vendor_id=owner)
        values, events = await _sent(request)
        try:
            reader = Reader(values)
            url = reader.text("url", longest=2000)
            description = reader.text("description", longest=200, required=False)
            reader.done()
            await service.change(
                visit.ctx,
                id=id,
                vendor_id=owner,
                url=url,
                description=description,
                events=events,
            )
        except Problem as problem:
            if problem.status not in REFUSED:
                raise
            form = Form(values, problem, {"webhook_exists": "url"})
            return await self._endpoint(
                visit, found, form=form, chosen=events, status=problem.status
            )
        visit.flash("The endpoint is saved.")
        return visit.redirect(f"{self.here}/{id}")

    async def move(self, visit: Visit, id: UUID, move: str, request: Request) -> Response:
        """What the buttons of an endpoint's page do; NotFound for what is none of `MOVES`."""
        if move not in MOVES:
            raise NotFound
        service, at = _service(visit), {"vendor_id": self.owner(visit)}
        found = await service.endpoint(visit.ctx, id=id, **at)
        values = await form_of(request)
        try:
            if move in ("secret", "secret-now"):
                more = {"overlap_s": 0} if move == "secret-now" else {}
                made = await service.change_secret(visit.ctx, id=id, **at, **more)
                return await self._endpoint(visit, made.endpoint, made=made)
            told = await self._moved(visit, found, move, values)
        except Problem as problem:
            if problem.status not in REFUSED:
                raise
            return await self._endpoint(
                visit, found, form=Form(None, problem), status=problem.status
            )
        visit.flash(told)
        return visit.redirect(self.here if move == "remove" else f"{self.here}/{id}")

    async def _moved(
        self, visit: Visit, found: Endpoint, move: str, values: Mapping[str, str]
    ) -> str:
        service, ctx = _service(visit), visit.ctx
        owner = found.vendor_id
        if move in ("on", "off"):
            await service.change(ctx, id=found.id, vendor_id=owner, enabled=move == "on")
            return "It is switched on." if move == "on" else "It is switched off."
        if move == "test":
            await service.send_test(ctx, id=ctx.new_id(), endpoint_id=found.id, vendor_id=owner)
            return "A test message is on its way. Load the page again to see how it ended."
        if move == "remove":
            await service.remove(ctx, id=found.id, vendor_id=owner)
            return "The endpoint is removed."
        reader = Reader(values)
        hours = reader.whole("hours", least=1, most=720)
        reader.done()
        again = await service.replay_failed(
            ctx,
            endpoint_id=found.id,
            vendor_id=owner,
            since=ctx.now() - timedelta(hours=hours),
        )
        more = " There are more: press again." if again.more else ""
        return f"{again.count} messages go out again.{more}"

    async def delivery(self, visit: Visit, id: UUID, delivery_id: UUID) -> Response:
        service, owner = _service(visit), self.owner(visit)
        endpoint = await service.endpoint(visit.ctx, id=id, vendor_id=owner)
        found = await service.delivery(visit.ctx, id=delivery_id, vendor_id=owner)
        return self.page(
            visit,
            "webhook_delivery.html",
            self.here,
            base=self.here,
            endpoint=endpoint,
            found=found.delivery,
            tries=found.tries,
            body=json.dumps(json.loads(found.body), indent=2, ensure_ascii=False),
        )

    async def replay(self, visit: Visit, id: UUID, delivery_id: UUID) -> Response:
        path = f"{self.here}/{id}/deliveries/{delivery_id}"
        await _service(visit).replay(visit.ctx, id=delivery_id, vendor_id=self.owner(visit))
        visit.flash("It goes out again. Load the page again to see how it ended.")
        return visit.redirect(path)

    async def _endpoint(
        self,
        visit: Visit,
        endpoint: Endpoint,
        *,
        form: Form | None = None,
        made: MadeEndpoint | None = None,
        chosen: Sequence[str] | None = None,
        state: DeliveryState | Literal[""] = "",
        type: str = "",
        cursor: str = "",
        status: int = 200,
    ) -> Response:
        service, owner = _service(visit), endpoint.vendor_id
        page = await service.deliveries(
            visit.ctx,
            endpoint_id=endpoint.id,
            vendor_id=owner,
            state=state or None,
            type=type[:60] or None,
            cursor=cursor or None,
        )
        kinds = await service.kinds(visit.ctx)
        return self.page(
            visit,
            "webhook.html",
            self.here,
            status,
            base=self.here,
            endpoint=endpoint,
            deliveries=page.items,
            next=page.next,
            state=state,
            type=type,
            states=STATES,
            spans=SPANS,
            groups=_groups(visit, kinds, owner, endpoint.events),
            chosen=endpoint.events if chosen is None else chosen,
            form=form or Form(),
            made=made,
            off=OFF,
        )


def _service(visit: Visit) -> Any:
    return visit.doors[Webhooks]


async def _sent(request: Request) -> tuple[dict[str, str], list[str]]:
    """The text fields, and the events that are ticked."""
    values = await form_of(request)
    form = await request.form()
    events = [one for one in form.getlist("events") if isinstance(one, str)]
    return values, [one[:60] for one in events[:EVENTS_MAX]]


def _groups(
    visit: Visit, kinds: Sequence[EventKind], owner: UUID | None, heard: Sequence[str] = ()
) -> list[tuple[str, list[EventKind]]]:
    """What may be chosen here, in groups: for a vendor what who asks has the right to, and what is
    chosen already."""
    left = [
        one
        for one in kinds
        if owner is None
        or one.type in heard
        or (one.right is not None and visit.ctx.has(one.right))
    ]
    found = []
    for name, begins in GROUPS:
        group = [one for one in left if one.type.startswith(begins)]
        left = [one for one in left if one not in group]
        if group:
            found.append((name, group))
    return found
