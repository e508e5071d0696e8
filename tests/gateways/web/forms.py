"""What stands on a page, as a browser reads it: links, forms with their fields, and anything that
would run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

from tests.journeys.box import PASSWORD

VOID = frozenset({"input", "br", "img", "meta", "link", "hr", "source", "wbr", "path", "use"})
LEADING = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster"})
TYPED = frozenset({"text", "search", "email", "tel", "url", ""})


@dataclass
class Control:
    """A field. `kind` is an input's type, "textarea" or "select"; `describes`: ids of what is said
    of it."""

    name: str
    kind: str
    attributes: Mapping[str, str]
    value: str = ""
    options: list[str] = field(default_factory=list)

    @property
    def is_typed(self) -> bool:
        """Any text may be typed into it."""
        return self.kind == "textarea" or self.kind in TYPED

    @property
    def is_wrong(self) -> bool:
        return self.attributes.get("aria-invalid") == "true"

    @property
    def describes(self) -> list[str]:
        return self.attributes.get("aria-describedby", "").split()


@dataclass
class Form:
    action: str
    method: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)  # name and value of each

    def control(self, name: str) -> Control | None:
        return next((one for one in self.controls if one.name == name), None)


class Page(HTMLParser):
    """A page that was read to its end."""

    def __init__(self, text: str, at: str) -> None:
        super().__init__(convert_charrefs=True)
        self.at = at
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.runs: list[str] = []  # scripts and handlers that are none of ours
        self.texts: dict[str, str] = {}  # by the id of the element around it
        self.all: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []  # ids that labels and descriptions speak of
        self.headings = 0
        self._open: list[tuple[str, str]] = []
        self._form: Form | None = None
        self._area: Control | None = None
        self._select: Control | None = None
        self._by_id: dict[str, Form] = {}
        self._late: list[tuple[str, Control | tuple[str, str]]] = []
        self.feed(text)
        self.close()
        for id, part in self._late:
            if id in self._by_id:
                self._add(self._by_id[id], part)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._suspect(tag, found)
        self.headings += tag == "h1"
        self.ids += [found["id"]] if "id" in found else []
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.named += found.get(name, "").split()
        if tag not in VOID:
            self._open.append((tag, found.get("id", "")))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "form":
            action = urljoin(self.at, found.get("action", self.at))
            self._form = Form(action, found.get("method", "get").lower())
            self.forms.append(self._form)
            self._by_id[found.get("id", "")] = self._form
        elif tag in ("input", "textarea", "select", "button"):
            self._control(tag, found)
        elif tag == "option" and self._select is not None:
            value = found.get("value", "")
            if "disabled" not in found:
                self._select.options.append(value)
            if "selected" in found:
                self._select.value = value

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def _suspect(self, tag: str, found: Mapping[str, str]) -> None:
        ours = found.get("nonce") or found.get("src", "").startswith("/static/")
        is_data = found.get("type", "") in ("application/json", "application/ld+json")
        if tag in ("iframe", "object", "embed", "base", "applet"):
            self.runs.append(f"<{tag}>")
        if tag == "script" and not ours and not is_data:
            self.runs.append(f"<script {dict(found)}>")
        for name, value in found.items():
            target = "".join(value.split()).lower()
            leads = name in LEADING and target.startswith(("javascript:", "vbscript:", "data:text"))
            if name.startswith("on") or name in ("style", "srcdoc") or leads:
                self.runs.append(f"<{tag} {name}={value!r}>")

    def _control(self, tag: str, found: Mapping[str, str]) -> None:
        if "disabled" in found:
            return
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "button" or found.get("type") in ("submit", "image"):
            if found.get("type", "submit") == "submit":
                self._put(found, (name, value))
            return
        if not name:
            return
        kind = tag if tag != "input" else found.get("type", "").lower()
        one = Control(name, kind, found, value)
        if kind in ("checkbox", "radio"):
            one.value = found.get("value", "on") if "checked" in found else ""
            one.options = [found.get("value", "on")]
        if tag == "textarea":
            self._area = one
        if tag == "select":
            self._select = one
        self._put(found, one)

    def _put(self, found: Mapping[str, str], part: Control | tuple[str, str]) -> None:
        if "form" in found:
            self._late.append((found["form"], part))
        elif self._form is not None:
            self._add(self._form, part)

    def _add(self, form: Form, part: Control | tuple[str, str]) -> None:
        if isinstance(part, Control):
            form.controls.append(part)
        else:
            form.buttons.append(part)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select" and self._select is not None:
            if not self._select.value and self._select.options:
                self._select.value = self._select.options[0]
            self._select = None
        while self._open and any(tag == open for open, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        self.all.append(data)
        if self._area is not None:
            self._area.value += data
        for _, id in self._open:
            if id:
                self.texts[id] = self.texts.get(id, "") + data

    def own_links(self) -> list[str]:
        """Addresses of this site, without what follows a #."""
        found = []
        for link in self.links:
            parts = urlsplit(urljoin(self.at, link))
            if not urlsplit(link).netloc and parts.scheme in ("", "http"):
                found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        return list(dict.fromkeys(found))

    def faults(self) -> list[str]:
        """What a page must not be: it runs what is not ours, or its parts do not fit."""
        found = [f"runs {one}" for one in self.runs]
        if self.headings != 1:
            found.append(f"{self.headings} headings")
        found += [f"id {one} twice" for one in set(self.ids) if self.ids.count(one) > 1]
        return found + [f"no id {one}" for one in set(self.named) - set(self.ids)]

    def shows(self, text: str) -> bool:
        """Whether that text stands on it, blanks left aside, as text or in a field."""
        wanted = plain(text)
        values = (one.value for form in self.forms for one in form.controls)
        return wanted in plain("".join(self.all)) or any(wanted in plain(one) for one in values)


