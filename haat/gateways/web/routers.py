"""Which routers make up the site."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from haat.gateways.web.pages import STATIC
from haat.gateways.web.visit import html_problem
from haat.kernel.errors import NotFound

YEAR_S = 365 * 24 * 3600


def site_routers() -> Sequence[APIRouter]:
    """Every page's router, and the static files."""
    from haat.gateways.web.admin import admin_routers
    from haat.gateways.web.docs import docs_routers
    from haat.gateways.web.store import store_routers
    from haat.gateways.web.vendor import vendor_routers

    files = APIRouter()
    files.add_api_route("/static/{name}", _static, response_model=None)
    return [files, *store_routers(), *vendor_routers(), *admin_routers(), *docs_routers()]


def web_state(site: str) -> dict[str, Any]:
    """What pages find in the application's state; `site` is the address people use."""
    return {"site": site, "html_problem": html_problem}


async def _static(name: str) -> Response:
    if name not in _names():
        raise NotFound
    headers = {"cache-control": f"public, max-age={YEAR_S}, immutable"}
    return FileResponse(STATIC / name, headers=headers)


@cache
def _names() -> frozenset[str]:
    """The files there are: what is asked for never becomes a path of its own."""
    return frozenset(path.name for path in STATIC.iterdir() if path.is_file())
