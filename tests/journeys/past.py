"""A customer with a past: whatever somebody can leave behind in a market, made over REST. In each
text that somebody wrote stands one of PLANTED."""

import asyncio
import base64
import hmac
import io
import json
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from PIL import Image

from haat.app.erasing import do_work
from haat.app.runtime import Runtime
from haat.domains.trust.privacy.api import Privacy
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, buy, deliver, part_of, quote

MARK = "Zyxwvut"
EMAIL = "zyxwvut.plainly@example.com"
PHONE = "+447700900123"
CARD = "4242424242424242"
ADDRESS = {
    "name": f"{MARK} Plainly",
    "line1": "Quarzstrasse 77",
    "city": "Glimmerstadt",
    "postalCode": "N1 9GU",
    "country": "GB",
    "phone": "0171-5550199",
}
# The host system beside the market; HAAT_HOST_KEY_FILE has its secret.
HOST = {"HAAT_HOST_ISSUER": "https://host.example", "HAAT_HOST_AUDIENCE": "haat"}
HOST_SECRET = "a-secret-of-two-systems-that-both-know"
# Looked for without regard to case: a slug or an index may write them in small letters.
PLANTED = (
    *("zyxwvut", "plainly@example", "quarzstrasse", "0171-5550199", "glimmerstadt"),
    *("7700900123", CARD),
)
_HEX = re.compile(r"\\x([0-9a-f]{2,})")


def words(what: str) -> str:
    """A text that names them, and tells where it was written."""
    return f"{what}: {MARK} of Quarzstrasse."


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (10, 200, 30)).save(out, "PNG")
    return out.getvalue()


async def send_picture(person: Client) -> str:
    """The id of an upload of theirs."""
    box = person.box
    answer = await box.http.post(
        f"{box.address}/api/v1/media",
        files={"file": ("a.png", picture(), "image/png")},
        headers={"authorization": f"Bearer {person.token}", "idempotency-key": uuid4().hex},
    )
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def customer_with_a_past(box: Box, shop: Shop, sms: Path) -> Client:
    """Somebody who did everything here; what has to end before an erasure has ended."""
    person = await box.person(EMAIL, f"{MARK} Plainly")
    await in_their_account(person, sms)
    await elsewhere(person)
    hook = {"url": f"{box.address}/nowhere", "events": ["order.cancelled", "order.paid"]}
    await shop.owner.ok("POST", f"/vendors/{shop.id}/webhooks", hook)
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 60})
    first = await bought(box, person, shop)
    await deliver(box, shop, await part_of(shop, first))
    await staff.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 0})
    await sent_back(box, person, shop, first)
    await refunded(box, shop, first)
    await cancelled(box, person, shop)
    await contested(box, person, shop)
    await by_staff(box, person, shop, first)
    await looked_at(box, person)
    for path in (f"/orders/{first['orderId']}/receipt", "/notifications", "/me/orders"):
        await person.ok("GET", path)
    await person.ok("POST", f"/orders/{first['orderId']}/receipt/send")
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()
    return person


async def in_their_account(person: Client, sms: Path) -> None:
    await person.ok("PATCH", "/me", {"phone": "0171-5550199"})
    await person.ok("POST", "/me/addresses", ADDRESS)
    await send_picture(person)
    await person.get("/search?q=zyxwvut")
    await person.ok("POST", "/me/phone", {"number": PHONE})
    told = max(sms.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns).read_text()
    found = re.search(r"\b(\d{6})\b", told)
    assert found is not None, told
    await person.ok("PUT", "/me/phone", {"code": found[1]})
    query = {"query": "query($q: String!) { search(q: $q) { total } }", "variables": {"q": MARK}}
    await person.box.http.post(
        f"{person.box.address}/graphql",
        json=query,
        headers={"authorization": f"Bearer {person.token}"},
    )


async def elsewhere(person: Client) -> None:
    """Their account at the host system (HOST), connected."""
    now = int(time.time())
    claims = {
        "iss": HOST["HAAT_HOST_ISSUER"],
        "aud": HOST["HAAT_HOST_AUDIENCE"],
        "sub": f"{MARK}-7",
        "email": EMAIL,
        "email_verified": True,
        "name": f"{MARK} Plainly",
        "iat": now,
        "exp": now + 300,
    }
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=")
        for one in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    signed = hmac.digest(HOST_SECRET.encode(), b".".join(parts), "sha256")
    token = b".".join([*parts, base64.urlsafe_b64encode(signed).rstrip(b"=")])
    await person.ok("POST", "/me/connections/host", {"token": token.decode()})


