"""One operation, from its text to its answer: found, parsed, held against the schema and the
limits, and carried out in time."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    specified_rules,
    subscribe,
    validate,
)

from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.limits import Measure, QueryRefused, check_document, measure
from haat.gateways.graphql.persisted import Persisted, digest_of
from haat.gateways.graphql.problems import ERRORS_MAX, TooSlow, told
from haat.gateways.graphql.schema import schema
from haat.gateways.graphql.settings import GraphqlSettings
from haat.gateways.graphql.watch import Leaving
from haat.kernel.errors import Invalid, Problem
from haat.kernel.model import Model

TEXT_MAX = 20_000  # of one query
COMMENTS_MAX = 200
KEPT_CHARS = 400_000  # of queries that need not be parsed again

Answer = dict[str, Any]


class Ask(Model):
    """What a client sends, in a body or an address."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None

    @property
    def digest(self) -> str | None:
        """The hash it names a query by."""
        named = (self.extensions or {}).get("persistedQuery")
        found = named.get("sha256Hash") if isinstance(named, dict) else None
        return found if isinstance(found, str) else None


class Broken(Exception):
    """Errors of a request nothing was done for."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation that may be carried out."""

    document: DocumentNode
    kind: OperationType
    name: str | None
    variables: Mapping[str, Any]
    measure: Measure


class Engine:
    def __init__(self, settings: GraphqlSettings, persisted: Persisted) -> None:
        self.settings = settings
        self._persisted = persisted
        self._schema = schema()
        self._known: OrderedDict[str, DocumentNode] = OrderedDict()
        self._known_chars = 0
        self._rules = list(specified_rules)
        if not settings.graphql_introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    async def plan(self, ask: Ask) -> Plan:
        """What is asked for. Broken, or a Problem, when it cannot be done."""
        digest = ask.digest
        text = await self._persisted.text_of(ask.query, digest)
        document = self._document(text)
        operation = _chosen(document, ask.operation_name)
        variables = ask.variables or {}
        found = measure(self._schema, document, operation, variables, self.settings)
        if digest is not None and ask.query is not None:
            await self._persisted.keep(ask.query, digest)
        name = operation.name.value if operation.name else None
        return Plan(document, operation.operation, name, variables, found)

    async def run(self, plan: Plan, inquiry: Inquiry) -> Answer:
        """A query's or mutation's answer."""
        try:
            async with asyncio.timeout(self.settings.graphql_deadline_s):
                done = execute(self._schema, plan.document, **self._arguments(plan, inquiry))
                result = done if isinstance(done, ExecutionResult) else await done
        except TimeoutError:
            return self.refusal(TooSlow(), inquiry.ctx.request_id)
        return self._answer(result, plan, inquiry)

    async def news(self, plan: Plan, inquiry: Inquiry) -> AsyncGenerator[Answer, None]:
        """A subscription's answers, one after the other. Leaving when there are no more here."""
        opened = subscribe(self._schema, plan.document, **self._arguments(plan, inquiry))
        found = opened if isinstance(opened, ExecutionResult | AsyncIterator) else await opened
        if isinstance(found, ExecutionResult):
            yield self._answer(found, plan, inquiry)
            return
        assert isinstance(found, AsyncGenerator), "graphql-core maps with a generator"
        try:
            async with aclosing(found):
                async for result in found:
                    yield self._answer(result, plan, inquiry)
        except Leaving:
            raise
        except Problem as problem:
            yield self.refusal(problem, inquiry.ctx.request_id)

    def refusal(self, error: BaseException, request_id: str) -> Answer:
        """The answer of a request nothing was done for."""
        errors = error.errors if isinstance(error, Broken) else [error]
        return {"errors": [told(one, request_id) for one in errors[:ERRORS_MAX]]}

    def _arguments(self, plan: Plan, inquiry: Inquiry) -> dict[str, Any]:
        return {
            "context_value": inquiry,
            "variable_values": dict(plan.variables),
            "operation_name": plan.name,
            "hide_suggestions": not self.settings.graphql_introspection,
        }

    def _answer(self, result: ExecutionResult, plan: Plan, inquiry: Inquiry) -> Answer:
        answer: Answer = {"data": result.data}
        if result.errors:
            found = result.errors[:ERRORS_MAX]
            answer["errors"] = [told(one, inquiry.ctx.request_id) for one in found]
        answer["extensions"] = {
            "cost": {
                "requested": plan.measure.cost,
                "maximum": self.settings.graphql_max_cost,
                "depth": plan.measure.depth,
            }
        }
        return answer

    def _document(self, text: str) -> DocumentNode:
        """Parsed and valid. Broken, QueryRefused."""
        digest = digest_of(text)
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        document = self._parsed(text)
        check_document(document, self.settings)
        self._check_fragments(document)
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=ERRORS_MAX,
            hide_suggestions=not self.settings.graphql_introspection,
        )
        if errors:
            raise Broken(errors)
        self._keep(digest, text, document)
        return document

    def _parsed(self, text: str) -> DocumentNode:
        if len(text) > TEXT_MAX:
            message = f"A query has at most {TEXT_MAX} characters."
            raise QueryRefused(message, code="query_too_long", maximum=TEXT_MAX)
        most = self.settings.graphql_max_tokens
        try:
            return parse(text, max_lexical_tokens=most, max_comments=COMMENTS_MAX)
        except GraphQLError as error:
            if "nested too deeply" in error.message:
                raise QueryRefused("The query goes too deep.", code="query_too_deep") from None
            if "Parsing aborted" in error.message:
                message = f"A query has at most {most} words and signs."
                raise QueryRefused(message, code="too_many_tokens", maximum=most) from None
            raise Broken([error]) from None

    def _check_fragments(self, document: DocumentNode) -> None:
        """Before it is validated, which is not linear: every operation within its limits."""
        for one in document.definitions:
            if isinstance(one, OperationDefinitionNode):
                measure(self._schema, document, one, {}, self.settings)

    def _keep(self, digest: str, text: str, document: DocumentNode) -> None:
        self._known[digest] = document
        self._known_chars += len(text)
        while self._known_chars > KEPT_CHARS:
            _, oldest = self._known.popitem(last=False)
            self._known_chars -= len(oldest.loc.source.body) if oldest.loc else 0


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is not None:
        found = [one for one in found if one.name is not None and one.name.value == name]
    if len(found) != 1:
        raise Invalid.at(
            "operationName", "Name one of the operations in the query.", "operation_unknown"
        )
    return found[0]


KNOWN = (Problem, Broken)
