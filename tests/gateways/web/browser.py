"""A browser without JavaScript: pages, their forms, and what every page must be."""

import html
import io
import re
from collections.abc import Mapping
from typing import Any

import httpx
from PIL import Image

from tests.journeys.box import PASSWORD, Box

Files = list[tuple[str, tuple[str, bytes, str]]]
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<input\b([^>]*)>")
_TEXTAREA = re.compile(r'<textarea\b[^>]* name="([^"]+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)
_SELECT = re.compile(r'<select\b[^>]* name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
_OPTION = re.compile(r'<option value="([^"]*)"( selected)?')


class Browser:
    """Cookies of its own; redirects are not followed, so that tests see them."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.http = httpx.AsyncClient(
            base_url=box.address, headers={"accept": "text/html"}, timeout=120
        )

    async def sign_in(self, email: str) -> "Browser":
        form = {"email": email, "password": PASSWORD}
        answer = await self.http.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        return self

    async def page(self, path: str, status: int = 200) -> str:
        """A page that is well made; its text."""
        answer = await self.http.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[-800:]}"
        check(answer.text)
        return answer.text

    async def send(
        self, path: str, form: Mapping[str, Any] | None = None, files: Files | None = None
    ) -> httpx.Response:
        answer = await self.http.post(path, data=dict(form or {}), files=files)
        if answer.status_code != 303:
            check(answer.text)
        return answer

    async def done(
        self, path: str, form: Mapping[str, Any] | None = None, files: Files | None = None
    ) -> str:
        """Sends a form that works; where it leads."""
        answer = await self.send(path, form, files)
        assert answer.status_code == 303, f"{path}: {answer.status_code} {answer.text}"
        return answer.headers["location"]


def check(text: str) -> None:
    """One heading, ids once, labels that lead somewhere, nothing that the CSP refuses."""
    assert text.count("<h1") == 1, text[:2000]
    assert not re.search(r"<[^>]+ (style|onclick|onsubmit)=", text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids)), [one for one in ids if ids.count(one) > 1]
    assert set(re.findall(r'<label[^>]* for="([^"]+)"', text)) <= set(ids)
    described = re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', text)
    assert {id for one in described for id in one.split()} <= set(ids)


def form_in(text: str, action: str) -> dict[str, str]:
    """The fields of the form with that action, as a browser would send them without a button."""
    for head, body in _FORM.findall(text):
        if f'action="{action}"' in head:
            return _fields(body)
    raise AssertionError(f"no form leads to {action}")


def _fields(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for attributes in _INPUT.findall(body):
        name = re.search(r'\bname="([^"]*)"', attributes)
        kind = re.search(r'\btype="([^"]*)"', attributes)
        if name is None or (kind and kind[1] == "file"):
            continue
        if kind and kind[1] in ("checkbox", "radio") and " checked" not in attributes:
            continue
        value = re.search(r'\bvalue="([^"]*)"', attributes)
        found[name[1]] = html.unescape(value[1]) if value else ""
    for name_, text in _TEXTAREA.findall(body):
        found[name_] = html.unescape(text)
    for name_, options in _SELECT.findall(body):
        values = _OPTION.findall(options)
        chosen = [value for value, selected in values if selected] or [v for v, _ in values[:1]]
        found[name_] = html.unescape(chosen[0]) if chosen else ""
    return found


def picture(colour: str = "teal") -> tuple[str, bytes, str]:
    """A PNG as a file of a form."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(buffer, "PNG")
    return "picture.png", buffer.getvalue(), "image/png"
