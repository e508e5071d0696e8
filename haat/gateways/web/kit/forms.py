"""Forms: what was sent, read by a model, and what was wrong with it, told at the field.

values = await form_of(request)
try:
    wanted = read(AddressForm, values)
    ...
except Problem as problem:
    return visit.page("store/address.html", problem.status, form=Form(values, problem))
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from haat.kernel.errors import FieldError, Invalid, Problem

M = TypeVar("M", bound=BaseModel)
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_WORDS = {
    "missing": "Fill this in.",
    "string_too_short": "This is too short.",
    "int_parsing": "Give a whole number.",
    "float_parsing": "Give a number.",
    "bool_parsing": "Choose yes or no.",
    "uuid_parsing": "Choose one of the list.",
    "literal_error": "Choose one of the list.",
}


class Form:
    """A form as a template shows it. `errors` are messages by field; `problem` is what was wrong
    altogether, None while nothing was. `at` says which field a problem without fields belongs to,
    by its code: {"email_taken": "email"}."""

    def __init__(
        self,
        values: Mapping[str, str] | None = None,
        problem: Problem | None = None,
        at: Mapping[str, str] | None = None,
    ) -> None:
        self.sent = values is not None
        self.values = dict(values or {})
        self.problem = problem
        self.errors: dict[str, str] = {}
        if problem is None:
            return
        for error in problem.fields:
            self.errors.setdefault(self._name(error.path), error.message)
        name = (at or {}).get(problem.code)
        if name is not None:
            self.errors.setdefault(name, problem.detail)
        self._order()

    def _order(self) -> None:
        """Puts the errors in the order of the page: a browser sends the fields in that order."""
        sent = {name: place for place, name in enumerate(self.values)}
        ordered = sorted(self.errors.items(), key=lambda error: sent.get(error[0], len(sent)))
        self.errors = dict(ordered)

    def value(self, name: str, default: object = "") -> str:
        """What was sent, else the default. A form that was sent has no defaults any more."""
        if self.sent:
            return self.values.get(name, "")
        return "" if default is None else str(default)

    def checked(self, name: str, default: bool = False, value: str = "on") -> bool:
        """Whether a box was, or would be, ticked."""
        return self.values.get(name) == value if self.sent else default

    def error(self, name: str) -> str | None:
        return self.errors.get(name)

    def _name(self, path: str) -> str:
        """'shipTo.postalCode' → the field of that name, or 'postal_code'."""
        snake = _HUMP.sub(lambda hump: "_" + hump[1].lower(), path)
        parts = snake.split(".")
        for name in (path, snake, *reversed(parts)):
            if name in self.values:
                return name
        return next((part for part in reversed(parts) if not part.isdigit()), snake)


def read(model: type[M], values: Mapping[str, str]) -> M:
    """The form as a model; fields left empty count as not given. Invalid, with messages."""
    given = {name: text for name, text in values.items() if text}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Invalid:
    """Pydantic's refusal in words for people."""
    fields = []
    for one in error.errors(include_context=True):
        kind = one["type"]
        message = _WORDS.get(kind, one["msg"])
        if kind == "string_too_long":
            message = f"Use at most {one['ctx']['max_length']} characters."
        elif kind == "string_pattern_mismatch":
            message = "This does not have the right form."
        elif kind in ("greater_than_equal", "less_than_equal"):
            bound = one["ctx"].get("ge", one["ctx"].get("le"))
            message = f"Give at {'least' if kind.startswith('g') else 'most'} {bound}."
        path = ".".join(str(part) for part in one["loc"])
        fields.append(FieldError(path=path, code=kind, message=message))
    return Invalid("Some fields need another look.", fields=fields)
