"""Signing in at a provider that is not ours (npm oidc-provider), over HTTP and without scripts."""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests import postgres
from tests.gateways.web.browser import Browser, form_in
from tests.independent.provider import CLIENT, independent_provider
from tests.journeys.box import PASSWORD, Box, market

BACK = r"^http://127\.0\.0\.1:\d+/sign-in/with/acme/back$"
SETTINGS = {
    "HAAT_SIGN_IN__ACME__CLIENT_ID": CLIENT["client_id"],
    "HAAT_SIGN_IN__ACME__CLIENT_SECRET": CLIENT["client_secret"],
    "HAAT_SIGN_IN__ACME__LABEL": "Acme & Sons",
    "HAAT_SIGN_IN__ACME__ROLES": "realm:desk=support",
    "HAAT_EMAIL_VERIFICATION": "required",
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with independent_provider(BACK) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    issuer: str, postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    options = {**SETTINGS, "HAAT_SIGN_IN__ACME__ISSUER": issuer}
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "loopback", options=options) as running:
            yield running


async def through(url: str, login: str) -> str:
    """Somebody signs in there and agrees; the address that their browser is sent back to."""
    async with httpx.AsyncClient(timeout=60) as there:
        answer = await there.get(url)
        for _ in range(12):
            if answer.status_code in (302, 303):
                place = urljoin(str(answer.url), answer.headers["location"])
                if "/sign-in/with/" in place or "/come/back" in place:
                    return place
                answer = await there.get(place)
                continue
            found = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
            assert found is not None, f"{answer.status_code} {answer.text[:2000]}"
            prompt = "login" if 'name="login"' in answer.text else "consent"
            form = {"prompt": prompt, "login": login, "password": "x"}
            answer = await there.post(urljoin(str(answer.url), unescape(found[1])), data=form)
    raise AssertionError("it leads nowhere")


async def sent_there(browser: Browser, next: str = "/account") -> str:
    """The button of the sign-in page: where it leads."""
    page = await browser.page(f"/sign-in?next={next}")
    path = re.search(r'href="(/sign-in/with/acme[^"]*)"', page)
    assert path is not None
    assert "Sign in with Acme &amp; Sons" in page
    answer = await browser.http.get(unescape(path[1]))
    assert answer.status_code == 303
    assert "httponly" in answer.headers["set-cookie"].lower()
    return str(answer.headers["location"])


def path_of(place: str) -> str:
    parts = urlsplit(place)
    return f"{parts.path}?{parts.query}"


async def test_signing_in_from_the_button_to_the_account(box: Box) -> None:
    browser = Browser(box)
    url = await sent_there(browser)
    back = await through(url, "ada")
    answer = await browser.http.get(path_of(back))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = await browser.page("/account/security")
    assert "You have no password yet" in page
    assert "ada@example.com" in page
    assert "not confirmed" not in page
    # The answer counts once, and in no other browser.
    again = await Browser(box).http.get(path_of(back))
    assert (again.status_code, "Begin again" in again.text) == (422, True)
    other = Browser(box)
    mine = await sent_there(other)
    assert (await other.http.get(path_of(back))).status_code == 422, "another browser's state"
    assert (await other.http.get(path_of(await through(mine, "ada")))).status_code == 422, "spent"
    # Twice is the same person.
    third = Browser(box)
    place = path_of(await through(await sent_there(third), "ada"))
    assert (await third.http.get(place)).status_code == 303
    assert "ada@example.com" in await third.page("/account/security")


async def test_the_last_way_in_and_a_password(box: Box) -> None:
    browser = Browser(box)
    await browser.http.get(path_of(await through(await sent_there(browser), "lone")))
    page = await browser.page("/account/security")
    form = form_in(page, "/account/security/connections/remove")
    assert await browser.done("/account/security/connections/remove", form)
    page = await browser.page("/account/security")
    assert "only way into your account" in page


