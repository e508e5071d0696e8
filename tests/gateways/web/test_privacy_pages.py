"""Pages for one's own data and for the audit, as a browser without scripts sees them."""

import asyncio
from uuid import UUID, uuid4

from haat.app.erasing import do_work
from haat.domains.trust.privacy.api import Privacy
from tests.gateways.web.browser import Browser
from tests.journeys.box import Box


async def test_a_person_takes_their_data_along_and_leaves(box: Box) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    person = await box.person(email, "Leaving Soon")
    browser = await Browser(box).sign_in(email)
    assert "/account/privacy" in await browser.page("/account")
    assert "Never asked for" in await browser.page("/account/privacy")
    await browser.done("/account/privacy/export", {})
    for _ in range(600):
        await do_work(box.runtime)
        text = await browser.page("/account/privacy")
        if "Take the file" in text:
            break
        await asyncio.sleep(0.05)
    (export,) = (await person.ok("GET", "/me/data-exports"))["items"]
    file = await browser.http.get(f"/account/privacy/export/{export['id']}")
    assert file.content.startswith(b"PK")
    await browser.done("/account/privacy/erase", {})
    assert "will be erased from" in await browser.page("/account/privacy")
    await browser.done("/account/privacy/keep", {})
    text = await browser.page("/account/privacy")
    assert "/account/privacy/erase" in text


async def test_staff_erase_at_somebodys_wish_and_see_it_in_the_audit(box: Box) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    person = await box.person(email, "Written Wish")
    id = person.person["id"]
    await box.staff()
    browser = await Browser(box).sign_in("admin@staff.example.com")
    assert "Erase the account" in await browser.page(f"/admin/people/{id}")
    await browser.done(f"/admin/people/{id}/erase", {"reason": "Their letter of today."})
    privacy: Privacy = box.runtime.inner[Privacy]
    ctx = box.runtime.system_context("test")
    for _ in range(600):
        await box.runtime.run_timers()
        await do_work(box.runtime)
        found = await privacy.erasure_of(ctx, person_id=UUID(id))
        if found is not None and found.state == "erased":
            break
        await asyncio.sleep(0.05)
    assert "Erased" in await browser.page(f"/admin/people/{id}")
    await box.settle()
    text = await browser.page("/admin/audit?command=privacy.erase_person")
    assert "privacy.erase_person" in text
    assert "no. " in text
    assert "Audit" in await browser.page("/admin/audit?since=nonsense", 422)
    assert (await browser.http.get("/admin/audit/export/csv")).content.startswith(
        b"\xef\xbb\xbfseq"
    )
