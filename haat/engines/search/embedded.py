"""tantivy in a folder. One process writes an index; others see its commits within a moment.

    products/
      writer.lock          held by the process that writes
      current              the name of the edition that readers see
      edition-000003/      tantivy's own files, and `position`

An edition is an index of its own. A new one is filled beside the old, then `current` names it.
"""

import asyncio
import fcntl
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeVar

import tantivy

from haat.engines.search.answering import answer, completed
from haat.engines.search.fields import EDITION, ID, row_of, schema_of
from haat.engines.search.port import (
    Answer,
    Document,
    Filter,
    Hit,
    Question,
    SearchAway,
    Shape,
    Writer,
)
from haat.engines.search.vocabulary import Vocabulary

LOOK_AGAIN_S = 0.1  # how long a reader may not see a commit of another process
# What a writer holds before it writes a segment. A new edition takes all documents there are: fewer
# and larger segments are made sooner, and counting asks each of them.
HEAP_BYTES, HEAP_OF_NEW_BYTES = 64_000_000, 256_000_000
SMALL = 30_000  # documents; below, an answer is there sooner than a thread would be
ANSWERS_KEPT, COMPLETIONS_KEPT = 300, 2000
_KEPT_EDITIONS = 2  # the current one and the one before, which somebody may still be reading


T = TypeVar("T")


class EmbeddedSearch:
    """The indexes of one folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._indexes: dict[str, FolderIndex] = {}

    def index(self, name: str, shape: Shape) -> "FolderIndex":
        if name not in self._indexes:
            self._indexes[name] = FolderIndex(self._folder / name, shape)
        return self._indexes[name]

    async def aclose(self) -> None:
        for index in self._indexes.values():
            index.close()

    def describe(self) -> Mapping[str, Any]:
        return {"engine": "tantivy", "folder": str(self._folder), "indexes": sorted(self._indexes)}


class State:
    """One edition as it was at a commit."""

    def __init__(self, edition: Path, shape: Shape) -> None:
        self.edition = edition
        self.shape = shape
        self._index = tantivy.Index(schema_of(shape), path=str(edition))
        self._index.config_reader("manual")
        self.schema = self._index.schema
        self._stamp = _stamp(edition)
        self._index.reload()
        self.searcher = self._index.searcher()
        self.vocabulary = Vocabulary(self.searcher, self.schema, self.shape.heading)
        self._answers: dict[str, Answer] = {}
        self._completions: dict[str, list[Hit]] = {}

    def ask(self, question: Question) -> Answer:
        """What was asked a moment ago has the same answer until the next commit."""
        return _kept(self._answers, ANSWERS_KEPT, repr(question), lambda: answer(self, question))

    def complete(self, beginning: str, limit: int, filters: tuple[Filter, ...]) -> list[Hit]:
        return _kept(
            self._completions,
            COMPLETIONS_KEPT,
            repr((beginning, limit, filters)),
            lambda: completed(self, beginning, limit, filters),
        )

    def refresh(self) -> None:
        """Sees what has been committed since."""
        stamp = _stamp(self.edition)
        if stamp != self._stamp:
            self._stamp = stamp
            self._index.reload()
            self.searcher = self._index.searcher()
            self.vocabulary = Vocabulary(self.searcher, self.schema, self.shape.heading)
            self._answers = {}
            self._completions = {}


class FolderIndex:
    """One folder's readers and, where it is free, its writer."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._folder = folder
        self._shape = shape
        self._state: State | None = None
        self._looked_at = 0.0

    async def ask(self, question: Question) -> Answer:
        state = self._now()
        if state.searcher.num_docs <= SMALL:
            return state.ask(question)
        return await asyncio.to_thread(state.ask, question)

    async def complete(
        self, beginning: str, *, limit: int, filters: tuple[Filter, ...] = ()
    ) -> list[Hit]:
        state = self._now()
        if state.searcher.num_docs <= SMALL:
            return state.complete(beginning, limit, filters)
        return await asyncio.to_thread(state.complete, beginning, limit, filters)

    async def position(self) -> str | None:
        edition = _current(self._folder)
        return None if edition is None else _position(edition, self._shape)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer | None]:
        lock = _locked(self._folder)
        if lock is None:
            yield None
            return
        writer: FolderWriter | None = None
        try:
            writer = FolderWriter(self._folder, self._shape, self._own(), self._soon)
            yield writer
        finally:
            if writer is not None:
                await writer.close()
            lock.close()

    def close(self) -> None:
        self._state = None

    def _own(self) -> Path | None:
        """The current edition, when it fits the shape."""
        edition = _current(self._folder)
        if edition is None or _position(edition, self._shape) is None:
            return None
        return edition

    def _soon(self) -> None:
        """What this process committed, it sees at once."""
        self._looked_at = 0.0

    def _now(self) -> State:
        """The state to read. SearchAway before the first edition."""
        now = time.monotonic()
        if self._state is not None and now - self._looked_at < LOOK_AGAIN_S:
            return self._state
        edition = _current(self._folder)
        if edition is None:
            raise SearchAway
        try:
            if self._state is None or self._state.edition != edition:
                self._state = State(edition, self._shape)
            else:
                self._state.refresh()
        except (ValueError, OSError) as error:
            # A file that was there a moment ago: the writer tidies up behind a commit.
            if self._state is None:
                raise SearchAway from error
        self._looked_at = now
        return self._state


