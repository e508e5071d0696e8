"""The scene of a report: the synthetic vendor with goods, and customers who buy over HTTP."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.app.doctor.cards import Cards, Message
from haat.app.doctor.findings import Broken, until
from haat.app.runtime import Runtime
from haat.domains.goods.catalog.api import Catalog, ProductDraft, VariantDraft, VendorNotActive
from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import Payment, Payments
from haat.domains.people.identity.api import EmailTaken, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Application, Vendors
from haat.domains.reach.backoffice.api import Backoffice
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.shipping.api import Shipping
from haat.engines.http.client import Answer, HttpClient
from haat.engines.http.tokens import AccessClaims
from haat.kernel import synthetic
from haat.kernel.context import Actor, Context
from haat.kernel.errors import Conflict, Problem, Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money

VENDOR_NAME = "Doctor's drills (synthetic, not a vendor)"
PRICE_MINOR = 1000
SESSION = timedelta(hours=1)
ANSWER_S = 60.0  # how long a customer waits for one answer
UNDER_WAY = frozenset({"processing", "needs_action"})
TRIES = 6  # when the market says that it has no time now


@dataclass(slots=True)
class Bought:
    """How a checkout was answered: the last answer's status, and its document."""

    status: int
    document: Mapping[str, Any]

    @property
    def code(self) -> str:
        """The problem's code, or how the checkout stands."""
        return str(self.document.get("code") or self.document.get("status") or "")

    @property
    def checkout_id(self) -> UUID | None:
        found = self.document.get("checkoutId")
        return UUID(found) if found else None

    @property
    def is_placed(self) -> bool:
        return self.document.get("status") == "placed"

    def told(self) -> str:
        return f"{self.status} {self.code}".strip()