async def bought(box: Box, person: Client, shop: Shop) -> Any:
    """With a card that is kept."""
    quoted = await quote(person, {shop.offer: 2}, shipTo=ADDRESS)
    payment = {"provider": "test", "token": await box.token(CARD), "save": True}
    placed = await person.ok("POST", "/orders", {"quoteId": quoted["id"], "payment": payment})
    await box.settle()
    return placed


async def sent_back(box: Box, person: Client, shop: Shop, placed: Any) -> None:
    """A return that is talked about, with a picture, and is refused in the end."""
    part = await part_of(shop, placed)
    whole = await person.ok("GET", f"/orders/{placed['orderId']}")
    line = whole["vendorOrders"][0]["lines"][0]["id"]
    body = {
        "vendorOrderId": part["id"],
        "items": [{"lineId": line, "quantity": 1}],
        "reason": "damaged",
        "text": words("return"),
        "pictureIds": [await send_picture(person)],
    }
    asked = await person.ok("POST", "/returns", body)
    at = f"/returns/{asked['id']}"
    await person.ok("POST", f"{at}/messages", {"text": words("message")})
    await shop.owner.ok("POST", f"{at}/messages", {"text": words("answer")})
    await shop.owner.ok("POST", f"/vendors/{shop.id}{at}/refuse", {"text": words("refusal")})
    await person.ok("POST", f"{at}/escalate", {"text": words("escalation")})
    await (await box.staff()).ok("POST", f"/admin{at}/refuse", {"text": words("decision")})
    await box.settle()


async def refunded(box: Box, shop: Shop, placed: Any) -> None:
    part = await part_of(shop, placed)
    body = {
        "vendorOrderId": part["id"],
        "reason": words("refund"),
        "amount": {"minor": 300, "currency": "USD"},
    }
    await (await box.staff()).ok("POST", "/payments/refund", body)
    await box.settle()


async def cancelled(box: Box, person: Client, shop: Shop) -> None:
    placed = await buy(box, person, {shop.offer: 1})
    part = await part_of(shop, placed)
    await person.ok("POST", f"/orders/{part['id']}/cancel", {"reason": words("cancellation")})
    await box.settle()


async def contested(box: Box, person: Client, shop: Shop) -> None:
    """A chargeback with their words, which they lose."""
    placed = await bought(box, person, shop)
    await deliver(box, shop, await part_of(shop, placed))
    staff = await box.staff()
    payments = (await staff.ok("GET", "/admin/payments?limit=100"))["items"]
    payment = next(one for one in payments if one["reference"] == placed["orderId"])
    body = {"reason": words("dispute")}
    dispute = await box.network(f"/intents/{payment['id']}/disputes", body)
    await until_dispute(box, placed["orderId"], "open")
    await box.network(f"/disputes/{dispute['id']}/close", {"outcome": "lost"})
    await until_dispute(box, placed["orderId"], "lost")


async def until_dispute(box: Box, order_id: str, status: str) -> None:
    staff = await box.staff()
    for _ in range(400):
        found = (await staff.ok("GET", "/admin/payments/disputes?limit=100"))["items"]
        if any(one["reference"] == order_id and one["status"] == status for one in found):
            await box.settle()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody heard that the dispute is {status}")


async def by_staff(box: Box, person: Client, shop: Shop, placed: Any) -> None:
    """What was done to them and written about them."""
    staff, id = await box.staff(), person.person["id"]
    for block in ("block", "unblock"):
        await staff.ok("POST", f"/admin/people/{id}/{block}", {"reason": words(block)})
    await person.sign_in(EMAIL)
    for frozen in (True, False):
        body = {"frozen": frozen, "reason": words("freezing")}
        await staff.ok("PUT", f"/admin/wallets/{id}/frozen", body)
    grant = {"creditsMinor": 10_000, "reason": words("grant")}
    await staff.ok("POST", f"/admin/wallets/{id}/grant", grant)
    taken = {
        "creditsMinor": 10_000,
        "holder": f"{MARK} Plainly",
        "account": "DE02120300000000202051",
    }
    asked = await person.ok("POST", "/wallet/withdrawals", taken)
    decided = {"decision": "approve", "reason": words("withdrawal")}
    await staff.ok("POST", f"/admin/withdrawals/{asked['id']}/decision", decided)
    await box.settle()
    await staff.ok("GET", f"/admin/orders?q={MARK}")
    await shop.owner.ok("GET", f"/orders?q={MARK}")
    await staff.ok("GET", f"/orders/{placed['orderId']}")


