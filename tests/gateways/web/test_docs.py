"""The REST reference: everything there is, from this machine alone."""

import re

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from haat.app.targets import all_modules
from haat.gateways.rest.application import describe
from haat.gateways.web.docs import docs_routers
from haat.gateways.web.docs.reference import groups_of


async def test_every_operation_is_shown_and_nothing_comes_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = describe([module.router for module in all_modules() if module.router is not None])
    app = FastAPI(docs_url=None)
    for router in docs_routers():
        app.include_router(router, include_in_schema=False)
    monkeypatch.setattr(app, "openapi", lambda: document)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://market") as client:
        answer = await client.get("/docs")
    assert answer.status_code == 200
    operations = [one for _, group in groups_of(document) for one in group]
    assert len(operations) > 100
    for one in operations:
        assert f'id="{one.id}"' in answer.text
    ids = set(re.findall(r'id="([^"]+)"', answer.text))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= ids
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
