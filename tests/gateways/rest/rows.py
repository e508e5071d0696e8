"""Which row each operation asks for, and how one is made."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

from haat.domains.trade.orders.api import Orders
from tests.gateways.rest.supplies import PIECES, Rows, Supplies
from tests.gateways.web.browser import picture


def row(name: str) -> Callable[[Supplies], Awaitable[Rows]]:
    """{id} is that row, every time."""

    async def make(supplies: Supplies) -> Rows:
        return {"id": supplies.rows[name]}

    return make


async def _paid(supplies: Supplies) -> Rows:
    made = await supplies.bought()
    return {**made, "id": made["part"]}


async def _sent(supplies: Supplies) -> Rows:
    made = await supplies.accepted()
    await supplies.owner.ok("PUT", f"/orders/{made['id']}/ship", {})
    return made


async def _paid_order(supplies: Supplies) -> Rows:
    made = await supplies.bought()
    return {**made, "id": made["order"]}


async def _by_link(supplies: Supplies) -> Rows:
    made = await supplies.bought(guest=True)
    box = supplies.town.box
    ids = [UUID(made["order"])]
    ctx = box.runtime.system_context("test")
    links = await box.runtime.inner[Orders].links(ctx, order_ids=ids)
    return {**made, "token": links[ids[0]]}


async def _approved_back(supplies: Supplies) -> Rows:
    made = await supplies.asked_back()
    path = f"/vendors/{supplies.town.clay.id}/returns/{made['id']}/approve"
    await supplies.owner.ok("POST", path, {"sendBack": True})
    return made


async def _refused_back(supplies: Supplies) -> Rows:
    made = await supplies.asked_back()
    path = f"/vendors/{supplies.town.clay.id}/returns/{made['id']}/refuse"
    await supplies.owner.ok("POST", path, {"text": "No."})
    return made


async def _person(supplies: Supplies) -> Rows:
    made = await supplies.town.box.person(f"p{uuid4().hex[:12]}@example.com")
    return {"id": made.person["id"], "person_id": made.person["id"]}


async def _list(supplies: Supplies) -> Rows:
    rule = {"id": str(uuid4()), "name": "All", "rateBp": 300}
    made = await supplies.owner.ok("POST", "/admin/commission-lists", {"rules": [rule]})
    return {"id": made["id"], "version": str(made["version"])}


async def _wanted(supplies: Supplies) -> Rows:
    wanted = {
        "title": "Jar",
        "sku": f"J-{uuid4().hex[:8]}",
        "price": {"minor": 500, "currency": "USD"},
    }
    return {"id": (await supplies.owner.ok("POST", "/product-requests", wanted))["id"]}


async def _awaited(supplies: Supplies) -> Rows:
    """A payment by bank transfer whose money is not here yet."""
    made = await supplies.bought(provider="bank")
    found = await supplies.owner.ok("GET", "/admin/payments?status=awaiting&limit=100")
    return {"id": next(one["id"] for one in found["items"] if one["reference"] == made["order"])}


async def _refund_due(supplies: Supplies) -> Rows:
    made = await supplies.bought(provider="bank")
    found = await supplies.owner.ok("GET", "/admin/payments?status=awaiting&limit=100")
    id = next(one["id"] for one in found["items"] if one["reference"] == made["order"])
    await supplies.owner.ok("POST", f"/admin/payments/{id}/confirm", {})
    await supplies.until(made["number"], "paid")
    body = {"vendorOrderId": made["part"], "reason": "The wrong size."}
    asked = await supplies.owner.ok("POST", "/payments/refund", body)
    due = (await supplies.owner.ok("GET", "/admin/payments/refunds?limit=100"))["items"]
    known = supplies.left["due"]
    fresh = next(one for one in due if {"id": one["id"]} not in known)
    known.append({"id": fresh["id"]})
    assert asked["status"] == "created"
    return {"due": fresh["id"]}


async def _difference(supplies: Supplies) -> Rows:
    """What a bank's statement has and we do not: a file of many at once."""
    left = supplies.left["differences"]
    if not left:
        now = datetime.now(UTC)
        lines = ["id,kind,provider_ref,our_id,amount,fee,currency,at,text"]
        for _ in range(PIECES):
            name = uuid4().hex
            lines.append(f"{name},capture,{name},,10.00,0.00,USD,{now.isoformat()},Unknown")
        owner, box = supplies.owner, supplies.town.box
        answer = await box.http.post(
            f"{box.address}/api/v1/admin/reconciliations/files",
            files={"file": ("report.csv", "\n".join(lines).encode(), "text/csv")},
            data={"provider": "test"},
            headers={"authorization": f"Bearer {owner.token}", "idempotency-key": uuid4().hex},
        )
        assert answer.is_success, answer.text
        path = f"/admin/reconciliations/{answer.json()['id']}/differences?limit=100"
        found = (await owner.ok("GET", path))["items"]
        left += [{"id": one["id"]} for one in found if one["status"] == "open"]
    return left.pop()


