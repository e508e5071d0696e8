"""Passkeys in a real browser, with an authenticator that it pretends to have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from haat.domains.people.identity.api import Identity
from tests import postgres
from tests.browser.chromium import Troubles, chromium, visitor
from tests.journeys.box import PASSWORD, Box, market

pytestmark = pytest.mark.browser
EMAIL = "key@example.com"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    program: str,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Box, Browser]]:
    folder: Path = tmp_path_factory.mktemp("keys")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with (
            market(url, folder, "local", name="localhost") as box,
            chromium(program) as browser,
        ):
            yield box, browser


async def test_a_passkey_from_registration_to_removal(
    site: tuple[Box, Browser], troubles: Troubles
) -> None:
    box, browser = site
    address = box.address.replace("127.0.0.1", "localhost")
    client = await box.person(EMAIL)
    async with visitor(browser, troubles, width=390) as page:
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        device = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        await page.goto(f"{address}/sign-in?next=/account/security")
        await page.get_by_label("E-mail address").fill(EMAIL)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.get_by_label("Name of the new passkey").fill("My telephone")
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("The passkey is added.")).to_be_visible()
        await expect(page.get_by_text("My telephone")).to_be_visible()
        await signed_out(page, address)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("heading", name="Security")).to_be_visible()
        await expect(page.get_by_text(", last used")).to_be_visible()
        sessions = (await client.get("/me/sessions")).json()
        assert sorted(one["strong"] for one in sessions) == [False, True, True]
        # It proves again who they are, without the password.
        await page.goto(f"{address}/account/prove?next=/account/security")
        await page.get_by_role("button", name="Go on with a passkey").click()
        await expect(page.get_by_role("heading", name="Security")).to_be_visible()
        # A device that does not recognise its owner is not taken.
        await cdp.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": device["authenticatorId"], "isUserVerified": False},
        )
        await signed_out(page, address)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_text("Nothing was done.")).to_be_visible()
        await cdp.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": device["authenticatorId"], "isUserVerified": True},
        )
        # Removed, it signs nobody in, though the device still has it.
        [known] = (await client.get("/me/passkeys")).json()
        assert (await client.delete(f"/me/passkeys/{known['id']}")).status_code == 204
        with troubles.expecting(422):
            await page.get_by_role("button", name="Sign in with a passkey").click()
            await expect(page.get_by_text("This passkey was not accepted").first).to_be_visible()
    assert troubles.found == []
    runtime = box.runtime
    await runtime.services[Identity].send_letters(runtime.system_context("test"))
    mails = [path.read_text("utf-8") for path in (runtime.settings.folder / "mail").rglob("*.eml")]
    told = [mail for mail in mails if f"To: {EMAIL}" in mail and "igning in asks for" in mail]
    assert len(told) == 2, "of the passkey that was added and of its removal"


async def signed_out(page: Page, address: str) -> None:
    """Out, and before the sign-in page."""
    await page.context.clear_cookies()
    await page.goto(f"{address}/sign-in?next=/account/security")


async def test_a_proof_is_ones_own(site: tuple[Box, Browser]) -> None:
    """A state for a proof is of one person, and a proof for one session; signing in's is none."""
    box, _ = site
    client, other = await box.person("c@example.com"), await box.person("d@example.com")
    bad = {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}
    mine = (await client.post("/auth/passkeys/proof")).json()
    entry = (await box.guest().post("/auth/passkeys/challenge")).json()
    for who, state in ((other, mine["state"]), (client, entry["state"]), (client, "x")):
        body = {"state": state, "credential": bad}
        answer = await who.post("/auth/passkeys/proof/answer", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "passkey_invalid")
    assert (await box.guest().post("/auth/passkeys/proof")).status_code == 401


async def test_answers_that_are_none(site: tuple[Box, Browser]) -> None:
    """A state is for one purpose and one person, and is taken once; a credential must be one."""
    box, _ = site
    client, other = await box.person("a@example.com"), await box.person("b@example.com")
    mine = (await client.post("/auth/passkeys/new")).json()
    assert mine["options"]["authenticatorSelection"]["userVerification"] == "required"
    entry = (await box.guest().post("/auth/passkeys/challenge")).json()
    assert "allowCredentials" not in entry["options"] or not entry["options"]["allowCredentials"]
    bad = {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}
    for body in (
        {"state": mine["state"], "credential": bad},  # another's, and of another purpose
        {"state": entry["state"], "credential": bad},
        {"state": mine["state"][:-2], "credential": {}},
        {"state": "x", "credential": {"rawId": 5}},
    ):
        for who in (client, other):
            answer = await who.post("/auth/passkeys", {**body, "name": "x"})
            assert (answer.status_code, answer.json()["code"]) == (422, "passkey_invalid")
        answer = await box.guest().post("/auth/passkeys/login", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "passkey_invalid")
    assert (await client.get("/me/passkeys")).json() == []
    for path in ("/auth/passkeys/new", "/auth/passkeys", "/me/passkeys"):
        answer = await box.guest().send("GET" if "me" in path else "POST", path)
        assert answer.status_code in (401, 422), path