async def looked_at(box: Box, person: Client) -> None:
    """A support session: asked for, agreed to, used, ended."""
    staff = await box.staff()
    body = {"personId": person.person["id"], "reason": words("support")}
    asked = await staff.ok("POST", "/admin/support-sessions", body)
    await person.ok("POST", f"/me/support-sessions/{asked['id']}/consent", {})
    entrance = await staff.ok("POST", f"/admin/support-sessions/{asked['id']}/enter")
    inside = Client(box)
    inside.token = entrance["accessToken"]
    for path in ("/me/profile", "/me/orders", "/me/addresses", "/search?q=zyxwvut"):
        await inside.ok("GET", path)
    await staff.ok("DELETE", f"/me/support-sessions/{asked['id']}")


async def settled(runtime: Runtime, person_id: str, state: str) -> None:
    """Until the erasure is this far. Timers are run by hand: nobody waits for their seconds."""
    privacy: Privacy = runtime.inner[Privacy]
    ctx = runtime.system_context("test")
    for _ in range(600):
        await runtime.run_timers()
        await do_work(runtime)
        found = await privacy.erasure_of(ctx, person_id=UUID(person_id))
        if found is not None and found.state == state:
            await runtime.settle()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {state}: {found}")


async def everything_in(url: str) -> dict[str, str]:
    """Every table of every schema, as text; bytes as what they say."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = {}
        for schema, table in tables:
            rows = await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" t')
            found[f"{schema}.{table}"] = "\n".join(_plain(row[0]) for row in rows)
        return found
    finally:
        await connection.close()


def _plain(row: str) -> str:
    """A row with its bytes unpacked: bytea stands there in hex."""
    said = [
        text
        for found in _HEX.finditer(row)
        for text in unpacked(bytes.fromhex(found[1][: len(found[1]) // 2 * 2]))
    ]
    return "\n".join([row, *said])


def unpacked(content: bytes) -> Iterator[str]:
    """The bytes as text, and what is packed in them: archives, compressed streams, mails."""
    yield content.decode("latin-1")
    yield content.decode("utf-16-le", "ignore")
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name
                yield from unpacked(archive.read(name))
    for stream in re.finditer(rb"(?:\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda])", content[:4_000_000]):
        try:
            inflated = zlib.decompressobj(47).decompress(content[stream.start() :], 4_000_000)
        except zlib.error:
            continue
        yield inflated.decode("latin-1")
    if b"\nMIME-Version:" in content or content.startswith(b"From:"):
        for part in message_from_bytes(content, policy=policy.default).walk():
            if not part.is_multipart():
                body = part.get_payload(decode=True)
                yield body.decode("latin-1") if isinstance(body, bytes) else ""
    for word in re.findall(rb"[A-Za-z0-9+/]{24,}", content[:4_000_000]):
        yield base64.b64decode(word[: len(word) // 4 * 4]).decode("latin-1")


def leaks(texts: dict[str, str]) -> list[str]:
    """Where something of theirs stands, with what stands around it."""
    return [
        f"{name}: {text[max(0, at - 60) : at + 60]!r}"
        for name, text in texts.items()
        for word in PLANTED
        if (at := text.lower().find(word)) >= 0
    ]


def files_below(folder: Path) -> dict[str, str]:
    """Of the card network, which is somebody else: without its cards, whom it paid, and what their
    banks wrote."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[str(path)] = "\n".join(unpacked(path.read_bytes()))
            if path.name.startswith("testcard."):
                for theirs in (words("dispute"), f"{MARK} Plainly", CARD):
                    found[str(path)] = found[str(path)].replace(theirs, "")
    return found
