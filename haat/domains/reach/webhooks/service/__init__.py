"""Webhooks' use cases: endpoints, what they hear, what is sent, what is shown."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from haat.domains.reach.webhooks.api import EventKind
from haat.domains.reach.webhooks.catalogue import KINDS
from haat.domains.reach.webhooks.service import statements as sql
from haat.domains.reach.webhooks.service.hearing import HearingCases
from haat.domains.reach.webhooks.service.sending import Sender
from haat.domains.trade.orders.api import Orders
from haat.engines.http import Signer
from haat.engines.http.outward import Outward
from haat.engines.sql import Database
from haat.kernel.clock import Clock
from haat.kernel.context import Context
from haat.kernel.settings import Settings

KEPT = timedelta(days=30)
ROUNDS_MAX = 50


class WebhookOptions(Settings):
    """How many endpoints a vendor may have, and after how many days without anything getting
    through one is switched off."""

    webhooks_per_vendor: Annotated[int, Field(ge=0, le=1000)] = 10
    webhooks_give_up_days: Annotated[int, Field(ge=1, le=30)] = 5


class WebhooksService(HearingCases):
    """Fulfils the contract; its further methods are for reactions, timers and the worker."""

    def __init__(
        self,
        db: Database,
        orders: Orders,
        outward: Outward,
        signer: Signer,
        clock: Clock,
        options: WebhookOptions,
    ) -> None:
        self._db = db
        self._orders = orders
        self._outward = outward
        self._signer = signer
        self._per_vendor = options.webhooks_per_vendor
        give_up = timedelta(days=options.webhooks_give_up_days)
        self._sender = Sender(db, outward, signer, clock, give_up)

    async def kinds(self, ctx: Context) -> list[EventKind]:
        return sorted(
            (
                EventKind(
                    type=one.type,
                    version=one.event.event_version,
                    summary=one.summary,
                    right=one.right,
                    fields=one.told,
                )
                for one in KINDS
            ),
            key=lambda one: one.type,
        )

    async def work(self) -> None:
        """Sends what is due for as long as the process reacts."""
        await self._sender.work()

    async def send_due(self, ctx: Context) -> int:
        """All that is due now; how many tries there were."""
        return await self._sender.send_due(ctx)

    async def trim(self, ctx: Context) -> None:
        """Forgets what is older than 30 days."""
        before = ctx.now() - KEPT
        for _ in range(ROUNDS_MAX):
            if not await self._db.execute(sql.FORGET, before):
                break
        await self._db.execute(sql.FORGET_ENDPOINTS, before)

    def _sender_wakes(self) -> None:
        self._sender.wake()