async def _account(supplies: Supplies) -> Rows:
    """A bank account of clay's that nobody looked at yet."""
    path = f"/vendors/{supplies.town.clay.id}/bank-accounts"
    number = str(uuid4().int)[:12]
    body = {"holder": "Clay House", "account": number, "country": "US", "routing": "021000021"}
    return {"id": (await supplies.owner.ok("POST", path, body))["id"]}


async def _paper(supplies: Supplies) -> Rows:
    box, shop = supplies.town.box, supplies.town.clay
    answer = await box.http.post(
        f"{box.address}/api/v1/vendors/{shop.id}/kyc",
        files={"file": picture()},
        data={"type": "identity", "kind": "identity"},
        headers={
            "authorization": f"Bearer {supplies.owner.token}",
            "idempotency-key": uuid4().hex,
        },
    )
    assert answer.is_success, answer.text
    return {"id": answer.json()["id"]}


async def _payout(supplies: Supplies) -> Rows:
    """A payout that waits for staff's word."""
    body = {"amount": {"minor": 1, "currency": "USD"}}
    return {"id": (await supplies.town.loom.owner.ok("POST", "/payments/payout", body))["id"]}


async def _in_a_file(supplies: Supplies) -> Rows:
    """A payout that the bank was asked for."""
    made = await _payout(supplies)
    await supplies.owner.ok("POST", f"/admin/payouts/{made['id']}/approve", {})
    await supplies.owner.ok("POST", "/admin/bank-files", {"format": "csv"})
    return {"due": made["id"]}


async def _withdrawal(supplies: Supplies) -> Rows:
    body = {"creditsMinor": 100, "holder": "Ada", "account": "GB82WEST12345698765432"}
    return {"id": (await supplies.owner.ok("POST", "/wallet/withdrawals", body))["id"]}


async def _withdrawal_due(supplies: Supplies) -> Rows:
    made = await _withdrawal(supplies)
    path = f"/admin/withdrawals/{made['id']}/decision"
    await supplies.owner.ok("POST", path, {"decision": "approve"})
    return {"due": made["id"]}


async def _waiver(supplies: Supplies) -> Rows:
    path = f"/admin/vendors/{supplies.town.clay.id}/waivers/{supplies.rows['item']}"
    await supplies.owner.ok("PUT", path, {"waived": False})
    return {"item_id": supplies.rows["item"]}


async def _role(supplies: Supplies) -> Rows:
    return {"role_id": supplies.rows["role"]}


async def _own_role(supplies: Supplies) -> Rows:
    return {"role_id": supplies.rows["own_role"]}


async def _customer_wallet(supplies: Supplies) -> Rows:
    path = f"/admin/wallets/{supplies.rows['customer']}/frozen"
    await supplies.owner.ok("PUT", path, {"frozen": False, "reason": "It is well."})
    return {"owner_id": supplies.rows["customer"]}


async def _elsewhere(supplies: Supplies) -> Rows:
    made = await supplies.submitted(supplies.town.loom.owner)
    path = f"/admin/products/{made['id']}/approve"
    await supplies.owner.ok("PATCH", path, {"decision": "approve"})
    return {"id": made["id"], "loom_variant": made["variants"][0]["id"]}


async def _waiting(supplies: Supplies) -> Rows:
    return {"id": (await supplies.submitted(supplies.owner))["id"]}


async def _sent_up(supplies: Supplies) -> Rows:
    """Somebody who comes back from a provider, and what they bring."""
    return await _from_provider(supplies, "/auth/with/acme")


async def _connecting(supplies: Supplies) -> Rows:
    return await _from_provider(supplies, "/me/connections/with/acme")


