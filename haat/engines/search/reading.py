"""How a person's words are taken apart: phrases in quotes, -words to leave out, OR between words.

blue "running shoes" -kids
bowl OR plate
"""

import re
from dataclasses import dataclass

from haat.engines.search.analysis import STOP_WORDS, Word, words

WORDS_MAX = 12
_PIECE = re.compile(r'(?P<minus>(?<!\S)-)?"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Asked:
    """`wanted` in the order typed; `is_open`: the last word may still be being typed."""

    wanted: tuple[Word, ...] = ()
    phrases: tuple[tuple[Word, ...], ...] = ()
    unwanted: tuple[Word, ...] = ()
    any_will_do: bool = False
    is_open: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.wanted and not self.phrases


def asked(text: str) -> Asked:
    """At most WORDS_MAX words of it count."""
    wanted: list[Word] = []
    phrases: list[tuple[Word, ...]] = []
    unwanted: list[Word] = []
    plain: list[str] = []
    either = False
    for piece in _PIECE.finditer(_even(text)):
        if piece["phrase"] is not None:
            found = tuple(words(piece["phrase"])[:WORDS_MAX])
            if piece["minus"]:
                unwanted.extend(found)
            elif found:
                phrases.append(found)
            plain.append(" ")
        elif piece["word"] in ("OR", "|"):
            either = True
        elif piece["word"][0] == "-" and piece["word"].strip("-"):
            unwanted.extend(words(piece["word"][1:]))
        else:
            plain.append(piece["word"])
    wanted = words(" ".join(plain))
    telling = [word for word in wanted if word.written not in STOP_WORDS]
    if telling or phrases:
        wanted = telling
    last = plain[-1] if plain else " "
    return Asked(
        tuple(wanted[:WORDS_MAX]),
        tuple(phrases[:WORDS_MAX]),
        tuple(unwanted[:WORDS_MAX]),
        any_will_do=either,
        is_open=not text.endswith(" ") and last != " " and len(wanted) <= WORDS_MAX,
    )


def _even(text: str) -> str:
    """A quote that is never closed is none; those behind numbers are inches."""
    text = re.sub(r'(?<=\d)"', " inch ", text)
    return text if text.count('"') % 2 == 0 else text.replace('"', " ")
