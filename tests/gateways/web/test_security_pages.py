"""An account's security without JavaScript: links in mails, its password, sessions, a block."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from haat.app.keys import rotate_keys
from haat.domains.people.identity import totp
from haat.domains.people.identity.api import Identity
from haat.domains.people.identity.service.requiring import Required
from haat.engines.http import AccessClaims
from tests import postgres
from tests.gateways.rest.operations import NOBODYS, example, operations, path_of
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import PASSWORD, Box, Client, market

NEW = "battery staple"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    options = {"HAAT_EMAIL_VERIFICATION": "required", "HAAT_TOTP_LATE_S": "30"}
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local", options=options) as running:
            yield running


async def mail_to(box: Box, address: str) -> str:
    """The last mail to somebody, once what is due has gone out."""
    runtime = box.runtime
    await runtime.services[Identity].send_letters(runtime.system_context("test"))
    texts = {
        path.stat().st_mtime_ns: path.read_text("utf-8")
        for path in (runtime.settings.folder / "mail").rglob("*.eml")
        if f"To: {address}" in path.read_text("utf-8")
    }
    return texts[max(texts)]


async def link_to(box: Box, address: str) -> str:
    """The path of the link in it."""
    for _ in range(600):  # the market's own timer may have taken the letter, and be at it still
        found = re.search(r"http://[^/\s]+(/\S+\?token=\S+)", await mail_to(box, address))
        if found is not None:
            return found[1]
        await asyncio.sleep(0.1)
    raise AssertionError("no mail with a link came")


async def registered(box: Box, email: str) -> Browser:
    browser = Browser(box)
    form = {"name": "Ada", "email": email, "password": PASSWORD}
    assert await browser.done("/register", form) == "/"
    return browser


async def test_an_address_is_confirmed_before_a_store_is_opened(box: Box) -> None:
    email = "new@example.com"
    browser = await registered(box, email)
    assert "mail to confirm" in await browser.page("/")
    assert "not confirmed" in await browser.page("/account")
    form = form_in(await browser.page("/vendor/apply"), "/vendor/apply")
    form |= {"name": "New Store", "country": "GB", "contact_email": email}
    refused = await browser.send("/vendor/apply", form)
    assert refused.status_code == 403
    assert "Confirm your e-mail address first" in refused.text
    assert await browser.done("/account/security/verification") == "/account/security"
    path = await link_to(box, email)
    page = await browser.page(await browser.opened(path))
    assert "not confirmed" in await browser.page("/account"), "looking changes nothing"
    assert await browser.done("/verify-email", form_in(page, "/verify-email")) == "/account"
    assert "not confirmed" not in await browser.page("/account")
    assert await browser.done("/vendor/apply", form) == "/vendor/onboarding"
    spoilt = await browser.send("/verify-email", {"token": "x.0.y"})
    assert (spoilt.status_code, "not valid" in spoilt.text) == (422, True)


async def test_a_forgotten_password(box: Box) -> None:
    email = "forgetful@example.com"
    elsewhere, browser = await registered(box, email), Browser(box)
    assert "/forgot-password" in await browser.page("/sign-in")
    answers = []
    for asked in (email, "nobody@example.com"):
        answer = await browser.send("/forgot-password", {"email": asked})
        # Each page has a nonce of its own.
        answers.append((answer.status_code, re.sub(r'nonce="[\w-]+"', "", answer.text)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200
    assert (await browser.send("/forgot-password", {"email": "x"})).status_code == 422
    path = await link_to(box, email)
    page = await browser.http.get(await browser.opened(path))
    assert page.headers["referrer-policy"] == "no-referrer"
    form = form_in(page.text, "/reset-password")
    weak = await browser.send("/reset-password", form | {"password": "Dragon123!"})
    assert (weak.status_code, "others would try" in weak.text) == (422, True)
    form = form_in(weak.text, "/reset-password") | {"password": NEW}
    assert await browser.done("/reset-password", form) == "/sign-in"
    again = await browser.send("/reset-password", form)
    assert (again.status_code, "has been used" in again.text) == (410, True)
    await refused(elsewhere)
    old = await browser.send("/sign-in", {"email": email, "password": PASSWORD})
    assert old.status_code == 401
    assert await browser.done("/sign-in", {"email": email, "password": NEW}) == "/"
    assert "was changed" in await mail_to(box, email)


async def test_a_password_is_changed_and_sessions_are_ended(box: Box) -> None:
    email = "careful@example.com"
    browser, other = await registered(box, email), await Browser(box).sign_in(email)
    wrong = await browser.send("/account/security/password", {"old": "no", "new": NEW})
    assert (wrong.status_code, "not the password" in wrong.text) == (422, True)
    form = {"old": PASSWORD, "new": NEW}
    assert await browser.done("/account/security/password", form) == "/account/security"
    await refused(other)
    third = Browser(box)
    await third.done("/sign-in", {"email": email, "password": NEW})
    page = await browser.page("/account/security")
    assert page.count("Sign out Python") == 2
    await browser.done("/account/security/sessions/end-others")
    await refused(third)
    page = await browser.page("/account/security/sign-ins")
    assert page.count("Signed in") == 3
    form = form_in(await browser.page("/account/security"), "/account/security/sessions/end")
    assert await browser.done("/account/security/sessions/end", form) == "/"
    assert (await browser.http.get("/account")).status_code == 303


async def test_staff_keep_somebody_out(box: Box) -> None:
    email = "rogue@example.com"
    rogue = await registered(box, email)
    await box.staff()
    staff = await Browser(box).sign_in("admin@staff.example.com")
    people = await staff.page("/admin/people")
    hrefs = re.findall(r'href="(/admin/people/[^"]+)"', people)
    pages = {href: await staff.page(href) for href in hrefs}
    href = next(href for href, page in pages.items() if email in page)
    empty = await staff.send(f"{href}/block", {"reason": " "})
    assert empty.status_code == 422
    assert await staff.done(f"{href}/block", {"reason": "fraud"}) == href
    await refused(rogue)
    form = {"email": email, "password": PASSWORD}
    answer = await Browser(box).send("/sign-in", form)
    assert (answer.status_code, "blocked" in answer.text) == (403, True)
    assert "Account blocked" in await staff.page(href)
    assert await staff.done(f"{href}/unblock") == href
    assert await Browser(box).done("/sign-in", form) == "/"


async def refused(browser: Browser) -> None:
    """The session is over: pages of an account lead to signing in."""
    answer: httpx.Response = await browser.http.get("/account")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_a_second_step(box: Box) -> None:
    email = "safe@example.com"
    browser = await registered(box, email)
    page = (await browser.send("/account/security/app")).text
    secret = re.findall(r"<code>([A-Z2-7]{32})</code>", page)[0]
    assert 'src="data:image/svg+xml;base64,' in page
    wrong = await browser.send("/account/security/app/confirm", {"code": "000000"})
    assert (wrong.status_code, "This code is wrong" in wrong.text) == (422, True)
    step = int(box.runtime.clock.now().timestamp()) // totp.STEP_S
    done = await browser.send(
        "/account/security/app/confirm", {"code": totp.code_at(secret, step - 1)}
    )
    codes = re.findall(r"<code>([A-Z0-9-]{19})</code>", done.text)
    assert len(codes) == 10
    assert "10 recovery codes" in await browser.page("/account/security")
    other = Browser(box)
    form = {"email": email, "password": PASSWORD, "next": "/account"}
    second = await other.send("/sign-in", form)
    assert (second.status_code, "One more step" in second.text) == (200, True)
    assert (await other.http.get("/account")).status_code == 303
    form = form_in(second.text, "/sign-in/code")
    wrong = await other.send("/sign-in/code", form | {"code": "123456"})
    assert wrong.status_code == 422
    assert form_in(wrong.text, "/sign-in/code") == form | {"code": ""}
    code = {"code": totp.code_at(secret, step)}
    assert await other.done("/sign-in/code", form | code) == "/account"
    await other.page("/account")
    third = Browser(box)
    assert (await third.send("/sign-in/code", form | code)).status_code == 422, "it was used"
    assert await third.done("/sign-in/code", form | {"code": codes[0].lower()}) == "/account"
    assert "9 recovery codes" in await third.page("/account/security")
    spoilt = await Browser(box).send("/sign-in/code", form | {"challenge": "x", **code})
    assert (spoilt.status_code, "Sign in again" in spoilt.text) == (410, True)
    assert await browser.done("/account/security/app/remove") == "/account/security"
    await Browser(box).sign_in(email)


async def test_proving_it_again(box: Box) -> None:
    email = "patient@example.com"
    browser = await registered(box, email)
    runtime = box.runtime
    await runtime.databases["identity"].execute(
        "UPDATE identity.sessions s SET proved_at = now() - interval '2 hours' "
        "FROM identity.people p WHERE p.id = s.person_id AND p.email = $1", email
    )  # fmt: skip
    browser.http.cookies.delete("haat_access")
    answer = await browser.http.post(
        "/account/security/app", headers={"referer": f"{box.address}/account/security"}
    )
    path = "/account/prove?next=%2Faccount%2Fsecurity"
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    form = form_in(await browser.page(path), "/account/prove")
    wrong = await browser.send("/account/prove", form | {"password": "no"})
    assert (wrong.status_code, "not the password" in wrong.text) == (422, True)
    assert await browser.done("/account/prove", form | {"password": PASSWORD}) == (
        "/account/security"
    )
    assert "<code>" in (await browser.send("/account/security/app")).text


PROOF = """
    PUT /vendors/{id}/bank, POST /admin/payouts/{id}/approve, POST /admin/payouts/{id}/reject
    POST /admin/payouts/run, POST /admin/bank-files, POST /admin/bank-files/settle
    PUT /admin/payout-policy, PUT /admin/vendors/{id}/payout-terms, POST /admin/vendors/{id}/charges
    POST /admin/withdrawals/{id}/decision, POST /admin/withdrawals/settle, POST /admin/credit-rates
    POST /admin/wallets/{owner_id}/grant, PUT /admin/wallets/{owner_id}/frozen
    POST /payments/refund, POST /admin/commission-lists/{id}/activate, PATCH /admin/settings
    POST /admin/people/{id}/block, POST /admin/people/{id}/unblock
    POST /auth/second-step/app, PUT /auth/second-step/app, DELETE /auth/second-step/app
    POST /auth/second-step/recovery-codes, POST /auth/passkeys/new, POST /auth/passkeys
    DELETE /me/passkeys/{id}
