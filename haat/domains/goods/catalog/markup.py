"""Descriptions made safe: an allow-list of tags, in bounded time and size."""

import html
import re

import nh3

from haat.kernel.errors import Invalid

TEXT_MAX = 5000
NESTED_MAX = 100  # what real descriptions need is below 20; parsing costs depth times size
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
_OPENING = re.compile(r"<[a-zA-Z]")
_CLOSING = re.compile(r"</[a-zA-Z]")
_BLOCK = re.compile(r"<(?:br|hr|/?(?:p|div|li|ul|ol|h[1-6]|tr|td|th|blockquote|dd|dt))\b", re.I)


def clean(markup: str) -> str:
    """The same description without anything that could run, load or disguise itself.

    Invalid (`html_too_deep`) for markup built to keep the parser busy.
    """
    if "<" not in markup:
        # Plain text: paragraphs stay paragraphs.
        parts = [p.strip() for p in re.split(r"\n\s*\n", markup) if p.strip()]
        if "&" in markup or not parts:
            return nh3.clean(markup, tags=set(_TAGS)).strip()
        return "".join(f"<p>{html.escape(p, quote=False)}</p>" for p in parts)
    if _depth(markup) > NESTED_MAX:
        raise Invalid.at("descriptionHtml", "This markup is nested too deeply.", "html_too_deep")
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags=set(_DROPPED),
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    ).strip()


def plain(markup: str) -> str:
    """The text of a cleaned description: spaces collapsed, at most 5000 characters."""
    spaced = _BLOCK.sub(lambda m: " " + m.group(), markup)
    text = html.unescape(nh3.clean(spaced, tags=set()))
    return " ".join(text.split())[:TEXT_MAX]
