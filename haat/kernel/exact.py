"""JSON as it is written: "1" and true are no number, 0 is no truth value, 1700000000 is no time.

Pydantic takes one for the other, as a form's text has to be; the OpenAPI document promises clients
what the types say, and a client that mistakes a field's type has mistaken the field.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _whole(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("float_type", "Input should be a valid number")
    return value


def _truth(value: Any) -> Any:
    if not isinstance(value, bool):
        raise PydanticCustomError("bool_type", "Input should be true or false")
    return value


def _time(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise PydanticCustomError("datetime_type", "Input should be written 2026-11-21T08:00:00Z")


def _day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise PydanticCustomError("date_type", "Input should be written 2026-11-21")


# A time in a query: pydantic would read a number as one, too.
Written = Annotated[datetime, BeforeValidator(_time)]
WrittenAware = Annotated[AwareDatetime, BeforeValidator(_time)]

_CHECKS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "datetime": _time,
    "date": _day,
}
_WITHIN = ("schema", "items_schema", "keys_schema", "values_schema")


def exact(schema: Any) -> Any:
    """The core schema of a model's fields, with a check before each value that is no text. Models
    in it say for themselves how exact they are."""
    kind = schema.get("type")
    check = _CHECKS.get(kind)
    if check is not None and not schema.get("strict"):
        called = {"type": "no-info", "function": check}
        return {"type": "function-before", "function": called, "schema": schema}
    if kind == "model" or _is_checked(schema):
        return schema
    found = dict(schema)
    for name in _WITHIN:
        if isinstance(found.get(name), dict):
            found[name] = exact(found[name])
    if kind == "model-fields":
        found["fields"] = {
            name: {**field, "schema": exact(field["schema"])}
            for name, field in found["fields"].items()
        }
    elif kind == "union":
        found["choices"] = [
            (exact(one[0]), one[1]) if isinstance(one, tuple) else exact(one)
            for one in found["choices"]
        ]
    elif kind == "tuple":
        found["items_schema"] = [exact(one) for one in found["items_schema"]]
    return found


def _is_checked(schema: Any) -> bool:
    called = schema.get("function")
    return isinstance(called, dict) and called.get("function") in _CHECKS.values()
