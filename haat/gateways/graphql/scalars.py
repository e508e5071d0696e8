"""Values GraphQL has no type for. An Int has 32 bits, which is not enough for money."""

from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from graphql.language import IntValueNode, ValueNode

from haat.kernel.money import Money as Amount

SAFE_MAX = (1 << 53) - 1  # what every JSON reader holds exactly


def _exact(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > SAFE_MAX:
        raise GraphQLError("A SafeInt is a whole number of at most 53 bits.")
    return value


def _literal(node: ValueNode, variables: dict[str, Any] | None = None) -> int:
    if not isinstance(node, IntValueNode) or len(node.value) > 17:
        raise GraphQLError("A SafeInt is a whole number of at most 53 bits.")
    return _exact(int(node.value))


SafeInt = NewType("SafeInt", int)
SAFE_INT = strawberry.scalar(
    name="SafeInt",
    description="A whole number of at most 53 bits, which every JSON reader holds exactly.",
    serialize=_exact,
    parse_value=_exact,
    parse_literal=_literal,
)


@strawberry.type(description="An amount: `minor` units (1299 is 12.99), and as a decimal text.")
class Money:
    minor: SafeInt
    currency: str
    decimal: str

    @classmethod
    def of(cls, amount: Amount) -> "Money":
        return cls(minor=SafeInt(amount.minor), currency=amount.currency, decimal=amount.decimal())

    @classmethod
    def maybe(cls, amount: Amount | None) -> "Money | None":
        return None if amount is None else cls.of(amount)


@strawberry.input(description="An amount in minor units: 1299 is 12.99.")
class MoneyInput:
    minor: SafeInt
    currency: str