@dataclass
class Ward:
    """What the drills share. `patience_s`: how long anything is waited for."""

    runtime: Runtime
    http: HttpClient
    cards: Cards
    site: str
    report_id: UUID
    patience_s: float
    settings: MarketSettings
    offers: dict[str, UUID] = field(default_factory=dict)
    checkouts: set[UUID] = field(default_factory=set)  # all that this report began

    def system(self) -> Context:
        return self.runtime.system_context(f"doctor:{self.report_id}")

    def person(self, id: UUID) -> Context:
        """For calls on a synthetic person's behalf that no page has."""
        return Context(
            actor=Actor("person", id),
            scopes=frozenset({"person"}),
            request_id=f"doctor:{self.report_id}",
            correlation_id=f"doctor:{self.report_id}",
            clock=self.runtime.clock,
        )

    def id(self, label: str) -> UUID:
        """The id of this report's thing with that label."""
        return derive(self.report_id, label)

    # -- buying --------------------------------------------------------------------------------

    async def buy(self, label: str, offer: str, card: str, *, customer: int = 0) -> Bought:
        """One whole checkout of one piece, sent again with its key when there is no time now."""
        body = {
            "items": [{"offerId": str(self.offers[offer]), "quantity": 1}],
            "shipTo": self.address(),
            "payment": {"provider": synthetic.PROVIDER, "token": await self.cards.token(card)},
        }
        return await self.order(label, body, customer=customer)

    async def order(self, label: str, body: Mapping[str, Any], *, customer: int = 0) -> Bought:
        """POST /orders, with a key of its own."""
        key = self.id(label).hex
        who = synthetic.CUSTOMERS[customer % len(synthetic.CUSTOMERS)]
        for left in range(TRIES, 0, -1):
            answer = await self._send("POST", "/orders", body, person=who, key=key)
            if answer.status != 429 or left == 1:
                break
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")[:4] or 1))
        bought = Bought(answer.status, _document(answer))
        if bought.checkout_id is not None:
            self.checkouts.add(bought.checkout_id)
        return bought

    async def outcome(self, bought: Bought, *, customer: int = 0) -> Bought:
        """How it ended, asked for as a customer's page does while it is under way."""
        id = bought.checkout_id
        if id is None or bought.code != "processing":
            return bought
        who = synthetic.CUSTOMERS[customer % len(synthetic.CUSTOMERS)]
        last = bought

        async def ended() -> Bought | None:
            nonlocal last
            answer = await self._send("GET", f"/checkout/{id}/status", person=who)
            last = Bought(answer.status, _document(answer))
            return None if last.code == "processing" or answer.status >= 500 else last

        return await until(
            ended, self.patience_s, lambda: f"checkout {id} never ends: it stands {last.told()}"
        )

    async def webhook(self, message: Message) -> Answer:
        """Hands a message over as the provider would."""
        headers, body = message
        return await self.http.request(
            self.system(),
            "POST",
            f"{self.site}/api/v1/payments/webhook/{synthetic.PROVIDER}",
            content=body,
            headers=headers,
            idempotent=False,
            timeout_s=ANSWER_S,
        )

    async def refuse(self, payment: UUID) -> Answer:
        """The card holder says no at 3-D Secure, or has said so, and the network tells us."""
        intent = await self.cards.intent(payment)
        if intent["status"] == "requires_action":
            await self.cards.answer(payment, "fail")
            intent = await self.cards.intent(payment)
        now = self.runtime.clock.now()
        return await self.webhook(self.cards.message("intent.declined", intent, now))

    async def _send(
        self, method: str, path: str, body: Any = None, *, person: UUID, key: str | None = None
    ) -> Answer:
        claims = AccessClaims(
            person_id=person, session_id=self.id(f"session:{person}"), scopes=frozenset({"person"})
        )
        headers = {"authorization": f"Bearer {self.runtime.tokens.issue(claims, SESSION)}"}
        if key is not None:
            headers["idempotency-key"] = key
        return await self.http.request(
            self.system(),
            method,
            f"{self.site}/api/v1{path}",
            json=body,
            headers=headers,
            idempotent=False,  # what a customer is answered first is what counts
            timeout_s=ANSWER_S,
        )

    def address(self) -> dict[str, str]:
        return {
            "name": "Synthetic Customer",
            "line1": "1 Nowhere Street",
            "city": "Nowhere",
            "postalCode": "00000",
            "country": self.settings.country,
        }

    # -- looking -------------------------------------------------------------------------------

    async def payment(self, checkout_id: UUID) -> Payment:
        """The one payment of a checkout. Broken when there are two."""
        payments: Payments = self.runtime.inner[Payments]
        found = await payments.payments(self.system(), references=[checkout_id])
        if len(found) != 1:
            raise Broken(f"checkout {checkout_id} has {len(found)} payments: look at settlement")
        return found[0]

    async def orders(self, ids: Sequence[UUID]) -> list[Order]:
        orders: Orders = self.runtime.inner[Orders]
        return await orders.by_ids(self.system(), ids=list(ids))

    async def paid(self, ids: Sequence[UUID]) -> float:
        """Waits until all of these orders are paid; how many seconds that took."""
        began = time.monotonic()
        missing = list(ids)

        async def all_paid() -> bool:
            nonlocal missing
            found = {order.id: order.payment for order in await self.orders(ids)}
            missing = [id for id in ids if found.get(id) != "paid"]
            return not missing

        await until(
            all_paid,
            self.patience_s,
            lambda: (
                f"{len(missing)} of {len(ids)} placed orders are not paid after"
                f" {self.patience_s:.0f} s: is the background worker at work? log/worker.log"
            ),
        )
        return time.monotonic() - began

    async def stock(self, offer: str) -> tuple[int, int]:
        """On hand and reserved."""
        inventory: Inventory = self.runtime.inner[Inventory]
        [found] = await inventory.stock_of(self.system(), offers=[self.offers[offer]])
        return found.on_hand, found.reserved

    # -- the scene -----------------------------------------------------------------------------

    async def open(self, stocks: Mapping[str, int]) -> None:
        """The vendor active again, with one variant on sale for each of these stocks."""
        await self._people()
        await self._vendor()
        draft = ProductDraft(
            title=f"Drill {self.report_id}",
            option_names=["Drill"],
            variants=[
                VariantDraft(
                    sku=f"{name}-{self.report_id}",
                    options={"Drill": name},
                    price=Money(minor=PRICE_MINOR, currency=self.settings.currency),
                )
                for name in stocks
            ],
        )
        catalog: Catalog = self.runtime.inner[Catalog]
        ctx = self.system()
        id = self.id("product")
        product = await catalog.create(ctx, id=id, vendor_id=synthetic.VENDOR, draft=draft)
        self.offers = {one.options["Drill"]: one.offers[0].id for one in product.variants}
        await until(
            self._submitted, self.patience_s, lambda: "the catalogue never hears of the vendor"
        )
        await catalog.decide(ctx, id=id, decision="approve")
        inventory: Inventory = self.runtime.inner[Inventory]
        for name, count in stocks.items():
            offer = self.offers[name]
            await inventory.set_on_hand(
                ctx, id=self.id(f"stock:{name}"), offer_id=offer, on_hand=count
            )
        await until(
            self._on_sale,
            self.patience_s,
            lambda: "events are not handled: is the background worker at work? log/worker.log",
        )

    async def _people(self) -> None:
        identity: Identity = self.runtime.inner[Identity]
        names = {synthetic.OWNER: "owner"}
        names |= {id: f"customer-{n}" for n, id in enumerate(synthetic.CUSTOMERS, 1)}
        there = await identity.contacts(self.system(), person_ids=sorted(names))
        for id in names.keys() - {contact.person_id for contact in there}:
            try:
                await identity.register(
                    self.system(),
                    id=id,
                    email=f"{names[id]}@{synthetic.MAIL_DOMAIN}",
                    password=f"{self.runtime.system_context('').new_id()}-{id}",  # nobody's
                    name=f"Synthetic {names[id]}",
                )
            except EmailTaken:  # by an earlier doctor, at this very moment
                continue

    async def _vendor(self) -> None:
        vendors: Vendors = self.runtime.inner[Vendors]
        application = Application(
            name=VENDOR_NAME,
            description="Exists for `haat doctor` only; its goods are listed nowhere.",
            country=self.settings.country,
            contact_email=f"owner@{synthetic.MAIL_DOMAIN}",
        )
        vendor = await vendors.apply(
            self.person(synthetic.OWNER), id=synthetic.VENDOR, application=application
        )
        if vendor.status == "pending":
            await vendors.decide(self.system(), id=synthetic.VENDOR, decision="approve")
        elif vendor.status != "active":
            await vendors.decide(self.system(), id=synthetic.VENDOR, decision="reinstate")

    async def _submitted(self) -> bool:
        catalog: Catalog = self.runtime.inner[Catalog]
        try:
            await catalog.submit(self.system(), id=self.id("product"))
        except VendorNotActive:
            return False  # it has not heard of the vendor's return yet
        return True

    async def _on_sale(self) -> bool:
        """Catalogue, inventory and shipping have all heard."""
        ids = list(self.offers.values())
        catalog: Catalog = self.runtime.inner[Catalog]
        inventory: Inventory = self.runtime.inner[Inventory]
        shipping: Shipping = self.runtime.inner[Shipping]
        lines = await catalog.offers(self.system(), ids=ids)
        left = await inventory.available(self.system(), offers=ids)
        methods = await shipping.methods(self.system(), vendor_id=synthetic.VENDOR)
        buyable = len(lines) == len(ids) and all(line.buyable for line in lines)
        return buyable and bool(methods) and all(one.available for one in left)


async def furnished(
    runtime: Runtime, http: HttpClient, cards: Cards, site: str, report_id: UUID, patience_s: float
) -> Ward:
    """A ward before it is opened."""
    ctx = runtime.system_context(f"doctor:{report_id}")
    settings = await runtime.inner[Market].settings(ctx)
    return Ward(runtime, http, cards, site, report_id, patience_s, settings)


async def discard_letters(runtime: Runtime, ctx: Context, kind: str) -> int:
    """Drops the dead letters of drills, be they an earlier doctor's; how many there were."""
    office: Backoffice = runtime.inner[Backoffice]
    count, cursor = 0, None
    while True:
        page = await office.dead_letters(ctx, limit=100, cursor=cursor)
        for letter in page.items:
            if letter.type == kind:
                try:
                    await office.discard(ctx, id=letter.id)
                    count += 1
                except (Conflict, Problem):  # somebody else was first
                    continue
        cursor = page.next
        if cursor is None:
            return count


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except Unavailable:
        return {}
    return found if isinstance(found, dict) else {}