async def _proving(supplies: Supplies) -> Rows:
    return await _from_provider(supplies, "/auth/prove/acme")


async def _from_provider(supplies: Supplies, path: str) -> Rows:
    assert supplies.provider is not None
    asked = await supplies.owner.ok("POST", path)
    answered = supplies.provider.visited(asked["url"])
    return {
        "provider": "acme",
        "kept": asked["kept"],
        "code": answered.code,
        "state": answered.state,
    }


async def _applicant(supplies: Supplies) -> Rows:
    """A vendor that waits to be looked at."""
    name = f"Shop {uuid4().hex[:8]}"
    who = await supplies.town.box.person(f"s{uuid4().hex[:12]}@example.com")
    body = {"name": name, "country": "GB", "contactEmail": "shop@example.com"}
    return {"id": (await who.ok("POST", "/vendors/apply", body))["id"]}


MADE: Mapping[str, Callable[[Supplies], Awaitable[Rows]]] = {
    "PATCH /admin/orders/{id}/status": Supplies.accepted,
    "PATCH /admin/orders/{id}/status reason": _paid,
    "PUT /orders/{id}/status": Supplies.accepted,
    "PUT /orders/{id}/status reason": _paid,
    "PUT /orders/{id}/reject": _paid,
    "PUT /orders/{id}/ship": Supplies.accepted,
    "POST /orders/{id}/parcels": _sent,
    "POST /shipments": Supplies.accepted,
    "POST /orders/{id}/cancel": _paid_order,
    "POST /orders/link/{token}/cancel": _by_link,
    "POST /payments/refund": Supplies.bought,
    "POST /returns": Supplies.delivered,
    "POST /returns/{id}/messages": Supplies.asked_back,
    "POST /returns/{id}/escalate": _refused_back,
    "POST /returns/{id}/sent-back": _approved_back,
    "POST /admin/returns/{id}/approve": Supplies.asked_back,
    "POST /admin/returns/{id}/refuse": Supplies.asked_back,
    "POST /admin/returns/{id}/receive": _approved_back,
    "POST /vendors/{vendor_id}/returns/{id}/approve": Supplies.asked_back,
    "POST /vendors/{vendor_id}/returns/{id}/refuse": Supplies.asked_back,
    "POST /vendors/{vendor_id}/returns/{id}/receive": _approved_back,
    "POST /admin/people/{id}/block": _person,
    "POST /admin/people/{id}/erasure": _person,
    "PUT /admin/staff/{person_id}": _person,
    "POST /admin/commission-lists/{id}/activate": _list,
    "PUT /admin/commission-lists/{id}": _list,
    "POST /admin/product-requests/{id}/refuse": _wanted,
    "POST /admin/product-requests/{id}/approve": _wanted,
    "POST /admin/payments/{id}/confirm": _awaited,
    "POST /admin/payments/refunds/settle": _refund_due,
    "POST /admin/reconciliations/differences/{id}/book": _difference,
    "POST /admin/reconciliations/differences/{id}/dismiss": _difference,
    "PUT /admin/bank-accounts/{id}": _account,
    "PUT /admin/documents/{id}": _paper,
    "POST /admin/payouts/{id}/approve": _payout,
    "POST /admin/payouts/{id}/reject": _payout,
    "POST /admin/bank-files/settle": _in_a_file,
    "POST /admin/withdrawals/{id}/decision": _withdrawal,
    "POST /admin/withdrawals/settle": _withdrawal_due,
    "PUT /admin/vendors/{id}/waivers/{item_id}": _waiver,
    "PUT /admin/staff-roles/{role_id}": _role,
    "PUT /vendors/{vendor_id}/roles/{role_id}": _own_role,
    "POST /admin/wallets/{owner_id}/grant": _customer_wallet,
    "PUT /admin/wallets/{owner_id}/frozen": _customer_wallet,
    "POST /products/{id}/offers": _elsewhere,
    "PATCH /admin/vendors/{id}/status": _applicant,
    "PATCH /admin/products/{id}/approve": _waiting,
    "POST /auth/with/{provider}/answer": _sent_up,
    "POST /me/connections/with/{provider}/answer": _connecting,
    "POST /auth/prove/{provider}/answer": _proving,
    "PATCH /admin/webhooks/{id}": row("hook"),
    "PATCH /vendors/{vendor_id}/webhooks/{id}": row("own_hook"),
}