class FolderWriter:
    """Documents go into an edition; `position` says how far it is."""

    def __init__(
        self, folder: Path, shape: Shape, edition: Path | None, committed: Any = None
    ) -> None:
        self._folder = folder
        self._shape = shape
        self._edition = edition or _fresh(folder)
        self._committed = committed
        self._schema = schema_of(shape)
        index = tantivy.Index(self._schema, path=str(self._edition))
        self._writer = index.writer(HEAP_BYTES if edition else HEAP_OF_NEW_BYTES, 1)
        self.position = None if edition is None else _position(edition, shape)
        self._later: FolderWriter | None = None
        self._before: FolderWriter | None = None
        self._is_closed = False

    async def put(self, documents: Sequence[Document], gone: Sequence[str] = ()) -> None:
        await asyncio.to_thread(self._put, documents, gone)

    def _put(self, documents: Sequence[Document], gone: Sequence[str]) -> None:
        fresh = self.position is None and not gone
        for id in gone:
            self._writer.delete_documents_by_term(ID, id)
        for document in documents:
            if not fresh:
                self._writer.delete_documents_by_term(ID, document.id)
            self._writer.add_document(row_of(document, self._shape, self._schema))

    async def commit(self, position: str) -> None:
        await asyncio.to_thread(self._commit, position)
        if self._committed is not None:
            self._committed()

    def _commit(self, position: str) -> None:
        self._writer.commit()
        said = json.dumps({"position": position, "shape": _fingerprint(self._shape)})
        _write(self._edition / "position", said)
        self.position = position

    async def begin_again(self) -> "FolderWriter":
        if self._later is not None:
            await self._later.close()
        self._later = FolderWriter(self._folder, self._shape, None, self._committed)
        self._later._before = self
        return self._later

    async def take_over(self) -> None:
        await asyncio.to_thread(self._take_over)
        if self._before is not None:
            await self._before.end()
            self._before = None
        if self._committed is not None:
            self._committed()

    def _take_over(self) -> None:
        _write(self._folder / "current", self._edition.name)
        for old in sorted(self._folder.glob("edition-*"))[:-_KEPT_EDITIONS]:
            if old != self._edition:
                shutil.rmtree(old, ignore_errors=True)

    async def close(self) -> None:
        """Gives the edition back. What was not committed is forgotten."""
        if self._later is not None:
            await self._later.close()
        await self.end()

    async def end(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await asyncio.to_thread(self._writer.wait_merging_threads)


def _kept(kept: dict[str, T], most: int, key: str, make: Callable[[], T]) -> T:
    """What is kept under that key, or is made now; the oldest goes."""
    known = kept.get(key)
    if known is None:
        known = make()
        if len(kept) >= most:
            kept.pop(next(iter(kept), key), None)
        kept[key] = known
    return known


def _locked(folder: Path) -> IO[str] | None:
    """The writer's lock, which ends with the process; None while another has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = open(folder / "writer.lock", "a")  # noqa: SIM115 - closed by who holds it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _current(folder: Path) -> Path | None:
    try:
        return folder / (folder / "current").read_text("utf-8")
    except FileNotFoundError:
        return None


def _fresh(folder: Path) -> Path:
    numbers = [int(one.name.rpartition("-")[2]) for one in folder.glob("edition-*")]
    edition = folder / f"edition-{max(numbers, default=0) + 1:06}"
    edition.mkdir(mode=0o700)
    return edition


def _position(edition: Path, shape: Shape) -> str | None:
    try:
        said = json.loads((edition / "position").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return said["position"] if said["shape"] == _fingerprint(shape) else None


def _fingerprint(shape: Shape) -> str:
    """Changes when documents have to be stored anew; weights alone only change questions."""
    stored = (EDITION, list(shape.texts), shape.spelt, shape.codes, shape.keywords, shape.numbers)
    return blake2b(repr(stored).encode(), digest_size=8).hexdigest()


def _stamp(edition: Path) -> tuple[int, int]:
    found = os.stat(edition / "meta.json")
    return found.st_mtime_ns, found.st_ino


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(text, "utf-8")
    draft.replace(path)
