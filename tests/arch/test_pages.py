"""Templates and scripts keep to the content policy that pages are answered with."""

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "haat" / "gateways" / "web"
TEMPLATES = sorted(WEB.rglob("*.html"))
SCRIPTS = sorted((WEB / "static").glob("*.js"))
# What makes a script, or text that is none, out of a string; the policy refuses it (trusted types).
SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    r"|createContextualFragment|setAttribute\(.(?:on|style)"
)


def name(path: Path) -> str:
    return str(path.relative_to(WEB))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text("utf-8")
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert 'nonce="{{ nonce }}"' in tag, f'{tag}: nonce="{{{{ nonce }}}}" lets it run'
        assert " src=" in tag, f"{tag}: scripts stand in files"
    assert not re.findall(r"<style\b|\sstyle=|\son[a-z]+=\"|javascript:", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_makes_no_script(path: Path) -> None:
    assert not SINKS.findall(path.read_text("utf-8"))
