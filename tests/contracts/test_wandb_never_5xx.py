"""No input makes a fault: the client would repeat for minutes what is answered with 5xx.

Every operation that the installed clients can send, and every root field, is sent with each of its values replaced by
bad ones in turn: absent, null, of another type, huge, with U+0000 or a lone surrogate, the ids of other things.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    OperationDefinitionNode,
    get_named_type,
    parse,
    type_from_ast,
    validate,
)

from regista.wandb.engine import engine
from tests.contracts.test_wandb_access import CASES, Case, World, named, queries
from tests.contracts.test_wandb_access import world as world  # noqa: PLC0414 - a fixture
from tests.support.wandb_clients import CLIENTS
from tests.support.wandb_inputs import spoiled
from tests.support.wandb_operations import Operation, operations

ALLOWED = {200, 400, 401, 404, 409}
MOST_SECONDS = 5.0
TEXTS = {
    "entity": "team",
    "entityname": "team",
    "organization": "home",
    "org": "home",
    "project": "train",
    "projectname": "train",
    "modelname": "train",
    "run": "run-1",
    "runname": "run-1",
    "runid": "run-1",
    "artifacttypename": "model",
    "type": "model",
    "artifacttype": "model",
    "artifactcollectionname": "model",
    "collectionname": "model",
    "alias": "v0",
    "digest": "d",
}


class Hostile(World):
    """The world, and the key of somebody who may do everything in it."""

    key: str


def _sendable() -> list[Operation]:
    """Return each operation that the schema takes, once for all modules and clients that hold the same one."""
    found: dict[tuple[str, str], Operation] = {}
    for client in CLIENTS:
        for operation in operations(client):
            document = parse(operation.text, no_location=True)
            # What takes nothing but an input object is tried below, by its root field.
            if _has_values(document) and not validate(engine().schema, document, max_errors=1):
                head = operation.text.partition("{")[0]
                found.setdefault((operation.name, "".join(head.split())), operation)
    # What takes away comes last, so that the others meet something.
    return sorted(found.values(), key=lambda each: ("delete" in each.name.lower(), each.name))


def _has_values(document: DocumentNode) -> bool:
    kinds = [
        type_from_ast(engine().schema, variable.type)
        for part in document.definitions
        if isinstance(part, OperationDefinitionNode)
        for variable in part.variable_definitions or ()
    ]
    return any(not isinstance(get_named_type(kind), GraphQLInputObjectType) for kind in kinds)


def _base(operation: OperationDefinitionNode, text: str, values: dict[str, str]) -> dict[str, Any]:
    """Return variables that find something in the world, guessed from their names."""
    given: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        key = name.lower()
        if key in TEXTS:
            given[name] = TEXTS[key]
        elif key == "id" and "artifact" in text:
            given[name] = values["artifact_id"]
        elif key == "name":
            given[name] = "run-1" if "run(name: $name" in text or "bucket(name: $name" in text else "train"
        elif key in {"artifactid", "artifact"}:
            given[name] = values["artifact_id"]
        elif key in {"first", "perpage", "limit"}:
            given[name] = 2
    return given


async def _hold(world: Hostile, text: str, variables: Iterator[dict[str, Any]]) -> None:
    faults: list[str] = []
    async with world.as_key(world.key) as client:
        for given in variables:
            # As the bytes that a hostile client sends: `json` escapes what UTF-8 has no bytes for.
            body = json.dumps({"query": text, "variables": given}).encode()
            started = time.perf_counter()
            answer = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
            seconds = time.perf_counter() - started
            wrong = _wrong(answer.status_code, answer.text)
            if wrong is not None or seconds > MOST_SECONDS:
                faults.append(f"{wrong or f'{seconds:.1f} s'}: {str(given)[:300]} -> {answer.text[:300]}")
    assert faults == []


def _wrong(status: int, text: str) -> str | None:
    if status not in ALLOWED:
        return f"status {status}"
    body = json.loads(text)
    for error in body.get("errors", ()):
        if not error.get("message") or "the server failed" in error["message"]:
            return error.get("message") or "no sentence"
    return None


@pytest.fixture(scope="module")
async def hostile(world: World) -> Hostile:
    made = Hostile(world.runtime, world.app, world.client)
    made.values = world.values
    made.key = await world.key_of("root", team="team", role="admin", scope="admin")
    return made


def _of(operation: Operation) -> str:
    return operation.name or operation.source


@pytest.mark.parametrize("operation", _sendable(), ids=_of)
async def test_no_value_of_an_operation_makes_a_fault(hostile: Hostile, operation: Operation) -> None:
    document = parse(operation.text, no_location=True)
    for part in document.definitions:
        if isinstance(part, OperationDefinitionNode):
            base = _base(part, operation.text, hostile.values)
            await _hold(hostile, operation.text, spoiled(engine().schema, part, base))


@pytest.mark.parametrize("case", [case for case in CASES if case.field not in queries()], ids=named)
async def test_no_value_of_a_mutation_makes_a_fault(hostile: Hostile, case: Case) -> None:
    request = case.request(hostile.values)
    (operation,) = parse(request["query"]).definitions
    assert isinstance(operation, OperationDefinitionNode)
    await _hold(hostile, request["query"], spoiled(engine().schema, operation, request["variables"]))
