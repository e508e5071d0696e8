"""Read by schemathesis, in its own environment: notes what was asked and answered, and checks what
is left of its `positive_data_acceptance`."""

import os
from typing import Any

import schemathesis

# What our own sight alone refuses has a code of its own, as `cursor_invalid` has. These say that
# something is not shaped as it should be: then the document should have said so. Not among them is
# int_type: to a schema 1299.0 is an integer, and amounts are never floats here.
SHAPES = frozenset(
    "extra_forbidden literal_error enum string_type string_pattern_mismatch int_parsing"
    " int_from_float float_type float_parsing bool_type bool_parsing datetime_type"
    " datetime_parsing datetime_from_date_parsing date_type date_parsing uuid_type uuid_parsing"
    " dict_type list_type model_attributes_type greater_than greater_than_equal less_than"
    " less_than_equal string_too_long too_long too_short".split()
)
MISSING = "Field required"  # as pydantic says it; what one field's value asks for has other words


def noted(context: Any, case: Any, response: Any) -> None:
    """One line a request: `GET /api/v1/products 200`."""
    with open(os.environ["HAAT_FUZZ_ASKED"], "a", encoding="utf-8") as asked:
        asked.write(f"{case.method} {case.operation.path} {response.status_code}\n")


def well_shaped(ctx: Any, response: Any, case: Any) -> None:
    """What the schema allows may be refused, but not for its shape."""
    if response.status_code != 422 or not case.meta or not case.meta.generation.mode.is_positive:
        return
    wrong = [
        error
        for error in response.json().get("errors", ())
        if error["code"] in SHAPES or error["message"] == MISSING
    ]
    assert not wrong, f"The schema allows it: {wrong}"


schemathesis.hook("after_call")(noted)
schemathesis.check(well_shaped)
