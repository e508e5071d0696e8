"""Pictures that come with a form, kept at once: a page that is shown again cannot give files back.

Their ids stand in one hidden field, so that the next sending of the form still has them.
"""

from collections.abc import MutableMapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.datastructures import UploadFile

from haat.domains.people.media.api import SIZE_MAX, Media, PictureTooLarge
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

KEPT = "kept_pictures"
FIELD = "pictures"


def kept_in(values: MutableMapping[str, str]) -> list[UUID]:
    """The ids in a form's hidden field; what is no id is left out."""
    found = []
    for text in values.get(KEPT, "").split():
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


async def keep_pictures(
    visit: Visit, request: Request, values: MutableMapping[str, str], form_id: UUID, most: int
) -> list[UUID]:
    """Uploads what came with the form and notes it in `values`. The same picture in the same form
    keeps its id. Invalid at `pictures` where there are more than `most`, or one is none."""
    kept = kept_in(values)
    sent: Any = await request.form()
    for file in sent.getlist(FIELD):
        if not isinstance(file, UploadFile) or not file.filename:
            continue
        content = await file.read(SIZE_MAX + 1)
        id = derive(form_id, f"picture:{sha256(content).hexdigest()}")
        if id in kept:
            continue
        if len(kept) >= most:
            raise Invalid.at(FIELD, f"Send at most {most} pictures.", "pictures_full")
        if len(content) > SIZE_MAX:
            raise PictureTooLarge
        await visit.doors[Media].upload(visit.ctx, id=id, content=content, kind="return")
        kept.append(id)
        values[KEPT] = " ".join(map(str, kept))
    return kept
