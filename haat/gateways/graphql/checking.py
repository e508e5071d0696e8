"""What clients give is held against the contract it goes to, before it goes there."""

from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from haat.engines.http.problems import field_error
from haat.kernel.contract import Contract, methods_of
from haat.kernel.errors import FieldError, Invalid


def check(
    contract: type[Contract], method: str, given: dict[str, Any], *, below: str = "", **names: str
) -> None:
    """Invalid, by field, unless the method takes these. `below`: the argument they stand in;
    `names`: what a parameter is called there."""
    key: Any = contract  # mypy does not take a class for hashable
    wrong = []
    try:
        methods_of(key)[method].request.model_validate(given)
    except ValidationError as error:
        wrong = [field_error(one) for one in error.errors()]
    if wrong:
        raise Invalid(
            "The arguments are not valid.", fields=[_renamed(one, below, names) for one in wrong]
        )


def _renamed(one: FieldError, below: str, names: dict[str, str]) -> FieldError:
    first, _, rest = ".".join(map(to_camel, one.path.split("."))).partition(".")
    path = ".".join(part for part in (below, names.get(first, first), rest) if part)
    return one.model_copy(update={"path": path})
