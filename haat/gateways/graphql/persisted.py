"""Queries known by their SHA-256: those clients sent before, or those an operator allows.

Clients' own stand in the cache (automatic persisted queries, as Apollo's clients speak it): only
what was found valid, no longer than KEPT_BYTES, so many in an hour, for as long as somebody asks
for it. They are copies: a client that is told it is not known sends the whole query again.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from haat.engines.cache import Cache
from haat.kernel.errors import Conflict, Forbidden, Invalid, NotFound

KEPT_BYTES = 16_384
NEW_IN_AN_HOUR = 10_000
HOUR_S = 3600
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
FILES_MAX = 10_000


class NotKnown(NotFound, code="persisted_query_not_found"):
    """PersistedQueryNotFound"""


class NotAllowed(Forbidden, code="query_not_allowed"):
    """This market answers queries on its list only."""


class HashWrong(Invalid, code="persisted_query_hash_wrong"):
    """The hash is not that of the query."""


class Persisted:
    """`listed`: a manifest or folder of what alone is answered; None: anything is."""

    def __init__(self, cache: Cache, *, kept_s: float, listed: Path | None) -> None:
        self._cache = cache
        self._kept_s = kept_s
        self._listed = None if listed is None else read_list(listed)

    async def text_of(self, query: str | None, digest: str | None) -> str:
        """The query that is meant. NotKnown, NotAllowed, HashWrong; Invalid for none at all."""
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise HashWrong.at("extensions.persistedQuery.sha256Hash", "This is no SHA-256.")
        if query is None and digest is None:
            raise Invalid.at("query", "Send a query.", "query_missing")
        if query is not None and digest is not None and digest_of(query) != digest.lower():
            raise HashWrong
        if self._listed is not None:
            found = self._listed.get((digest or digest_of(query or "")).lower())
            if found is None:
                raise NotAllowed
            return found
        if query is not None:
            return query
        assert digest is not None, "there is one of them"
        read = await self._cache.get_many([_key(digest)])
        kept = read.found.get(_key(digest))
        if kept is None:
            raise NotKnown
        return kept.decode()

    async def keep(self, query: str, digest: str) -> None:
        """For a query that was found valid."""
        if self._listed is not None or len(query) > KEPT_BYTES:
            return
        key = _key(digest)
        read = await self._cache.get_many([key])
        if key not in read.found:
            new = await self._cache.count("graphql.new", window_s=HOUR_S)
            if new is not None and new > NEW_IN_AN_HOUR:
                return
        await self._cache.set_many({key: query.encode()}, ttl_s=self._kept_s, read=read)


def digest_of(query: str) -> str:
    return hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()


def _key(digest: str) -> str:
    return f"graphql.query:{digest.lower()}"


def read_list(place: Path) -> dict[str, str]:
    """What is allowed, by hash: a folder's `.graphql` files, or a JSON manifest: {hash: query},
    or Apollo's {"operations": [{"body": query}, …]}. Conflict when it cannot be read."""
    try:
        if place.is_dir():
            files = sorted(place.glob("*.graphql"))[:FILES_MAX]
            texts = [file.read_text("utf-8").strip() for file in files]
        else:
            texts = _manifest(json.loads(place.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Conflict(f"{place} is no list of queries: {error}", code="query_list") from None
    return {digest_of(text): text for text in texts}


def _manifest(document: Any) -> list[str]:
    if "operations" in document:
        return [str(one["body"]) for one in document["operations"]]
    return [str(text) for text in document.values()]
