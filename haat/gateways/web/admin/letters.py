"""Dead letters: events that a subscriber could not handle. Each parks its key until it is handed
over again or discarded."""

import json
from typing import Literal

from fastapi import APIRouter, Response

from haat.domains.reach.backoffice.api import Backoffice
from haat.gateways.web.admin.office import Staff, page

router = APIRouter()
HERE = "/admin/dead-letters"


@router.get("/admin/dead-letters")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Backoffice].dead_letters(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "letters.html",
        HERE,
        letters=[
            (letter, json.dumps(letter.envelope, indent=2, ensure_ascii=False))
            for letter in found.items
        ],
        next=found.next,
    )


@router.post("/admin/dead-letters/{id}/{what}")
async def deal(visit: Staff, id: int, what: Literal["replay", "discard"]) -> Response:
    if what == "replay":
        await visit.doors[Backoffice].replay(visit.ctx, id=id)
        visit.flash("The letter is handed over again.")
    else:
        await visit.doors[Backoffice].discard(visit.ctx, id=id)
        visit.flash("The letter is discarded.")
    return visit.redirect(HERE)