"""


async def test_what_asks_for_proof(box: Box) -> None:
    """Whatever a person may do: these want them to have proved just now who they are."""
    client = await box.person("stale@example.com")
    vendor, scopes = UUID(NOBODYS), {"person", "staff", "vendor:money"}
    scopes |= {f"staff:{one}" for one in ("payouts", "money", "orders", "settings")}
    claims = AccessClaims(
        UUID(client.person["id"]), uuid4(), frozenset(scopes), vendor_id=vendor,
        proved_until=box.runtime.clock.now(),
    )  # fmt: skip
    client.token = box.runtime.tokens.issue(claims, timedelta(minutes=10))
    known = {str(one): one for one in operations()}
    passed = []
    for name in (word.strip() for line in PROOF.split("\n") for word in line.split(",")):
        if name:
            operation = known[name]
            body = {"name": "x"} if name == "PATCH /admin/settings" else None
            if body is None and operation.body is not None:
                body = example(operation.body, {})
            answer = await client.send(operation.method, path_of(operation, {}), body)
            if (answer.status_code, answer.json().get("code")) != (403, "proof_needed"):
                passed.append(f"{name}: {answer.status_code} {answer.text[:200]}")
    assert "\n".join(passed) == ""


async def refusal(client: Client) -> str:
    """The code with which a token is refused, once it is; "" when that never comes."""
    for _ in range(200):
        answer = await client.get("/me")
        if answer.status_code == 401:
            return str(answer.json()["code"])
        await asyncio.sleep(0.1)
    return ""


async def test_a_session_that_another_process_ended(box: Box) -> None:
    client, other = await box.person("far@example.com"), await box.person("near@example.com")
    await box.runtime.databases["identity"].execute(
        "UPDATE identity.sessions s SET ended_at = now(), end_reason = 'revoked' "
        "FROM identity.people p WHERE p.id = s.person_id AND p.email = 'far@example.com'"
    )
    assert await refusal(client) == "session_ended"
    assert (await other.get("/me")).status_code == 200


async def test_keys_rotated_by_the_command(box: Box) -> None:
    client = await box.person("keys@example.com")

    async def published() -> list[str]:
        answer = await box.http.get(f"{box.address}/.well-known/jwks.json")
        assert answer.headers["cache-control"] == "public, max-age=30"
        found = answer.json()["keys"]
        assert all("d" not in key and key["alg"] == "Ed25519" for key in found)
        return [key["kid"] for key in found]

    [first] = await published()
    rotate_keys(box.runtime.settings, drop=False)
    for _ in range(200):
        if len(await published()) == 2:
            break
        await asyncio.sleep(0.1)
    assert (await published())[0] == first
    assert (await client.get("/me")).status_code == 200
    rotate_keys(box.runtime.settings, drop=True)
    assert await refusal(client) == "token_invalid"
    client.token = None
    await client.sign_in("keys@example.com")
    assert (await client.get("/me")).status_code == 200
    assert first not in await published()


async def test_a_second_step_that_is_asked_for(box: Box) -> None:
    """Who has none is led to set one up, in the session they have, and goes on where they were."""
    email = "asked@example.com"
    await registered(box, email)
    service = box.runtime.services[Identity]
    before = service._required
    service._required = Required(staff=True, vendors="optional", everybody=True)
    try:
        browser = Browser(box)
        await browser.done("/sign-in", {"email": email, "password": PASSWORD})
        answer = await browser.http.get("/account/preferences")
        assert answer.status_code == 303
        href = answer.headers["location"]
        assert href == "/account/second-step?next=%2Faccount%2Fpreferences"
        assert "A second step first" in await browser.page(href)
        page = (await browser.send("/account/security/app")).text
        secret = re.findall(r"<code>([A-Z2-7]{32})</code>", page)[0]
        step = int(box.runtime.clock.now().timestamp()) // totp.STEP_S
        code = {"code": totp.code_at(secret, step)}
        done = await browser.send("/account/security/app/confirm", code)
        assert len(re.findall(r"<code>([A-Z0-9-]{19})</code>", done.text)) == 10
        gone = await browser.http.get(href)
        assert (gone.status_code, gone.headers["location"]) == (303, "/account/preferences")
        await browser.page("/account/preferences")
    finally:
        service._required = before
