"""The one shape of values that cross a boundary: frozen, camelCase on every wire."""

from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from haat.kernel.exact import exact


class Model(BaseModel):
    """A frozen value. Unknown fields are ignored, so that a newer peer may add some. JSON has no
    bytes: they travel as base64."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,  # what was refused may be personal; errors end in logs
    )


class Exact(Model):
    """A part of what clients send as JSON: its numbers are numbers (`haat.kernel.exact`)."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        found = handler(source)
        of_model: Any = handler.resolve_ref_schema(found)
        while of_model["type"] != "model":  # what validates the whole stands around it
            of_model = of_model["schema"]
        of_model["schema"] = exact(of_model["schema"])
        return found


class Body(Exact):
    """What a client sends: unknown fields are refused, so that a typo is never lost silently."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class FormBody(Model):
    """The same of a page's form, which has texts for everything."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _Options(TypedDict):
    from_attributes: bool
    by_alias: bool
    by_name: bool


# For `model_validate`, to make one model of another that has its fields and more. Without the last
# two, pydantic asks for every attribute by its name on the wire first, which costs ten times as
# much: `SoldOrder.model_validate(order, **OF_MODELS)`.
OF_MODELS = _Options(from_attributes=True, by_alias=False, by_name=True)
