"""Descriptions made safe: an allow-list of tags, in bounded time and size."""

import html
import re
from functools import cache

import nh3

from haat.kernel.errors import Invalid

TEXT_MAX = 5000
HTML_MAX = 100_000  # of the result, which can be longer than what came in
UNCLOSED_MAX = 1000  # parsing costs as the square of the depth; tags left open count as depth
_TAGS = frozenset(
    "a abbr b blockquote br caption code dd div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i"
    " img li ol p pre s small span strong sub sup table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_DROPPED = {"script", "style", "iframe", "object", "svg", "math", "template", "noscript"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_BLOCK = re.compile(r"<(?:br|hr|/?(?:p|div|li|ul|ol|h[1-6]|tr|td|th|blockquote|dd|dt))\b", re.I)


@cache
def _cleaner() -> nh3.Cleaner:
    """Made once: that costs three times what cleaning a description does."""
    return nh3.Cleaner(
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags=set(_DROPPED),
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


@cache
def _stripper() -> nh3.Cleaner:
    return nh3.Cleaner(tags=set())


def clean(markup: str) -> str:
    """The same description without anything that could run, load or disguise itself.

    Invalid (`html_too_deep`) for markup built to keep the parser busy.
    """
    if _unclosed(markup) > UNCLOSED_MAX:
        raise Invalid.at("descriptionHtml", "This markup is nested too deeply.", "html_too_deep")
    found = _cleaner().clean(markup).strip()
    if "<" not in found:
        # Plain text: what stands apart becomes paragraphs.
        parts = [p.strip() for p in re.split(r"\n\s*\n", found)]
        found = "".join(f"<p>{part}</p>" for part in parts if part)
    if len(found) > HTML_MAX:
        raise Invalid.at("descriptionHtml", "This markup is too long.", "html_too_long")
    return found


def _unclosed(markup: str) -> int:
    """The most tags open at once, as if none closed another."""
    depth = most = 0
    for closing, name in _TAG.findall(markup):
        if name.lower() in _VOID:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        most = max(most, depth)
    return most


def plain(markup: str) -> str:
    """The text of a cleaned description: spaces collapsed, at most 5000 characters."""
    spaced = _BLOCK.sub(lambda m: " " + m.group(), markup)
    text = html.unescape(_stripper().clean(spaced))
    return " ".join(text.split())[:TEXT_MAX]
