"""What a support session is shown: the same, without what is personal.

Texts are personal by their type (`haat.kernel.personal`), wherever in an answer they stand, and
by a few names. Files are not shown at all: what stands in them has no types.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import AfterValidator, BaseModel

from haat.kernel.context import SUPPORT_WRITES, Context
from haat.kernel.contract import Mark
from haat.kernel.errors import Forbidden
from haat.kernel.personal import Personal

MASK = "hidden"
# What is personal by its name, where a model does not say so by its type.
NAMES = frozenset("email contact_email phone ship_to_name holder account iban".split())


class SupportReadOnly(Forbidden, code="support_read_only"):
    """In this support session nothing can be changed."""


class SupportMasked(Forbidden, code="support_masked"):
    """A support session shows no files: they say who people are."""


def check_support(ctx: Context, mark: Mark) -> None:
    """SupportReadOnly for a command in a session that may only look."""
    if mark.kind == "command" and SUPPORT_WRITES not in ctx.scopes:
        raise SupportReadOnly


def masked(value: Any) -> Any:
    """The value with every personal text in it hidden. SupportMasked for one that is a file."""
    if isinstance(value, Personal):
        return type(value)(MASK) if value else value
    if isinstance(value, bytes):
        raise SupportMasked
    if isinstance(value, BaseModel):
        hidden = _personal(type(value))
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        changed = {
            name: MASK if name in hidden and isinstance(one, str) and one else masked(one)
            for name, one in fields.items()
        }
        return value.model_copy(update=changed)
    if isinstance(value, Mapping):
        return {key: masked(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([masked(one) for one in value])
    return value


@cache
def _personal(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that are personal: also where a value came by without validation."""
    return NAMES | {
        name
        for name, field in model.model_fields.items()
        for one in field.metadata
        if isinstance(one, AfterValidator)
        and isinstance(one.func, type)
        and issubclass(one.func, Personal)
    }
