"""Every page, called by everybody who may not, from other sites, and with nonsense."""

import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute

from haat.gateways.web import site_routers
from tests.gateways.town import Town
from tests.journeys.box import PASSWORD, Box
from tests.journeys.scene import draft

SEED = 20261121
NOBODYS = "01890000-0000-7000-8000-000000000000"
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}"
NASTY = (
    "",
    "a\0b",
    "x" * 9_000,
    HOSTILE,
    "../../../etc/passwd",
    "\r\nSet-Cookie: a=b",
    "9" * 400,
    "1e400",
    "-1",
    "NaN",
    "é" * 400,
    "१२३",
    NOBODYS,
    "W10",
    "eyJhIjoxfQ",
    "on",
)
HEADERS: tuple[dict[str, str], ...] = (
    {"referer": "http://[::1"},
    {"origin": "http://["},
    {"cookie": "haat_access=x; haat_refresh=y; haat_cart=1; haat_flash=%ff%00"},
    {"cookie": 'haat_flash="unended; haat_cart=00000000-0000-0000-0000-000000000000'},
    {"host": "evil.example"},
    {"host": "a b"},
    {"x-forwarded-for": "127.0.0.1"},
    {"x-vendor-id": "x"},
    {"content-type": "multipart/form-data"},
    {"content-type": "multipart/form-data; boundary=x; charset=undefined"},
    {"content-type": "multipart/form-data; boundary=x; charset=idna"},
    {"content-type": "multipart/form-data; boundary=x; charset=unicode_escape"},
    {"content-type": "application/x-www-form-urlencoded; charset=utf-16"},
    {"content-type": "application/json"},
    {"content-type": ""},
    {"authorization": "Bearer x"},
)
BODIES = (
    b"",
    b"=&&=&%&%zz=%ff",
    b"a=1" * 1_200,
    b"&".join(b"f%d=1" % n for n in range(1_200)),
    b"--x\r\ncontent-disposition: form-data; name=title\r\n\r\n\\ud800\xff\r\n--x--\r\n",
    b"--x\r\ncontent-disposition: form-data; name=email; filename=a\r\n\r\nno text\r\n--x--\r\n",
    b"--x\r\ncontent-disposition: form-data\r\n\r\nnameless\r\n--x--\r\n",
    b"--x\r\nbroken",
)


# All staff may look at a vendor and a product: orders lead there.
# What a provider of identities sends from its own site; it does nothing but come again by GET.
FROM_ELSEWHERE = "/sign-in/with/{provider}/back"
FOR_ALL_STAFF = {("GET", "/admin/vendors/{id}"), ("GET", "/admin/products/{id}")}
MONEY = ("money", "terms", "charges", "bank")
MONEY_OF_VENDORS = [f"/admin/vendors/{{id}}/{what}" for what in MONEY]
SENT = {"reason": "no", "decision": "approve"}


def pages(*methods: str) -> Iterator[tuple[str, str]]:
    """(method, path) of everything on the site."""
    for router in site_routers():
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods or ()):
                if method in methods:
                    yield method, route.path


def filled(path: str, rows: dict[str, str]) -> str:
    """The path with clay's rows in it."""
    kinds = (("product", "product"), ("order", "part"), ("stock", "offer"), ("vendor", "vendor"))
    known = dict(rows)
    known["slug"] = rows["product"] if path.startswith("/products") else rows["vendor"]
    known |= {"quote_id": rows["quote"], "offer_id": rows["offer"], "number": rows["tracking"]}
    known |= {"move": "accept" if "orders" in path else "archive", "what": "discard"}
    known |= {"name": "haat.css", "vendor_order_id": rows["part"]}
    place = next((row for word, row in kinds if f"/{word}s/" in path), "order")
    known["id"] = rows[place]
    known["ref"] = rows["order"] if "/vendor/shipping" not in path else rows["method"]
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], NOBODYS), path)


