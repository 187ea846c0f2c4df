"""GraphQL requests: parsed and validated once per text, executed, and every error answered so that the client stops.

The client repeats a request for minutes on any 5xx, so what is not supported, not allowed or not there is an error at
status 200 that names the operation. A root field may name statuses that the client tells errors apart by (`Root`).
Only an outage of the database is a 503: that is worth a repetition.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from inspect import isawaitable
from typing import Any, NamedTuple

import structlog
from ariadne import make_executable_schema
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    parse,
    type_from_ast,
    validate,
)

from regista.kit.bodies import check_json
from regista.kit.errors import RegistaError, UnavailableError
from regista.wandb.bindings import bindings
from regista.wandb.exchange import Exchange
from regista.wandb.roots import Root

log = structlog.get_logger()

MAX_TOKENS = 20_000
"""Tokens of a query. The client's longest has some 1,500."""
MAX_SECONDS = 60
"""Seconds that one request may take: lists nest, and each level multiplies the rows of the one above."""
_DOCUMENTS = 512


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: dict[str, Any]


class Asked(NamedTuple):
    """A request as it came in."""

    query: str
    variables: Mapping[str, Any]
    operation: str | None


class Engine:
    """The schema with its resolvers, and the documents seen last."""

    def __init__(self) -> None:
        text = (resources.files("regista.wandb") / "schema.graphql").read_text()
        bound = list(bindings())
        self.schema: GraphQLSchema = make_executable_schema(text, *bound, convert_names_case=True)
        self._statuses = {
            name: told for root in bound if isinstance(root, Root) for name, told in root.statuses.items()
        }
        self._prepared = lru_cache(maxsize=_DOCUMENTS)(self._prepare)

    async def answer(self, exchange: Exchange, asked: Asked) -> Answer:
        """Execute a request. Never raises for what a client sent."""
        try:
            document = self._prepared(asked.query)
            operation = _operation(document, asked.operation)
            variables = prune(self.schema, operation, check_json(dict(asked.variables)))
        except (GraphQLError, ValueError, RecursionError) as error:
            return _refused(_sentence(error))
        try:
            result = execute(
                self.schema,
                document,
                context_value=exchange,
                variable_values=variables,
                operation_name=operation.name.value if operation.name else None,
            )
            if isawaitable(result):
                async with asyncio.timeout(MAX_SECONDS):
                    result = await result
        except TimeoutError:
            return _refused(f"{_name(operation)} took longer than {MAX_SECONDS} s and was given up; ask for fewer rows")
        finally:
            await asyncio.shield(exchange.close())
        assert isinstance(result, ExecutionResult)  # noqa: S101 - the schema has no subscription and no @defer
        for denial in exchange.denials:
            await exchange.call.record_denial(denial)
        return _answer(result, operation, self._statuses)

    def _prepare(self, query: str) -> DocumentNode:
        document = parse(query, no_location=True, max_tokens=MAX_TOKENS)
        errors = validate(self.schema, document, max_errors=5)
        if errors:
            names = [_name(part) for part in document.definitions if isinstance(part, OperationDefinitionNode)]
            raise GraphQLError(f"Regista does not support the operation {', '.join(names)}: {errors[0].message}")
        return document


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return the process's engine; it takes a third of a second to make."""
    return Engine()


def prune(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables without what the schema's input types do not know: the client sends every field it knows."""
    kept: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in variables:
            kept[name] = _pruned(type_from_ast(schema, definition.type), variables[name])
    return kept


def _pruned(kind: Any, value: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return _pruned(kind.of_type, value)
    if isinstance(kind, GraphQLList) and isinstance(value, Sequence) and not isinstance(value, str):
        return [_pruned(kind.of_type, each) for each in value]
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, Mapping):
        return {name: _pruned(field.type, value[name]) for name, field in kind.fields.items() if name in value}
    return value


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    chosen = [each for each in operations if name is None or _name(each) == name]
    if len(chosen) != 1:
        known = ", ".join(map(_name, operations)) or "none"
        raise GraphQLError(f"operationName {name!r} does not choose one operation; the query has: {known}")
    return chosen[0]


def _name(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name is not None else f"anonymous {operation.operation.value}"


def _answer(
    result: ExecutionResult, operation: OperationDefinitionNode, statuses: Mapping[str, frozenset[int]]
) -> Answer:
    body: dict[str, Any] = {"data": result.data}
    if not result.errors:
        return Answer(200, body)
    body["errors"] = []
    status = 200
    told = {
        (field.alias or field.name).value: statuses.get(field.name.value, frozenset())
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
    }
    for error in result.errors:
        cause = error.original_error
        shown: dict[str, Any] = {"message": _sentence(error), "path": list(error.path or ())}
        if isinstance(cause, RegistaError):
            shown["extensions"] = {"code": cause.code, "status": cause.status}
            by_status = cause.status in told.get(str(next(iter(shown["path"]), "")), ())
            status = cause.status if by_status or isinstance(cause, UnavailableError) else status
        elif cause is not None and not isinstance(cause, GraphQLError):
            log.error("graphql.failed", operation=_name(operation), path=shown["path"], exc_info=cause)
            shown["message"] = f"the server failed on {_name(operation)}; its log has the reason"
        body["errors"].append(shown)
    return Answer(status, body)


def _sentence(error: Exception) -> str:
    if isinstance(error, GraphQLError):
        cause = error.original_error
        return cause.message if isinstance(cause, RegistaError) else error.message
    if isinstance(error, RecursionError):
        return "the query is nested too deeply"
    return str(error)


def _refused(sentence: str) -> Answer:
    return Answer(200, {"data": None, "errors": [{"message": sentence}]})
