"""What people write: which characters may stand in it."""

import unicodedata

# Controls, halves of characters, private use, separators of lines; and what turns the direction of
# all text around it. Joiners are spelling, in Bengali and Persian as in emoji.
_UNSEEN = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202d\u202e")


def is_plain_line(text: str) -> bool:
    """Whether everything in it is read, or is how something is spelled."""
    if text.isprintable():
        return True
    return all(c not in _TURNING and unicodedata.category(c) not in _UNSEEN for c in text)


def is_plain_text(text: str) -> bool:
    """The same of several lines, with tabs."""
    return is_plain_line(text.replace("\n", "").replace("\t", ""))
