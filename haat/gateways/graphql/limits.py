"""What a query may ask for: measured before anything is done for it, in time linear in its text.

Cost: what a field weighs (calls of a contract weigh more), times the size of the lists it stands
in. A page counts as large as it was asked for, other lists as large as they usually are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.language import Visitor, visit

from haat.gateways.graphql.pages import FIRST
from haat.gateways.graphql.settings import GraphqlSettings
from haat.kernel.errors import Invalid
from haat.kernel.page import LIMIT_MAX

FRAGMENTS_MAX = 50
SAME_MAX = 20  # fields of one name beside each other: held against each other in pairs
INTROSPECTION_DEPTH_MAX = 20
# What is more than reading a value that is there.
WEIGHTS = {
    "Query.search": 20,
    "Query.suggest": 10,
    "Query.products": 10,
    "Query.product": 5,
    "Query.vendors": 5,
    "Query.brands": 5,
    "Query.cart": 10,
    "Vendor.products": 10,
    "Category.products": 10,
    "Brand.products": 10,
    "Product.available": 1,
    "Offer.standing": 3,
    "Variant.buyBox": 3,
    "Mutation.cartAdd": 20,
    "Mutation.cartPut": 20,
    "Mutation.offerChange": 20,
    "Mutation.stockSet": 20,
    "Subscription.stockChanged": 10,
    "Subscription.priceChanged": 10,
}
# How long lists without a page usually are; others count as LIST.
LENGTHS = {"Product.variants": 4, "Variant.offers": 3, "Category.path": 3, "Query.categories": 10}
LIST = 5


class QueryRefused(Invalid, code="query_refused"):
    """The query asks for more than one may at once; ask for less, or in several."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`fields`: how many there are with every fragment in its places."""

    cost: int
    depth: int
    fields: int


def check_document(document: DocumentNode, settings: GraphqlSettings) -> None:
    """QueryRefused for what no variables can make good: too many aliases, directives, fragments,
    or fragments that contain themselves."""
    counted = _Counting()
    visit(document, counted)
    fragments = sum(isinstance(one, FragmentDefinitionNode) for one in document.definitions)
    for number, most, code, what in (
        (counted.aliases, settings.graphql_max_aliases, "too_many_aliases", "aliases"),
        (counted.directives, settings.graphql_max_directives, "too_many_directives", "directives"),
        (fragments, FRAGMENTS_MAX, "too_many_fragments", "fragments"),
        (counted.same, SAME_MAX, "too_many_repeats", "fields of one name beside each other"),
    ):
        if number > most:
            raise QueryRefused(
                f"The query has {number} {what}; {most} are allowed.", code=code, maximum=most
            )


class _Counting(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.aliases = self.directives = self.same = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None

    def enter_directive(self, *_: Any) -> None:
        self.directives += 1

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        seen: dict[str, int] = {}
        for one in node.selections:
            if isinstance(one, FieldNode):
                name = one.alias.value if one.alias else one.name.value
                seen[name] = seen.get(name, 0) + 1
            elif isinstance(one, FragmentSpreadNode):
                seen["..." + one.name.value] = seen.get("..." + one.name.value, 0) + 1
        self.same = max(self.same, *seen.values(), 0)


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    settings: GraphqlSettings,
) -> Measure:
    """What an operation asks for. QueryRefused when that is too deep or costs too much."""
    found = _Measuring(schema, document, operation, variables, settings).operation()
    if found.cost > settings.graphql_max_cost or found.fields > settings.graphql_max_tokens * 5:
        raise QueryRefused(
            f"The query costs {found.cost}; {settings.graphql_max_cost} is allowed. Ask for"
            " smaller pages, or in several queries.",
            code="query_too_costly",
            cost=found.cost,
            maximum=settings.graphql_max_cost,
        )
    return found


