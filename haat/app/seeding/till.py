"""How the demo's customers pay: cards, credits, bank transfers, cash; and card holders' banks that
take money back. The test card network is reached as a browser or a bank would."""

import base64
import hmac
import json
import os
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.cast import Crowd, as_guest, as_person, as_staff, as_system, id_of, person_id
from haat.app.seeding.opening import customer
from haat.app.seeding.plan import CARDS, CREDITS_MOST, DECLINING, SAVED, SAVERS, Plan
from haat.domains.money.payments.api import FundsReceived, Method, Payments
from haat.domains.money.wallet.api import Wallet
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.money import Money
from haat.kernel.page import LIMIT_MAX

GIFT = 2_500  # hundredths of a credit
WITHDRAWN = 4_000
HOLDER_ACCOUNT = "000123456789"  # a test bank account that is paid at once


class Unfinished(Unavailable, code="demo_unfinished"):
    """The demo market could not be filled: a purchase did not go through."""


class Till:
    """The customers' side of the demo's money. Every step may be repeated."""

    def __init__(self, runtime: Runtime, finance: UUID, end: datetime, card_network: str) -> None:
        self._runtime = runtime
        self._payments: Payments = runtime.inner[Payments]
        self._wallet: Wallet = runtime.inner[Wallet]
        self._finance = finance
        self._end = end
        self._cards = card_network
        self._tokens: dict[str, str] = {}

    async def open(self) -> None:
        """A token for each test card, made where a browser would: at the card network."""
        for number in (*CARDS, *DECLINING):
            card = {"number": number, "expMonth": 12, "expYear": 2040, "cvc": "123"}
            answer = await self._ask("/tokens", card)
            self._tokens[number] = str(answer["token"])

    def method(self, plan: Plan) -> Method:
        if plan.way in ("bank", "cod"):
            return Method(provider=plan.way)
        return Method(token=self._tokens[plan.card])

    def credits(self, plan: Plan, total: Money) -> Money | None:
        """How much of the total is paid with credits."""
        if plan.way != "credits":
            return None
        minor = min(total.minor * plan.credits // 100, CREDITS_MOST)
        return Money(minor=minor, currency=total.currency)

    # -- credits ---------------------------------------------------------------------------------

    async def buy_credits(self, crowd: Crowd, at: datetime) -> None:
        """The first customers buy credits by card."""
        await crowd.all([partial(self._top_up, number, at) for number in range(SAVERS)])

    async def _top_up(self, number: int, at: datetime) -> None:
        person = person_id(customer(number).email)
        ctx = as_person(f"topup:{number}", at, person)
        method = Method(token=self._tokens[CARDS[number % len(CARDS)]])
        id = id_of(f"topup:{number}")
        done = await self._wallet.top_up(ctx, id=id, credits_minor=SAVED, method=method)
        if done.status not in ("open", "done"):  # open: a timer goes on with it
            raise Unfinished(f"The demo's credits of customer {number} are {done.status}.")

    async def thank(self, at: datetime) -> None:
        """Staff give the demo's own customer some credits."""
        await self._wallet.grant(
            as_staff("grant", at, self._finance),
            id=id_of("grant"),
            owner_id=person_id(customer(0).email),
            credits_minor=GIFT,
            reason="Thank you for your patience with the late parcel",
        )

    async def withdraw(self, number: int, at: datetime, *, is_paid: bool) -> None:
        """A customer turns credits back into money; staff agree, or have not looked yet."""
        one = customer(number)
        asked = await self._wallet.withdraw(
            as_person(f"withdraw:{number}", at, person_id(one.email)),
            id=id_of(f"withdraw:{number}"),
            credits_minor=WITHDRAWN,
            holder=one.name,
            account=HOLDER_ACCOUNT,
        )
        if is_paid and asked.status == "requested":
            later = as_staff(f"pay:withdraw:{number}", at + timedelta(hours=2), self._finance)
            await self._wallet.decide_withdrawal(later, id=asked.id, decision="approve")

    # -- bank transfers --------------------------------------------------------------------------

    async def transfer(self, order_id: UUID, at: datetime) -> None:
        """A customer's transfer arrives on the market's account."""
        ctx = self._staff(f"funds:{order_id}", at)
        for payment in await self._payments.payments(ctx, references=[order_id]):
            if payment.instructions is None:
                continue
            line = FundsReceived(
                id=id_of(f"funds:{order_id}"),
                text=f"Order at Haat, {payment.instructions.reference}",
                amount=payment.amount,
                booked_at=at,
                bank_ref=f"DEMO{order_id.int % 10**8:08}",
            )
            await self._payments.receive_funds(ctx, funds=[line])

    async def give_back(self, at: datetime) -> int:
        """Finance has paid the refunds of bank transfers that were due two days ago; how many."""
        ctx = self._staff(f"give-back:{at:%m%d}", at)
        page = await self._payments.refunds_due(ctx, limit=LIMIT_MAX)
        due = [one.id for one in page.items if one.created_at < at - timedelta(days=2)]
        if due:
            await self._payments.settle_refunds(ctx, ids=due, done=True)
        return len(due)

    # -- disputes --------------------------------------------------------------------------------

    async def dispute(
        self, order_id: UUID, at: datetime, outcome: Literal["won", "lost"] | None
    ) -> None:
        """The card holder's bank takes the payment back, or (with `outcome`) decides."""
        ctx = self._staff(f"dispute:{order_id}:{outcome}", at)
        found = await self._payments.payments(ctx, references=[order_id])
        for payment in found:
            if payment.provider != "test" or payment.captured.minor == 0:
                continue
            name = f"dp_{id_of(f'dispute:{payment.id}').hex}"
            if outcome is None:
                body = {"id": name, "reason": "not_received"}
                doc = await self._ask(f"/intents/{payment.id}/disputes", body)
                await self._tell("dispute.opened", doc, at)
            else:
                doc = await self._ask(f"/disputes/{name}/close", {"outcome": outcome})
                await self._tell(f"dispute.{outcome}", doc, at)

    async def _tell(self, kind: str, dispute: dict[str, Any], at: datetime) -> None:
        """The network's message about it, on the demo's clock: while the market is being filled
        the network knows no address of ours, and its own clock shows the present."""
        due = (at + timedelta(days=14)).isoformat()
        doc = {"type": kind, "data": {"object": {**dispute, "evidenceDueAt": due}}}
        body = json.dumps(doc).encode()
        id = f"evt_{id_of(kind + dispute['id']).hex}"
        stamp = str(int(at.timestamp()))
        key = hmac.digest(self._key().encode(), b"haat webhook endpoint", sha256)
        digest = hmac.digest(key, f"{id}.{stamp}.".encode() + body, sha256)
        headers = {
            "webhook-id": id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }
        ctx = as_system(f"webhook:{id}", at)
        await self._payments.webhook(ctx, provider="test", headers=headers, body=body)

    # -- the card network ------------------------------------------------------------------------

    def _key(self) -> str:
        return Path(os.environ["HAAT_TESTCARD_SECRET_FILE"]).read_text("ascii").strip()

    async def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._runtime.http.request(
            as_guest("cards", self._end),
            "POST",
            self._cards + path,
            json=body,
            headers={"authorization": f"Bearer {self._key()}"},
        )
        if not answer.ok:
            raise Unfinished(f"The test card network answered {answer.status}: {answer.body!r}")
        doc: dict[str, Any] = answer.json()
        return doc

    def _staff(self, label: str, at: datetime) -> Context:
        return as_staff(label, at, self._finance)
