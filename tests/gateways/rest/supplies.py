"""What a request stands on: a row in the state it needs, another each time where it is used up."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.domains.people.providers import FakeProvider
from tests.gateways.town import Town
from tests.gateways.web.browser import picture
from tests.journeys.box import ADDRESS, Client
from tests.journeys.scene import buy, deliver, draft, part_of, quote

Rows = dict[str, str]
MANY = 1_000_000  # goods, money: more than a whole run takes
PAID_S = 60
PIECES = 40  # of one order that are sent back one by one
YEAR = timedelta(days=365)


@dataclass
class Supplies:
    """Rows for operations: names of placeholders (in paths and bodies) → ids.

    `owner` is clay's, and super admin. `left`: what was not used up, because a text was refused,
    and serves again."""

    town: Town
    owner: Client
    provider: FakeProvider | None = None
    rows: Rows = field(default_factory=dict)
    left: dict[str, list[Rows]] = field(default_factory=lambda: defaultdict(list))

    async def set_up(self) -> None:
        """What can be used any number of times."""
        self.rows = dict(self.town.rows)
        owner, shop = self.owner, self.town.clay
        self.rows["bought"] = await self._on_sale("Sold often")
        self.rows["product"] = (await owner.ok("POST", "/products", draft("Mended", "MD", 900)))[
            "id"
        ]
        self.rows["address"] = (await owner.ok("POST", "/me/addresses", ADDRESS))["id"]
        self.rows["customer"] = self.town.customer.person["id"]
        self.rows |= {"role": str(uuid4()), "own_role": str(uuid4())}
        group = await owner.ok("POST", "/admin/customer-groups", {"name": "Some"})
        self.rows["group"] = group["id"]
        hook = {"url": "https://example.com/hook", "events": ["order.paid"]}
        self.rows["hook"] = (await owner.ok("POST", "/admin/webhooks", hook))["endpoint"]["id"]
        path = f"/vendors/{shop.id}/webhooks"
        self.rows["own_hook"] = (await owner.ok("POST", path, hook))["endpoint"]["id"]
        item = {"kind": "profile", "title": "A profile"}
        made = await owner.ok("POST", "/admin/onboarding/items", item)
        self.rows["item"] = made["id"]
        rate = {"currency": "USD", "micro": 1_000_000}
        await owner.ok("POST", "/admin/credit-rates", rate)
        grant = {"creditsMinor": MANY, "reason": "Some."}
        await owner.ok("POST", f"/admin/wallets/{owner.person['id']}/grant", grant)
        await self._earned()

    async def _earned(self) -> None:
        """Loom has something to be paid out: sold while nothing can be sent back."""
        town, loom = self.town, self.town.loom
        await self.owner.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 0})
        placed = await buy(town.box, town.customer, {loom.offer: 40})
        await deliver(town.box, loom, await part_of(loom, placed))
        await self.owner.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 60})
        bank = {"holder": "Loom Works", "account": "GB82WEST12345698765432"}
        await loom.owner.ok("PUT", f"/vendors/{loom.id}/bank", bank)
        by_file = {"policy": {"method": "bank"}, "reason": "Files go to the bank."}
        await self.owner.ok("PUT", "/admin/payout-policy", by_file)

    async def row(self, name: str, make: Callable[["Supplies"], Awaitable[Rows]]) -> Rows:
        """One of that name which was given back, or made anew."""
        left = self.left[name]
        return left.pop() if left else await make(self)

    async def _on_sale(self, title: str) -> str:
        """A product of clay's, of which there is any number; its offer."""
        owner, made = self.owner, await self.submitted(self.owner, title)
        path = f"/admin/products/{made['id']}/approve"
        await owner.ok("PATCH", path, {"decision": "approve"})
        offer = made["variants"][0]["offers"][0]["id"]
        await owner.ok("PUT", f"/inventory/{offer}", {"onHand": MANY})
        await self.town.box.settle()
        return str(offer)

    async def submitted(self, by: Client, title: str = "Looked at") -> Any:
        made = await by.ok("POST", "/products", draft(title, f"S-{uuid4().hex[:8]}", 500))
        await by.ok("POST", f"/products/{made['id']}/submit")
        return made

    async def bought(self, count: int = 1, *, provider: str = "test", guest: bool = False) -> Rows:
        """A new order of the customer's at clay's, paid if a card pays; and its only part."""
        box, who = self.town.box, self.town.box.guest() if guest else self.town.customer
        asked = await quote(who, {self.rows["bought"]: count})
        payment = {"provider": provider}
        if provider == "test":
            payment["token"] = await box.token("4242424242424242")
        placed = await who.ok("POST", "/orders", {"quoteId": asked["id"], "payment": payment})
        number = placed["orderNumber"]
        part = await self.until(number, "paid" if provider == "test" else "awaiting")
        return {
            "order": placed["orderId"],
            "number": number,
            "part": part["id"],
            "line": part["lines"][0]["id"],
        }

    async def until(self, number: str, payment: str) -> Any:
        """The order's part once that is said of its payment. Others write all the time, so that
        the market as a whole never settles."""
        async with asyncio.timeout(PAID_S):
            while True:
                order = await self.owner.ok("GET", f"/orders/{number}")
                part = order if "lines" in order else order["vendorOrders"][0]
                if part["payment"] == payment:
                    return part
                await asyncio.sleep(0.05)

    async def uploaded(self, upload: Any) -> Any:
        """The file of an upload that was only begun."""
        box = self.town.box
        for part in upload["parts"]:
            request = part["request"]
            answer = await box.http.request(
                request["method"],
                box.address + request["url"],
                content=picture()[1],
                headers=request["headers"],
            )
            assert answer.is_success, answer.text
        return await self.owner.ok("POST", f"/media/uploads/{upload['id']}/complete")

    async def accepted(self) -> Rows:
        made = await self.bought()
        await self.owner.ok("PUT", f"/orders/{made['part']}/accept")
        return {**made, "id": made["part"]}

    async def delivered(self) -> Rows:
        """One whose window for returns is open."""
        left = self.left["delivered"]
        if not left:
            made = await self.bought(PIECES)
            for step in ("accept", "ship", "deliver"):
                await self.owner.ok("PUT", f"/orders/{made['part']}/{step}")
            left += [made] * PIECES
        return left.pop()

    async def asked_back(self) -> Rows:
        """A return the customer asked for."""
        made = await self.delivered()
        body = {
            "vendorOrderId": made["part"],
            "items": [{"lineId": made["line"], "quantity": 1}],
            "reason": "damaged",
        }
        found = await self.town.customer.ok("POST", "/returns", body)
        return {**made, "id": found["id"]}
