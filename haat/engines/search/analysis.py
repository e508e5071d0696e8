"""From text to the terms of an index: the same for what is stored and for what is asked.

    words("10,4\" tablet, WH-1000XM4")  →  10.4 inch tablet wh-1000xm4
    terms(word)                          →  what the word is indexed as

A word is a run of letters, digits and the marks that belong to letters: `\\w` knows no vowel signs
and would cut a Bengali word at each. Codes stay whole and are also known by their parts.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from haat.engines.search import bengali

WORD_MAX_CHARS = 40
_MARKS = re.compile(r"[\u0300-\u036f]")
_SPACES = str.maketrans(
    {"\u00ad": None, "\u2019": "'", "″": '"', "”": '"', "“": '"'} | dict.fromkeys("™℠", " ")
)
_DECIMAL = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))")
_INCHES = re.compile(r"(?<=\d)\s?(?:\"|''|-inch(?:es)?\b|\s?inch(?:es)?\b)")
_MEASURE = re.compile(r"^(\d+(?:\.\d+)?)([a-z]{1,4})$")
_PARTS = re.compile(r"[a-z]+|\d+")
_LATIN = re.compile(r"^[a-z']+$")
_UNITS = frozenset(
    "gb tb mb kb mah ah wh mp kw w v kv hz khz mhz ghz mm cm km m in inch ft kg g mg l ml cl oz lb"
    " fps dpi rpm gbit mbit px pcs".split()
)
STOP_WORDS = frozenset(
    "a an and are as at be but by for from in is it of on or that the this to was with".split()
)


@cache
def _word() -> re.Pattern[str]:
    """One word, with the signs that join the parts of a code: wh-1000xm4, usb-c, 802.11ac."""
    marks = [c for c in map(chr, range(0x300, 0x11FFF)) if unicodedata.category(c)[0] == "M"]
    letter = f"(?:[^\\W_]|[\u200c\u200d{_ranges(marks)}])"
    return re.compile(rf"{letter}+(?:[-./_+&']{letter}+)*")


def _ranges(letters: Iterable[str]) -> str:
    """For a character class: 0300-036f and so on."""
    runs: list[list[int]] = []
    for letter in letters:
        if runs and runs[-1][1] == ord(letter) - 1:
            runs[-1][1] = ord(letter)
        else:
            runs.append([ord(letter), ord(letter)])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)


def plain(text: str) -> str:
    """Lower case, one form for each letter, no accents on Latin ones, decimals with a point."""
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", text.translate(_SPACES)).lower()
        text = unicodedata.normalize("NFD", text)
        text = unicodedata.normalize("NFC", _MARKS.sub("", text))
    if "," in text:
        text = _DECIMAL.sub(".", text)
    if '"' in text or "''" in text or "inch" in text:
        text = _INCHES.sub(" inch ", text)
    return text


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was written (lower case), and the term it is found by."""

    written: str
    term: str
    forms: tuple[str, ...] = ()  # of a code: joined, and its parts

    @property
    def is_code(self) -> bool:
        return bool(self.forms)


def words(text: str) -> list[Word]:
    """The words of a text, in order."""
    found: list[Word] = []
    for chunk in plain(text).split():
        found += _words_in(chunk)
    return found


@lru_cache(maxsize=200_000)
def _words_in(chunk: str) -> tuple[Word, ...]:
    """Of what stands between spaces, which no word contains: texts repeat themselves, so most
    chunks were met before, with the comma behind them."""
    return tuple(word for piece in _word().findall(chunk) for word in _words_of(piece))


def _words_of(piece: str) -> tuple[Word, ...]:
    """One run without spaces: one word, a measure's number and unit, or a code."""
    piece = piece.removesuffix("'s").replace("'", "")
    measure = _MEASURE.match(piece)
    if measure and measure[2] in _UNITS:
        return (_simple(measure[1]), _simple(measure[2]))
    parts = [part for part in re.split(r"[-./_+&]", piece) if part]
    if len(parts) > 1 and not _is_number(piece):
        joined = "".join(parts)[:WORD_MAX_CHARS]
        first, *rest = [_simple(part) for part in parts]
        return (Word(first.written, first.term, (joined, *first.forms)), *rest)
    return (_simple(piece),)


def _is_number(piece: str) -> bool:
    return piece.replace(".", "", 1).isdecimal()


def _simple(word: str) -> Word:
    word = _digits(word)[:WORD_MAX_CHARS]
    if word.isascii() and not word.isalpha() and not _is_number(word):
        parts = tuple(_PARTS.findall(word))
        return Word(word, word, (word, *parts)) if len(parts) > 1 else Word(word, word)
    return Word(word, term_of(word))


def _digits(word: str) -> str:
    """With the digits of every script as ASCII ones."""
    if word.isascii():
        return word
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in word)


@lru_cache(maxsize=200_000)
def term_of(word: str) -> str:
    """The stem of a word in lower case."""
    if _LATIN.match(word):
        return _english().analyze(word)[0] if len(word) > 2 else word
    if bengali.is_bengali(word):
        return bengali.term(word) or word
    return word


@cache
def _english() -> TextAnalyzer:
    return TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer("english")).build()
