"""GraphQL for people: a query to try, and the schema. Drawn here, as the REST reference is, so that
it needs neither the internet nor a script."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from haat.gateways.web.visit import drawn

router = APIRouter()
EXAMPLE = """query Newest($first: Int!) {
  products(first: $first) {
    nodes {
      title
      priceFrom { decimal currency }
      available
      vendor { name }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
Text = Annotated[str, Query(max_length=20_000)]


@router.get("/docs/graphql")
async def show(request: Request, query: Text = "", variables: Text = "") -> HTMLResponse:
    """The page; with a query, its answer."""
    gate: Any = request.app.state.graphql
    answer = await gate.explore(request, query, variables) if query.strip() else None
    page = drawn(
        "docs/graphql.html",
        query=query or EXAMPLE,
        variables=variables if query else '{"first": 5}',
        answer=None if answer is None else json.dumps(answer, indent=2, ensure_ascii=False),
        failed=answer is not None and "errors" in answer,
        types=gate.described(),
    )
    page.headers["cache-control"] = "no-store"
    return page
