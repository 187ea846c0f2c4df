import asyncio
import json
import math
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from regista.kit.errors import ConflictError, NotFoundError, UnavailableError
from regista.wandb.engine import Answer, Asked, Engine, prune
from regista.wandb.exchange import Exchange
from regista.wandb.scalars import BINDINGS as SCALARS

UPSERT = "mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }"
SERVER = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }"


class _Exchange(Exchange):
    """A request of which no resolver reads anything."""

    def __init__(self) -> None:
        self.denials = []

    async def close(self) -> None:
        """End nothing."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


async def _ask(engine: Engine, query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> Answer:
    return await engine.answer(_Exchange(), Asked(query, variables or {}, name))


def _operation(query: str) -> OperationDefinitionNode:
    (operation,) = parse(query).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def test_input_keys_that_the_schema_does_not_know_are_pruned_at_every_depth(engine: Engine) -> None:
    query = "mutation C($input: CreateArtifactInput!, $x: Int) { createArtifact(input: $input) { artifact { id } } }"
    aliases = [{"artifactCollectionName": "c", "alias": "a", "later": 1}]
    given = {"input": {"entityName": "e", "newKnob": None, "aliases": aliases}, "x": 1, "stray": 2}
    kept = prune(engine.schema, _operation(query), given)
    assert kept == {
        "input": {"entityName": "e", "aliases": [{"artifactCollectionName": "c", "alias": "a"}]},
        "x": 1,
    }


def test_pruning_leaves_values_of_the_wrong_shape_to_the_validation(engine: Engine) -> None:
    for value in ("text", 3, None, ["list"]):
        assert prune(engine.schema, _operation(UPSERT), {"input": value}) == {"input": value}


async def test_a_feature_is_told(engine: Engine) -> None:
    answer = await _ask(engine, SERVER)
    assert answer.status == 200
    assert {"name": "ARTIFACT_REGISTRY_SEARCH", "isEnabled": True} in answer.body["data"]["serverInfo"]["features"]


async def test_an_operation_that_is_not_supported_is_named_at_status_200(engine: Engine) -> None:
    answer = await _ask(engine, "mutation CreateCustomChart { createCustomChart { chart { id } } }")
    assert answer.status == 200
    assert "CreateCustomChart" in answer.body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "variables", "said"),
    [
        ("", {}, "Syntax Error"),
        ("{", {}, "Syntax Error"),
        ("{ " * 3000 + "}" * 3000, {}, ""),
        ("{" + "a " * 50_000 + "}", {}, "token"),
        ("query A { serverInfo { cliVersionInfo } } query B { serverInfo { cliVersionInfo } }", {}, "A, B"),
        (UPSERT, {}, "input"),
        (UPSERT, {"input": {"name": "\x00"}}, "U+0000"),
        (UPSERT, {"input": {"name": "\ud800"}}, "surrogate"),
        (UPSERT, {"input": {"config": "{not json"}}, "JSON"),
        (UPSERT, {"input": {"config": '"\\u0000"'}}, "U+0000"),
        (UPSERT, {"input": {"config": "[" * 100_000}}, "JSON"),
        (UPSERT, {"input": {"tags": "a" * 1000, "name": 3}}, "name"),
    ],
)
async def test_bad_input_is_an_error_with_a_sentence_at_status_200(
    engine: Engine, query: str, variables: dict[str, Any], said: str
) -> None:
    answer = await _ask(engine, query, variables)
    assert answer.status == 200
    assert said in answer.body["errors"][0]["message"]


async def test_the_operation_is_chosen_by_its_name(engine: Engine) -> None:
    query = "query A { serverInfo { cliVersionInfo } } query B { serverInfo { features { name } } }"
    assert "features" in (await _ask(engine, query, name="B")).body["data"]["serverInfo"]
    assert "errors" in await _body(engine, query, "C")


async def _body(engine: Engine, query: str, name: str) -> dict[str, Any]:
    return (await _ask(engine, query, name=name)).body


async def test_a_document_is_parsed_and_validated_once(engine: Any) -> None:
    await _ask(engine, SERVER)
    before = engine._prepared.cache_info().hits
    await _ask(engine, SERVER)
    assert engine._prepared.cache_info().hits == before + 1


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (ConflictError("that is taken"), 200, {"code": "conflict", "status": 409}),
        (UnavailableError("the database does not answer"), 503, {"code": "unavailable", "status": 503}),
        (RuntimeError("a bug, with the password in it"), 200, None),
    ],
)
async def test_only_an_outage_is_worth_a_repetition(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, shown: dict[str, Any] | None
) -> None:
    def fail(*_: Any) -> None:
        raise error

    field: Any = engine.schema.query_type and engine.schema.query_type.fields["serverInfo"]
    monkeypatch.setattr(field, "resolve", fail)
    answer = await _ask(engine, SERVER)
    assert answer.status == status
    (told,) = answer.body["errors"]
    assert told.get("extensions") == shown
    assert "password" not in told["message"]


def test_json_text_passes_and_objects_are_written_as_text() -> None:
    scalar: Any = SCALARS[0]
    assert scalar._serialize({"a": [1, None]}) == '{"a":[1,null]}'
    assert scalar._serialize('{"a":1}') == '{"a":1}'
    assert scalar._parse_value(json.dumps({"a": math.inf})) == {"a": "Infinity"}
    assert scalar._parse_value(" ") is None


async def test_a_request_that_never_ends_is_given_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    field: Any = engine.schema.query_type and engine.schema.query_type.fields["serverInfo"]
    monkeypatch.setattr(field, "resolve", hang)
    monkeypatch.setattr("regista.wandb.engine.MAX_SECONDS", 0.05)
    answer = await _ask(engine, SERVER)
    assert answer.status == 200
    assert "ServerFeaturesQuery took longer" in answer.body["errors"][0]["message"]


@pytest.mark.parametrize(("error", "status"), [(ConflictError("taken"), 409), (NotFoundError("gone"), 200)])
async def test_a_field_may_say_which_errors_the_client_tells_apart_by_the_status(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    field: Any = engine.schema.mutation_type and engine.schema.mutation_type.fields["createFilterTrigger"]
    monkeypatch.setattr(field, "resolve", fail)
    query = "mutation M($input: CreateFilterTriggerInput!) { result: createFilterTrigger(input: $input) { trigger { id } } }"
    given = {
        "name": "a",
        "enabled": True,
        "scopeType": "PROJECT",
        "scopeID": "x",
        "triggeringEventType": "RUN_STATE",
        "eventFilter": "{}",
        "triggeredActionType": "NO_OP",
        "triggeredActionConfig": {},
    }
    answer = await _ask(engine, query, {"input": given})
    assert (answer.status, answer.body["data"]) == (status, {"result": None})
