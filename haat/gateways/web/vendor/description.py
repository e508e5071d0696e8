"""Descriptions as vendors type them: plain text with blank lines, or markup for who wants it."""

import html
import re

_TAG = re.compile(r"</?[a-zA-Z]")
_PLAIN = re.compile(r"(?:<p>(?:[^<]|<br ?/?>)*</p>\s*)*")
_BREAK = re.compile(r"<br ?/?>\n?")


def to_markup(text: str) -> str:
    """Markup as it is; plain text as paragraphs, its line ends as breaks."""
    text = text.replace("\r\n", "\n").strip()
    if _TAG.search(text):
        return text
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    return "".join(
        f"<p>{html.escape(part, quote=False)}</p>".replace("\n", "<br>\n")
        for part in paragraphs
        if part
    )


def to_text(markup: str) -> str:
    """Plain text where the markup is only paragraphs and breaks; else the markup itself."""
    if not _PLAIN.fullmatch(markup.strip()):
        return markup
    paragraphs = re.findall(r"<p>(.*?)</p>", markup, re.DOTALL)
    found = "\n\n".join(html.unescape(_BREAK.sub("\n", part)).strip() for part in paragraphs)
    # Text that looks like a tag would be read as markup when it comes back.
    return markup if _TAG.search(found) else found
