"""What the tests of webhooks stand on: the service over doubles, with a vendor's owner."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from haat.domains.reach.webhooks.api import Endpoint
from haat.domains.reach.webhooks.service import WebhookOptions, WebhooksService
from haat.domains.trade.orders.api import OrderShipped
from haat.engines.http import Signer
from haat.engines.http.addresses import networks
from haat.engines.http.outward import Outward
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.events import Event
from tests.domains.people.doubles import SECRET, clock, person, system
from tests.domains.reach.doubles import FakeOrders, heard

ALL_RIGHTS = ("vendor:webhooks", "vendor:orders", "vendor:products:view", "vendor:money")
ORDERS = ["order.shipped", "order.paid"]


class Hooks:
    """Webhooks with doubles around them; `vendor` has an owner who may everything."""

    def __init__(self, db: Database, *, timeout_s: float = 15, **options: Any) -> None:
        self.db, self.at, self.orders = db, clock(), FakeOrders()
        self.timeout_s, self.options = timeout_s, options
        self.vendor, self.owner = uuid4(), uuid4()
        self.service = self.worker()

    def worker(self, **more: Any) -> WebhooksService:
        """The same market's webhooks in another process."""
        outward = Outward(
            allowed=networks("127.0.0.0/8"), plain=True, timeout_s=self.timeout_s, **more
        )
        signer = Signer(SECRET, self.at)
        options = WebhookOptions(**self.options)
        return WebhooksService(self.db, self.orders, outward, signer, self.at, options)

    @property
    def ctx(self) -> Context:
        return system(self.at)

    @property
    def own(self) -> Context:
        return person(self.at, self.owner, vendor=self.vendor, scopes=ALL_RIGHTS)

    @property
    def staff(self) -> Context:
        return person(self.at, scopes=["staff", "staff:settings"])

    async def add(
        self, url: str, events: list[str] | None = None, *, vendor: UUID | None = None
    ) -> tuple[Endpoint, str]:
        """An endpoint of the vendor's, or of another's, and its secret."""
        vendor = vendor or self.vendor
        ctx = person(self.at, vendor=vendor, scopes=ALL_RIGHTS)
        made = await self.service.add(
            ctx, id=uuid4(), vendor_id=vendor, url=url, events=events or ORDERS
        )
        return made.endpoint, made.secret

    async def hear(self, *events: Event) -> int:
        return await self.service.hear(self.ctx, events)

    async def send(self) -> int:
        return await self.service.send_due(self.ctx)

    def pass_(self, **span: float) -> None:
        self.at.advance(timedelta(**span))

    async def states(self, endpoint: Endpoint) -> list[tuple[str, int]]:
        """(state, tries) of its deliveries, oldest first."""
        found = await self.service.deliveries(
            self.ctx, endpoint_id=endpoint.id, vendor_id=endpoint.vendor_id, limit=100
        )
        return [(one.state, one.attempts) for one in reversed(found.items)]

    async def look(self, endpoint: Endpoint) -> Endpoint:
        return await self.service.endpoint(self.ctx, id=endpoint.id, vendor_id=endpoint.vendor_id)

    def shipped(self, vendor: UUID | None = None, number: str = "H-1-1") -> OrderShipped:
        """An event as a handler gets it."""
        return heard(
            OrderShipped(
                order_id=uuid4(),
                vendor_order_id=uuid4(),
                vendor_id=vendor or self.vendor,
                person_id=uuid4(),
                number=number,
                carrier="Post",
                tracking_number="T1",
            ),
            self.at.now(),
        )
