"""Asking over HTTP as a client would."""

from typing import Any

import httpx

from tests.journeys.box import Box, Client


async def post(box: Box, body: Any, client: Client | None = None, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if client is not None and client.token:
        given["authorization"] = f"Bearer {client.token}"
    return await box.http.post(f"{box.address}/graphql", json=body, headers=given)


async def ask(
    box: Box, query: str, client: Client | None = None, **variables: Any
) -> dict[str, Any]:
    """The whole answer."""
    answer = await post(box, {"query": query, "variables": variables}, client)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def data(box: Box, query: str, client: Client | None = None, **variables: Any) -> Any:
    """What was asked for; fails the test when there are errors."""
    found = await ask(box, query, client, **variables)
    assert "errors" not in found, found["errors"]
    return found["data"]


async def refused(box: Box, query: str, client: Client | None = None, **variables: Any) -> Any:
    """The first error."""
    found = await ask(box, query, client, **variables)
    assert found.get("errors"), found
    return found["errors"][0]
