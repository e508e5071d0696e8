"""How alike texts are in what they mean: static word vectors, from files that come with the extra
`haat[semantic]`. Nothing is fetched; a process that is never asked loads nothing.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VECTORS_KEPT = 30_000  # of texts, 1 kB each


@cache
def is_there() -> bool:
    """Whether the extra is installed."""
    return find_spec("wordllama") is not None


def alike(words: str, texts: Sequence[str]) -> list[float]:
    """From 0, nothing in common, to 1 for each of the texts."""
    wanted, *found = _vectors([words.lower(), *texts])
    return [max(0.0, float(wanted @ one)) for one in found]


def _vectors(texts: Sequence[str]) -> list[Any]:
    """Of length 1; all zeros for a text without a known word. Those not kept are made together,
    which is many times faster than one by one."""
    kept = _kept()
    # Another thread may empty them meanwhile.
    known = {text: vector for text in texts if (vector := kept.get(text)) is not None}
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    made: dict[str, Any] = {}
    if missing:
        rows = _model().embed([one or " " for one in missing], norm=True)
        made = dict(zip(missing, rows, strict=True))
    found = [made[text] if text in made else known[text] for text in texts]
    if len(kept) + len(made) > VECTORS_KEPT:
        kept.clear()
    kept.update(made)
    return found


@cache
def _kept() -> dict[str, Any]:
    return {}


@cache
def _model() -> Any:
    import wordllama

    folder = Path(wordllama.__file__).parent
    # Without these it looks for its tokenizer on the network first.
    return wordllama.WordLlama.load(dim=256, cache_dir=folder, disable_download=True)
