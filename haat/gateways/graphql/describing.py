"""The schema as plain values, for a page to show it to people."""

from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from haat.gateways.graphql.schema import schema

ROOTS = ("Query", "Mutation", "Subscription")
_KINDS = {
    GraphQLObjectType: "type",
    GraphQLInterfaceType: "interface",
    GraphQLUnionType: "union",
    GraphQLEnumType: "enum",
    GraphQLInputObjectType: "input",
}


def described() -> list[dict[str, Any]]:
    """Every type by name, what can be asked for first."""
    every = [
        one
        for one in schema().type_map.values()
        if not is_introspection_type(one) and not is_specified_scalar_type(one)
    ]
    place = {name: n for n, name in enumerate(ROOTS)}
    every.sort(key=lambda one: (place.get(one.name, len(ROOTS)), one.name))
    return [_type(one) for one in every]


def _type(one: Any) -> dict[str, Any]:
    members = getattr(one, "types", ()) if isinstance(one, GraphQLUnionType) else ()
    values = one.values if isinstance(one, GraphQLEnumType) else {}
    fields = {} if isinstance(one, GraphQLEnumType) else getattr(one, "fields", {})
    return {
        "name": one.name,
        "kind": next((word for cls, word in _KINDS.items() if isinstance(one, cls)), "scalar"),
        "text": one.description or "",
        "fields": [_field(name, field) for name, field in fields.items()],
        "values": list(values),
        "members": [member.name for member in members],
        "is": [parent.name for parent in getattr(one, "interfaces", ())],
    }


def _field(name: str, field: Any) -> dict[str, Any]:
    return {
        "name": name,
        "text": field.description or "",
        **_kind(field),
        "arguments": [
            {"name": key, "text": arg.description or "", **_kind(arg)}
            for key, arg in getattr(field, "args", {}).items()
        ],
    }


def _kind(field: Any) -> dict[str, Any]:
    """How a type is written, and the name in it; what is left out stands for what."""
    default = None
    if isinstance(field, GraphQLArgument | GraphQLInputField):
        given = field.default_value
        default = None if given in (Undefined, None) else str(given)
    return {"type": str(field.type), "of": get_named_type(field.type).name, "default": default}