def plain(text: str) -> str:
    return "".join(text.split())


# What fields are filled with, by name, where a browser's form leaves them empty and the market asks
# for them together with another.
KNOWN = {
    "line1": "1 Analytical Row",
    "city": "London",
    "postal_code": "N1 9GU",
    "country": "GB",
    "sku": "SKU-{n}",
    "v0_sku": "SKU-{n}",
    "v0_price": "5.00",
    "b0_price": "5.00",
    "words": "Replica",
    "code": "EUR",
    "rate": "0.9",
    "title": "Title {n}",
    "text": "Some text",
    "latitude": "51.5",
    "longitude": "-0.1",
    "credits": "5",
    "holder": "Clay House",
    "url": "https://example.com/{n}",
    "name": "Name {n}",
    "slug": "",
}


def filled(form: Form, more: Mapping[str, str], button: int = 0) -> dict[str, str | list[str]]:
    """The form as somebody would send it: what must be filled in is, and one of several boxes is
    ticked where none was."""
    found: dict[str, str | list[str]] = {}
    boxes: dict[str, list[Control]] = {}
    for one in form.controls:
        if one.kind in ("checkbox", "radio"):
            boxes.setdefault(one.name, []).append(one)
        elif one.kind != "file":
            value = one.value.removeprefix("\n") if one.kind == "textarea" else one.value
            counted = one.kind == "number" and one.name.startswith("q-")  # of what is given back
            found[one.name] = "1" if counted else value or something(one, more)
    for name, several in boxes.items():
        ticked = [one.value for one in several if one.value]
        wanted = len(several) > 1 or "required" in several[0].attributes or name.startswith("pick_")
        if ticked or wanted:
            found[name] = ticked or [several[0].options[0]]
    if form.buttons:
        name, value = form.buttons[button % len(form.buttons)]
        if name:
            found[name] = value
    return found


def something(one: Control, more: Mapping[str, str]) -> str:
    """A value that such a field may have; none where none is asked for."""
    known = {**KNOWN, **more}.get(one.name)
    if known is not None and (one.kind != "select" or known in one.options):
        return known.replace("{n}", uuid4().hex[:8])
    if "required" not in one.attributes:
        return ""
    mode = one.attributes.get("inputmode", "")
    if one.kind == "select":
        return next((option for option in one.options if option), "")
    if one.kind == "number" or mode in ("numeric", "decimal"):
        return one.attributes.get("min") or "1"
    by_kind = {
        "email": "someone@example.com",
        "url": "https://example.com/here",
        "tel": "+44 20 7946 0958",
        "date": "2040-01-02",
        "datetime-local": "2040-01-02T03:04",
        "time": "09:00",
        "month": "2040-01",
        "password": PASSWORD,
    }
    return by_kind.get(one.kind, "Some text")
