"""No search: what is written is forgotten, and nothing is found. For processes that only sell."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from haat.engines.search.port import Answer, Document, Filter, Hit, Question, Shape, Writer


class NoSearch:
    """An engine whose indexes stay empty."""

    def index(self, name: str, shape: Shape) -> "_Nothing":
        return _Nothing()

    async def aclose(self) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        return {"engine": "none"}


class _Nothing:
    """Index and writer in one. It says how far it was told, so that nobody tells it twice."""

    position_said: str | None = None

    async def ask(self, question: Question) -> Answer:
        return Answer((), 0, dict.fromkeys(question.facets, ()))

    async def complete(
        self, beginning: str, *, limit: int, filters: tuple[Filter, ...] = ()
    ) -> list[Hit]:
        return []

    async def position(self) -> str | None:
        return self.position_said

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer | None]:
        yield _Forgetful(self)


class _Forgetful:
    def __init__(self, index: _Nothing) -> None:
        self._index = index

    @property
    def position(self) -> str | None:
        return self._index.position_said

    async def put(self, documents: Sequence[Document], gone: Sequence[str] = ()) -> None: ...

    async def commit(self, position: str) -> None:
        self._index.position_said = position

    async def begin_again(self) -> "_Forgetful":
        return self

    async def take_over(self) -> None: ...