@asynccontextmanager
async def browser(box: Box, email: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, signed in or not."""
    headers = {"accept": "text/html"}
    async with httpx.AsyncClient(base_url=box.address, headers=headers, timeout=120) as client:
        if email:
            answer = await client.post("/sign-in", data={"email": email, "password": PASSWORD})
            assert answer.status_code == 303
        yield client


async def entered(
    client: httpx.AsyncClient, town: Town, prefix: str, besides: Sequence[str] = ()
) -> str:
    """What under the prefix, `besides` those, was not refused, a line each."""
    found = []
    for method, path in pages("GET", "POST"):
        shown = path == "/vendor/apply" or (method, path) in FOR_ALL_STAFF or path in besides
        if path.startswith(prefix) and not shown:
            answer = await client.request(method, filled(path, town.rows), data=SENT)
            to_door = answer.headers.get("location", "").startswith("/sign-in")
            no_row = answer.status_code == 422 and "dead-letters" in path
            if not to_door and not no_row and answer.status_code not in (401, 403, 404):
                found.append(f"{method} {path}: {answer.status_code}")
    return "\n".join(found)


async def test_nobody_enters_where_they_may_not(town: Town) -> None:
    async with browser(town.box, None) as guest:
        for prefix in ("/vendor", "/admin", "/account", "/orders/{", "/notifications"):
            if prefix != "/vendor":
                assert await entered(guest, town, prefix) == ""
        assert await entered(guest, town, "/vendor/") == ""
    async with browser(town.box, "bob@example.com") as customer:
        assert await entered(customer, town, "/vendor/") == ""
        assert await entered(customer, town, "/admin") == ""
        for _, path in FOR_ALL_STAFF:
            assert (await customer.get(filled(path, town.rows))).status_code == 403
        assert await entered(customer, town, "/orders/{") == ""
    async with browser(town.box, "owner@loom-works.example.com") as owner:
        assert await entered(owner, town, "/admin") == ""
        for method, path in pages("GET", "POST"):
            if path.startswith("/vendor/") and "{" in path and "{ref}" not in path:
                answer = await owner.request(method, filled(path, town.rows))
                assert answer.status_code in (404, 422), f"{method} {path}: {answer.status_code}"


@pytest.mark.parametrize("role", ["support", "moderator", "finance"])
async def test_staff_see_their_own_desks_only(town: Town, role: str) -> None:
    lacking = {
        "support": ("/admin/vendors", "/admin/products", "/admin/payouts", "/admin/settings"),
        "moderator": (
            *(
                "/admin/orders",
                "/admin/payouts",
                "/admin/settings",
                "/admin/dead",
                "/admin/webhooks",
            ),
            "/admin/commission",
        ),
        "finance": (
            "/admin/vendors",
            "/admin/products",
            "/admin/settings",
            "/admin/dead",
            "/admin/webhooks",
        ),
    }
    async with browser(town.box, f"{role}@staff.example.com") as client:
        for prefix in lacking[role]:
            besides = MONEY_OF_VENDORS if role == "finance" else ()
            assert await entered(client, town, prefix, besides) == ""


async def test_forms_of_other_sites_are_refused(town: Town) -> None:
    foreign: tuple[dict[str, str], ...] = (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
    )
    async with browser(town.box, "owner@clay-house.example.com") as owner:
        for method, path in pages("POST"):
            for headers in foreign:
                answer = await owner.request(method, filled(path, town.rows), headers=headers)
                wanted = 303 if path == FROM_ELSEWHERE else 403
                assert answer.status_code == wanted, f"{method} {path} {headers}"
                if path == FROM_ELSEWHERE:
                    assert "set-cookie" not in answer.headers


async def test_nothing_breaks(town: Town) -> None:
    dice, found = random.Random(SEED), []
    emails = ("ada@example.com", "owner@clay-house.example.com", "admin@staff.example.com", None)
    await town.box.staff()
    stack = AsyncExitStack()
    clients = [await stack.enter_async_context(browser(town.box, email)) for email in emails]
    for method, path in pages("GET", "POST"):
        for _ in range(10):
            url, options = _nonsense(path, town.rows, method, dice)
            client = dice.choice(clients)
            answer = await client.request(method, url, **options)
            if answer.status_code >= 500:
                found.append(f"{method} {url[:200]} {options}: {answer.status_code}"[:600])
            assert "<script>alert" not in answer.text, f"{method} {url} {options}"
            assert "onerror=alert(1)>" not in answer.text.replace("&", ""), f"{method} {url}"
            assert "set-cookie: a=b" not in str(answer.headers).lower()
    await stack.aclose()
    assert "\n".join(found) == ""


def _nonsense(
    path: str, rows: dict[str, str], method: str, dice: random.Random
) -> tuple[str, dict[str, Any]]:
    """An address and what is sent to it."""
    url = filled(path, rows)
    if "{" in path and dice.random() < 0.4:
        value = quote(dice.choice(NASTY[1:]), safe="")
        url = re.sub(r"\{\w+\}", lambda _: value, path)
    words = ("q", "cursor", "sort", "next", "offer", "result", "number", "status", "price_min")
    if dice.random() < 0.5:
        chosen = dice.sample(words, 3)
        url += "?" + "&".join(f"{word}={quote(dice.choice(NASTY))}" for word in chosen)
    headers = dict(dice.choice(HEADERS)) if dice.random() < 0.4 else {}
    if method == "GET":
        return url, {"headers": headers}
    if "content-type" in headers or dice.random() < 0.2:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        return url, {"headers": headers, "content": dice.choice(BODIES)}
    names = (
        "title description price sku stock email password name city country address line1 reason"
        " amount holder account quantity offer_id id vendor_id commission rate provider next"
        " decision market_name parent_id position variants path tracking_number carrier"
    ).split()
    form = {name: dice.choice(NASTY) for name in dice.sample(names, 12)}
    return url, {"headers": headers, "data": form}


async def test_hostile_words_stay_words(town: Town) -> None:
    """Stored by one, read by others: in lists, on pages, in the back office, in notifications."""
    owner, staff = town.loom.owner, await town.box.staff()
    body = draft(HOSTILE, "hostile-1", 700)
    body["descriptionHtml"] = f"<p onclick=alert(1)>{HOSTILE}<svg onload=alert(1)>words</p>"
    body["brand"] = HOSTILE
    for url in ("javascript:alert(1)", "//evil.example/a.png", "data:text/html,x", "/sign-out"):
        answer = await owner.post("/products", {**body, "pictures": [{"url": url}]})
        assert answer.json()["errors"][0]["path"] == "pictures.0.url", url
    body["pictures"] = [{"url": "https://pictures.example/a.png", "alt": HOSTILE}]
    product = await owner.ok("POST", "/products", body)
    await owner.ok("POST", f"/products/{product['id']}/submit")
    await owner.ok("PATCH", f"/vendors/{town.loom.id}", {"description": HOSTILE})
    reason = {"decision": "reject", "reason": HOSTILE}
    await staff.ok("PATCH", f"/admin/products/{product['id']}/approve", reason)
    await owner.ok("POST", f"/products/{product['id']}/submit")
    await staff.ok("PATCH", f"/admin/products/{product['id']}/approve", {"decision": "approve"})
    await town.other.ok("PATCH", "/me", {"name": f"Eve {HOSTILE}"})
    await town.box.settle()
    paths: tuple[str, ...] = (
        "/",
        "/search?q=script",
        f"/search?q={quote(HOSTILE)}",
        f"/vendors/{town.loom.id}",
    )
    paths += (f"/products/{product['id']}", f"/vendor/products/{product['id']}", "/vendor/stock")
    paths += ("/notifications", "/vendor/products", "/vendor/profile", "/account", "/vendor")
    paths += ("/admin/products?status=active", f"/admin/products/{product['id']}", "/admin/people")
    paths += (f"/admin/vendors/{town.loom.id}", "/admin/vendors", f"/track?number={quote(HOSTILE)}")
    seen = 0
    for email in (None, "owner@loom-works.example.com", "admin@staff.example.com"):
        async with browser(town.box, email) as client:
            client.cookies.set("haat_flash", quote(HOSTILE))
            for path in paths:
                answer = await client.get(path)
                seen += "alert(1)" in answer.text
                bare = re.sub(r'"[^"]*"', '""', answer.text)  # what stands in quotes is words
                live = re.findall(r"<(?:script>|svg|img src=x)|<[^>]* on[a-z]+=", bare)
                assert not live, f"{path}: {live}"
                if answer.status_code == 200:
                    assert "default-src 'self'" in answer.headers["content-security-policy"]
                    assert not inline(answer), path
    assert seen > 12  # it was there, as words


def inline(answer: httpx.Response) -> list[str]:
    """What of a page its own policy would stop, or ought to: scripts without the answer's nonce,
    anything inline, and policies that allow it."""
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]{22})';", policy)
    assert nonce, policy
    found = [
        word for word in ("unsafe-inline", "unsafe-eval", "script-src 'self'") if word in policy
    ]
    for attributes, content in re.findall(r"<script\b([^>]*)>(.*?)</script>", answer.text, re.S):
        if f'nonce="{nonce[1]}"' not in attributes or content.strip():
            found.append(f"<script{attributes}>")
    bare = re.sub(r'="[^"]*"', '=""', answer.text)  # what stands in quotes is words
    found += re.findall(r"<style\b[^>]*>|<[a-z][^<>]*\s(?:style|on[a-z]+)=", bare)
    found += re.findall(r'(?:href|src|action)="\s*javascript:', answer.text)
    return found


async def test_every_page_has_a_strict_policy(town: Town) -> None:
    await town.box.staff()
    seen, nonces = 0, set()
    emails = (None, "ada@example.com", "owner@clay-house.example.com", "admin@staff.example.com")
    for email in emails:
        async with browser(town.box, email) as client:
            for _, path in pages("GET"):
                answer = await client.get(filled(path, town.rows))
                for name in ("x-content-type-options", "referrer-policy", "x-frame-options"):
                    assert name in answer.headers, f"{path}: {name}"
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    continue
                assert answer.headers["cross-origin-opener-policy"] == "same-origin", path
                assert "camera=()" in answer.headers["permissions-policy"], path
                assert not inline(answer), f"{path}: {inline(answer)}"
                nonces.add(answer.headers["content-security-policy"])
                seen += 1
    assert seen > 150
    assert len(nonces) == seen  # each answer has its own


async def test_pages_of_people_let_them_leave(town: Town) -> None:
    """And show no password while it is typed, wherever one is."""
    async with browser(town.box, "owner@clay-house.example.com") as owner:
        for path in ("/account", "/orders", "/vendor", "/vendor/products", "/notifications"):
            assert 'action="/sign-out"' in (await owner.get(path)).text, path
        fields = []
        for path in ("/account/security", "/account/prove?next=/account"):
            fields += re.findall(r"<input\b[^>]*>", (await owner.get(path)).text)
    async with browser(town.box, None) as guest:
        for path in ("/sign-in", "/register"):
            fields += re.findall(r"<input\b[^>]*>", (await guest.get(path)).text)
    secret = [one for one in fields if re.search(r'name="(?:password|old|new)"', one)]
    assert len(secret) >= 4
    for one in secret:
        assert 'type="password"' in one, one
        assert "autocomplete=" in one, one
        assert "onpaste" not in one, one


async def test_what_strangers_ask_of_the_files(town: Town) -> None:
    async with browser(town.box, None) as client:
        for path in (
            f"/static/{'a' * 300}",
            "/static/a%00b",
            "/static/..%2f..%2fpages.py",
            "/static/..%5c..%5cpages.py",
            "/static/%2fetc%2fpasswd",
            f"/media/{NOBODYS}",
            f"/media/{NOBODYS}/160",
            f"/media/{'9' * 400}/{'9' * 400}",
            "/media/..%2f..%2fsecret.key",
        ):
            answer = await client.get(path)
            assert answer.status_code in (404, 422), f"{path}: {answer.status_code}"


async def test_redirects_stay_here(town: Town) -> None:
    bad = (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "/%0d%0aset-cookie:a=b",
        " //evil.example",
        "/sign-out",
    )
    for target in bad:
        async with browser(town.box, None) as client:
            form = {"email": "bob@example.com", "password": PASSWORD, "next": target}
            answer = await client.post("/sign-in", data=form)
            place = answer.headers["location"]
            assert place == "/" or place.startswith("/%0d%0a"), (target, place)
            answer = await client.get(f"/sign-in?next={quote(target)}")
            assert answer.headers["location"] == place, target
    async with browser(town.box, "ada@example.com") as client:
        form = {"path": "//evil.example"}
        answer = await client.post("/notifications/read", data=form)
        assert answer.headers["location"] == "/notifications"


async def test_cookies_and_caches(town: Town) -> None:
    async with browser(town.box, None) as client:
        form = {"email": "bob@example.com", "password": PASSWORD}
        answer = await client.post("/sign-in", data=form)
        for cookie in answer.headers.get_list("set-cookie"):
            assert "HttpOnly" in cookie, cookie
            assert "SameSite=lax" in cookie, cookie
        before = client.cookies["haat_refresh"]
        for path in ("/account", "/orders", "/nowhere", "/sign-in", "/cart"):
            answer = await client.get(path)
            assert answer.headers["cache-control"] == "private, no-store", path
            assert "frame-ancestors 'none'" in answer.headers.get(
                "content-security-policy", "frame-ancestors 'none'"
            )
        # A session that was there before another sign-in is not carried on.
        await client.post("/sign-in", data={**form, "email": "ada@example.com"})
        assert client.cookies["haat_refresh"] != before
