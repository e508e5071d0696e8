"""How a whole market meets the outside when it is reached by https, through a proxy, by many."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.types import Message

from haat.engines.http.origins import OwnSockets
from tests import postgres
from tests.journeys.box import PASSWORD, Box, market

SHOP = "https://shop.example"
FRIEND = "https://friend.example"
SETTINGS = {
    "HAAT_PUBLIC_URL": SHOP,
    "HAAT_TRUSTED_PROXIES": "127.0.0.1",
    "HAAT_ALLOWED_ORIGINS": FRIEND,
    "HAAT_RATE_LIMITS": "search=3/5,sign-in=40/4",
}
PAGE = {"accept": "text/html"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("edge")
    server = request.getfixturevalue("postgres_url")
    template = postgres.name_of(request.getfixturevalue("template_url"))
    with postgres.database(server, template=template) as url:
        async with market(url, folder, "local", options=SETTINGS) as running:
            yield running


def through(address: str, **more: str) -> dict[str, str]:
    """Headers of a request that the proxy brings for that address."""
    return {"x-forwarded-for": address, "x-forwarded-proto": "https", **more}


async def get(box: Box, path: str, **headers: str) -> httpx.Response:
    return await box.http.get(box.address + path, headers=headers)


async def test_what_every_answer_says(box: Box) -> None:
    for path in ("/", "/sign-in", "/api/v1/products", "/nowhere", "/static/haat.css", "/docs"):
        headers = (await get(box, path, **PAGE)).headers
        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "server" not in headers or "haat" not in headers["server"], path
    api = (await get(box, "/api/v1/products")).headers
    assert api["content-security-policy"].startswith("default-src 'none'")
    assert api["cross-origin-resource-policy"] == "same-origin"
    # Pictures stand in mails, too.
    files = (await get(box, "/static/icon.svg")).headers
    assert files["cross-origin-resource-policy"] == "cross-origin"
    assert "script-src 'none'" in files["content-security-policy"]


async def test_methods_that_nobody_needs(box: Box) -> None:
    for method in ("TRACE", "TRACK", "CONNECT"):
        for path in ("/api/v1/products", "/"):
            answer = await box.http.request(method, box.address + path)
            assert answer.status_code in (400, 405), f"{method} {path}"
            assert "x-request-id" not in answer.text


async def test_sessions_are_this_hosts_alone(box: Box) -> None:
    await box.person("ada@example.com")
    form = {"email": "ada@example.com", "password": PASSWORD}
    answer = await box.http.post(f"{box.address}/sign-in", data=form, headers=PAGE)
    assert answer.status_code == 303
    given = answer.headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in given} >= {
        "__Host-haat_access",
        "__Host-haat_refresh",
    }
    for one in given:
        assert one.startswith("__Host-"), one
        for word in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert word in one, one
        assert "Domain" not in one, one
    pairs = [one.partition(";")[0] for one in given]
    box.http.cookies.clear()
    known = await get(box, "/account", cookie="; ".join(pairs), **PAGE)
    assert known.status_code == 200
    # Under its plain name it may be another host's of the same domain.
    plain = "; ".join(one.removeprefix("__Host-") for one in pairs)
    strange = await get(box, "/account", cookie=plain, **PAGE)
    assert strange.status_code == 303
    left = await box.http.post(
        f"{box.address}/sign-out", headers={"cookie": "; ".join(pairs), **PAGE}
    )
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert all(one.startswith("__Host-") for one in left.headers.get_list("set-cookie"))


async def test_addresses_behind_the_proxy_are_counted(box: Box) -> None:
    found = [await get(box, "/api/v1/search?q=a", **through("203.0.113.7")) for _ in range(6)]
    assert [one.status_code for one in found] == [200] * 5 + [429]
    assert found[0].headers["ratelimit-policy"] == '"search";q=3;w=60, "search-address";q=5;w=60'
    assert found[5].headers["ratelimit"].startswith('"search-address";r=0;t=')
    assert int(found[5].headers["retry-after"]) <= 60
    document = found[5].json()
    assert (document["code"], document["status"]) == ("limited", 429)
    assert document["requestId"] == found[5].headers["x-request-id"]
    other = await get(box, "/api/v1/search?q=a", **through("203.0.113.8"))
    assert other.status_code == 200
    page = await get(box, "/search?q=a", **through("203.0.113.7"), **PAGE)
    assert (page.status_code, page.headers["ratelimit"][:19]) == (429, '"search-address";r=')
    assert page.headers["retry-after"]
    assert "Too many requests" in page.text
    assert "<html" in page.text
    # What a client says of itself, before the proxy added the truth, is no way around.
    forged = await get(box, "/api/v1/search?q=a", **through("6.6.6.6, 203.0.113.7"))
    assert forged.status_code == 429


async def test_an_account_is_counted_wherever_it_comes_from(box: Box) -> None:
    person = await box.person("bob@example.com")
    bearer = f"Bearer {person.token}"
    found = [
        await get(box, "/api/v1/search?q=a", **through(f"198.51.100.{n}", authorization=bearer))
        for n in range(4)
    ]
    assert [one.status_code for one in found] == [200, 200, 200, 429]
    assert found[3].json()["violatedPolicies"] == ["search"]
    invented = through("198.51.100.9", authorization="Bearer invented")
    assert (await get(box, "/api/v1/search?q=a", **invented)).status_code == 401


async def test_guessing_passwords_is_counted_before_anything_is_looked_up(box: Box) -> None:
    wrong = {"email": "nobody@example.com", "password": "not-this-one-either"}
    statuses = []
    for _ in range(5):
        url = f"{box.address}/api/v1/auth/login"
        answer = await box.http.post(url, json=wrong, headers=through("203.0.113.99"))
        statuses.append(answer.status_code)
    assert statuses == [401] * 4 + [429]


async def test_scripts_of_a_friend(box: Box) -> None:
    answer = await get(box, "/api/v1/products", origin=FRIEND)
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-credentials" not in answer.headers
    strange = await get(box, "/api/v1/products", origin="https://evil.example")
    assert "access-control-allow-origin" not in strange.headers


@pytest.mark.parametrize(
    ("origin", "opens"),
    [
        (None, True),
        (SHOP, True),
        (FRIEND, True),
        ("https://evil.example", False),
        ("null", False),
        ("https://shop.example.evil.example", False),
    ],
)
async def test_sockets_of_other_sites_are_closed(origin: str | None, opens: bool) -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        reached.append(True)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    reached: list[bool] = []
    sent: list[Message] = []
    headers = [(b"host", b"shop.example")]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "websocket", "path": "/graphql", "headers": headers}
    await OwnSockets(app, [FRIEND])(scope, receive, send)
    assert bool(reached) is opens
    assert [one["type"] for one in sent] == ([] if opens else ["websocket.close"])