async def test_somebody_who_has_an_account_signs_in_first(box: Box) -> None:
    await box.person("bob@example.com")
    browser = Browser(box)
    place = path_of(await through(await sent_there(browser), "bob"))
    answer = await browser.http.get(place)
    assert (answer.status_code, "sign in to it first" in answer.text) == (409, True)
    form = {"email": "bob@example.com", "password": PASSWORD, "next": "/account/security"}
    assert await browser.done("/sign-in", form) == "/account/security"
    page = await browser.page("/account/security")
    assert "is connected" in page
    later = Browser(box)
    place = path_of(await through(await sent_there(later), "bob"))
    assert (await later.http.get(place)).status_code == 303
    # An address that the provider did not prove gives no such ticket.
    await box.person("carol@example.com")
    thief = Browser(box)
    answer = await thief.http.get(path_of(await through(await sent_there(thief), "carol!")))
    assert answer.status_code == 409
    form = {"email": "carol@example.com", "password": PASSWORD}
    await thief.done("/sign-in", form)
    assert "None yet" in await thief.page("/account/security")


async def test_connecting_from_the_account(box: Box) -> None:
    await box.person("dora@example.com")
    browser = await Browser(box).sign_in("dora@example.com")
    page = await browser.page("/account/security")
    leaving = await browser.send(
        "/account/security/connections", form_in(page, "/account/security/connections")
    )
    assert leaving.status_code == 200
    url = re.search(r'href="(http://localhost:[^"]+)"', leaving.text)
    assert url is not None
    back = await through(unescape(url[1]), "somebody-else")
    answer = await browser.http.get(path_of(back))
    assert answer.headers["location"] == "/account/security#connections"
    page = await browser.page("/account/security")
    assert "somebody-else@example.com" in page
    form = form_in(page, "/account/security/connections/remove")
    await browser.done("/account/security/connections/remove", form)
    assert "somebody-else@example.com" not in await browser.page("/account/security")


async def test_proving_it_there(box: Box) -> None:
    browser = Browser(box)
    await browser.http.get(path_of(await through(await sent_there(browser), "eve")))
    page = await browser.page("/account/prove?next=/account/security")
    assert 'name="password"' not in page
    leaving = await browser.send(
        "/account/prove/elsewhere", form_in(page, "/account/prove/elsewhere")
    )
    url = re.search(r'href="(http://localhost:[^"]+)"', leaving.text)
    assert url is not None
    assert "prompt=login" in url[1]
    back = path_of(await through(unescape(url[1]), "eve"))
    answer = await browser.http.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/security")


async def test_a_form_from_the_providers_site(box: Box) -> None:
    """Apple's way: a form across sites, which brings no cookie, and then a GET, which does."""
    browser = Browser(box)
    back = urlsplit(await through(await sent_there(browser), "frida"))
    form = {name: values[0] for name, values in parse_qs(back.query).items()}
    headers = {"sec-fetch-site": "cross-site", "origin": "https://appleid.apple.com"}
    async with httpx.AsyncClient(base_url=box.address) as stranger:
        led = await stranger.post(back.path, data=form, headers=headers)
    assert led.status_code == 303
    assert led.headers["location"].startswith("/sign-in/with/acme/back?code=")
    answer = await browser.http.get(led.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_roles_follow_over_rest(box: Box) -> None:
    async def signed_in(login: str) -> dict[str, Any]:
        client = box.guest()
        asked = await client.ok("POST", "/auth/with/acme")
        query = parse_qs(urlsplit(await through(asked["url"], login)).query)
        said = {name: values[0] for name, values in query.items()}
        body = {"kept": asked["kept"], "answered": said}
        found: dict[str, Any] = await client.ok("POST", "/auth/with/acme/answer", body)
        repeated = await client.post("/auth/with/acme/answer", body)
        assert repeated.json()["code"] == "sign_in_refused"
        return found

    ways = await box.guest().ok("GET", "/auth/ways")
    assert ways == [{"name": "acme", "label": "Acme & Sons"}]
    found = await signed_in("gus+desk")
    assert found["person"]["staffRoles"] == ["support"]
    client = box.guest()
    client.token = found["accessToken"]
    assert (await client.get("/admin/orders")).status_code == 200
    me = await client.ok("GET", "/me/connections")
    assert (me["password"], me["connections"][0]["roles"]) == (False, ["support"])
    refused = await client.delete(f"/me/connections/{me['connections'][0]['id']}")
    assert refused.json()["code"] == "last_way_in"
    wrong = await box.guest().post("/auth/with/nobody")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "sign_in_provider_unknown")