class _Measuring:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        settings: GraphqlSettings,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._defaults = {
            one.variable.name.value: one.default_value
            for one in operation.variable_definitions or ()
        }
        self._max_depth = settings.graphql_max_depth
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, int], Measure] = {}
        self._inside: list[str] = []

    def operation(self) -> Measure:
        root = self._schema.get_root_type(self._operation.operation)
        return self._set(self._operation.selection_set, root, 0, FIRST, False)

    def _set(
        self, given: SelectionSetNode, parent: Any, above: int, page: int, inspects: bool
    ) -> Measure:
        cost = depth = fields = 0
        for one in given.selections:
            if isinstance(one, FieldNode):
                found = self._field(one, parent, above + 1, page, inspects)
            elif isinstance(one, InlineFragmentNode):
                named = one.type_condition
                inner = self._schema.get_type(named.name.value) if named else parent
                found = self._set(one.selection_set, inner, above, page, inspects)
            else:
                assert isinstance(one, FragmentSpreadNode), "there is nothing else"
                found = self._spread(one.name.value, above, page, inspects)
            cost, fields = cost + found.cost, fields + found.fields
            depth = max(depth, found.depth)
        return Measure(cost, depth, fields)

    def _spread(self, name: str, above: int, page: int, inspects: bool) -> Measure:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Measure(0, 0, 0)  # the validation says so
        if name in self._inside:
            raise QueryRefused(f"The fragment {name!r} contains itself.", code="fragment_cycle")
        known = self._known.get((name, page))
        if known is None:
            self._inside.append(name)
            inner = self._schema.get_type(fragment.type_condition.name.value)
            known = self._set(fragment.selection_set, inner, above, page, inspects)
            self._inside.pop()
            self._known[name, page] = known
        self._bound(above + known.depth, inspects)
        return known

    def _field(self, node: FieldNode, parent: Any, here: int, page: int, inspects: bool) -> Measure:
        name = node.name.value
        inspects = inspects or name in ("__schema", "__type")
        self._bound(here, inspects)
        if node.selection_set is None:
            weight = WEIGHTS.get(f"{parent}.{name}", 0)
            return Measure(weight, 1, 1)
        field: GraphQLField | None = getattr(parent, "fields", {}).get(name)
        inner = get_named_type(field.type) if field is not None else None
        if inner is not None and is_leaf_type(inner):
            inner = None
        place = f"{parent}.{name}"
        length = 1
        if inner is not None and inner.name.endswith("Connection"):
            page = self._first(node)
        elif str(parent).endswith("Connection") and name in ("edges", "nodes"):
            length = page
        elif field is not None and not inspects and _is_list(field):
            length = self._ids(node, LENGTHS.get(place, LIST))
        below = self._set(node.selection_set, inner, here, page, inspects)
        cost = WEIGHTS.get(place, 1 if not inspects else 0) + length * (below.cost + 1) - 1
        return Measure(max(cost, 1), below.depth + 1, below.fields + 1)

    def _bound(self, depth: int, inspects: bool) -> None:
        most = INTROSPECTION_DEPTH_MAX if inspects else self._max_depth
        if depth > most:
            raise QueryRefused(
                f"The query goes deeper than {most} levels.", code="query_too_deep", maximum=most
            )

    def _first(self, node: FieldNode) -> int:
        """How large a page is asked for; as large as may be where that cannot be told."""
        given = self._argument(node, "first", FIRST)
        return min(max(given, 1), LIMIT_MAX) if isinstance(given, int) else LIMIT_MAX

    def _ids(self, node: FieldNode, usual: int) -> int:
        given = self._argument(node, "ids", None)
        if given is None:
            return usual
        return min(len(given), LIMIT_MAX) if isinstance(given, Sequence) else LIMIT_MAX

    def _argument(self, node: FieldNode, name: str, otherwise: Any) -> Any:
        for one in node.arguments or ():
            if one.name.value == name:
                return self._value(one.value, otherwise)
        return otherwise

    def _value(self, value: Any, otherwise: Any) -> Any:
        if isinstance(value, VariableNode):
            given = self._variables.get(value.name.value)
            default = self._defaults.get(value.name.value)
            if given is not None:
                return given
            return otherwise if default is None else self._value(default, otherwise)
        if isinstance(value, IntValueNode):
            return int(value.value) if len(value.value) < 10 else LIMIT_MAX
        if isinstance(value, ListValueNode):
            return value.values
        return LIMIT_MAX


def _is_list(field: GraphQLField) -> bool:
    kind = field.type
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)
