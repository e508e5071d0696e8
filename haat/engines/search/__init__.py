"""Finding documents by words: the port, and its adapters by URL scheme.

`file:///…` (or a plain path): tantivy in a folder, which one process writes and any number read.
`none://` keeps nothing and finds nothing.

    products = engine.index("products", SHAPE)
    answer = await products.ask(Question(words="red shoes", filters=(AnyOf("vendor", ids),)))
"""

from urllib.parse import unquote, urlsplit

from haat.engines.search.port import (
    RANKED_MAX,
    Answer,
    AnyOf,
    Between,
    Document,
    Filter,
    Hit,
    Index,
    Matched,
    Near,
    Question,
    Reason,
    SearchAway,
    SearchEngine,
    Shape,
    Signal,
    Sort,
    Synonyms,
    Writer,
)


def open_search(url: str) -> SearchEngine:
    """The engine at this URL. ValueError for an unknown scheme."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        from haat.engines.search.embedded import EmbeddedSearch

        return EmbeddedSearch(unquote(parts.path) if parts.scheme else url)
    if parts.scheme == "none":
        from haat.engines.search.nothing import NoSearch

        return NoSearch()
    raise ValueError(f"there is no search engine for {parts.scheme!r}: a folder, file:// or none")


__all__ = [
    "RANKED_MAX",
    "Answer",
    "AnyOf",
    "Between",
    "Document",
    "Filter",
    "Hit",
    "Index",
    "Matched",
    "Near",
    "Question",
    "Reason",
    "SearchAway",
    "SearchEngine",
    "Shape",
    "Signal",
    "Sort",
    "Synonyms",
    "Writer",
    "open_search",
]
