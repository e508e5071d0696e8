"""Documents kept in a cache beside the database that has them.

    seen = Copies(cache, "catalog.product", Product)
    found, read = await seen.get_many([ref])
    ... look up what is missing ...
    await seen.keep({ref: product}, read)
    # the writer after its commit, and a reaction to what it announced:
    await forget(cache, seen.keys([str(product.id), product.slug]))

`Copies` are forgotten by name. An `Edition` is forgotten as a whole, where nobody can say which of
its documents a change concerns: every document carries its edition's mark, and a change throws
the mark away.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from haat.engines.cache import Cache, CacheAway, Read
from haat.kernel.chance import chance

log = structlog.get_logger()

T = TypeVar("T")

TTL_S = 600.0  # the last resort, should every word of a change be lost
NAME_MAX = 200
_MARK_BYTES = 12


class Copies(Generic[T]):
    """Documents of one kind, each under names that the owner can list when it changes."""

    def __init__(self, cache: Cache, kind: str, shape: Any) -> None:
        self._cache = cache
        self._kind = kind
        self._shape: TypeAdapter[T] = TypeAdapter(shape)

    def keys(self, names: Iterable[str]) -> list[str]:
        return [f"{self._kind}:{name}" for name in names]

    async def get_many(self, names: Sequence[str]) -> tuple[dict[str, T], Read]:
        """Those that are there by name, and what `keep` wants to know of this look."""
        fit = [name for name in names if may_be_kept(name)]
        read = await self._cache.get_many(self.keys(fit))
        found: dict[str, T] = {}
        for name, key in zip(fit, self.keys(fit), strict=True):
            if key in read.found:
                document = _decoded(self._shape, read.found[key])
                if document is not None:
                    found[name] = document
        return found, read

    async def keep(self, documents: Mapping[str, T], read: Read) -> None:
        """Keeps what was looked up since `read`."""
        if not read.at:
            return
        fit = {name: value for name, value in documents.items() if may_be_kept(name)}
        values = [self._shape.dump_json(value) for value in fit.values()]
        await self._cache.set_many(
            dict(zip(self.keys(fit), values, strict=True)), ttl_s=TTL_S, read=read
        )


class Edition(Generic[T]):
    """Documents of one kind that are all forgotten when `mark` is."""

    def __init__(self, cache: Cache, kind: str, shape: Any) -> None:
        self._cache = cache
        self._kind = kind
        self._shape: TypeAdapter[T] = TypeAdapter(shape)
        self.mark = f"{kind}!"

    async def through(self, name: str, look_up: Callable[[], Awaitable[T | None]]) -> T | None:
        """The document of that name: the one that is kept, or what `look_up` finds now."""
        if not may_be_kept(name):
            return await look_up()
        key = f"{self._kind}:{name}"
        read = await self._cache.get_many([self.mark, key])
        mark, kept = read.found.get(self.mark), read.found.get(key, b"")
        if mark is not None and kept.startswith(mark):
            document = _decoded(self._shape, kept[len(mark) :])
            if document is not None:
                return document
        document = await look_up()
        if document is not None and read.at:
            values = {}
            if mark is None:
                # Where several make one at once, the last one stands, and the documents of the
                # others count as missing.
                mark = values[self.mark] = chance().bytes(_MARK_BYTES)
            values[key] = mark + self._shape.dump_json(document)
            await self._cache.set_many(values, ttl_s=TTL_S, read=read)
        return document


async def forget(cache: Cache, keys: Sequence[str]) -> None:
    """For a writer that has committed: what the cache does not hear now, it hears from the
    reaction to the event that was committed, too."""
    try:
        await cache.invalidate(keys)
    except CacheAway:
        log.info("cache_not_told", keys=len(keys))


def may_be_kept(name: str) -> bool:
    """Names come from addresses: no key is made of what cannot be the name of anything."""
    return len(name) <= NAME_MAX and name.isprintable()


def _decoded(shape: TypeAdapter[T], value: bytes) -> T | None:
    """None for what another version of this program kept in another shape."""
    try:
        return shape.validate_json(value)
    except ValidationError:
        return None
