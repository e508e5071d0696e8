"""Files that a contract hands out in parts, as one answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from starlette.responses import Response, StreamingResponse


class Part(Protocol):
    """`next` asks for the following part, None after the last."""

    @property
    def content(self) -> bytes: ...
    @property
    def next(self) -> str | None: ...


async def streamed(
    part: Callable[[str | None], Awaitable[Part]], *, name: str, media_type: str
) -> Response:
    """All parts, one in memory at a time. What the first raises is still an answer of its own; a
    later one breaks the answer off."""
    first = await part(None)

    async def pieces() -> AsyncIterator[bytes]:
        found = first
        yield found.content
        while found.next is not None:
            found = await part(found.next)
            yield found.content

    return StreamingResponse(pieces(), headers=attachment(name), media_type=media_type)


def attachment(name: str) -> dict[str, str]:
    """Headers of a file to keep, which is its reader's alone."""
    return {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
