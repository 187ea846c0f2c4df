import asyncio
import json
import warnings
from collections.abc import AsyncGenerator
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.support.system import KEY, System, log_version, publish_model, running_system, subscribe

Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES = 12
ENDLESS = {"/api/v1/events/stream"}
"""Its answer has no end by design; it is tested where events are."""

KNOWN = {
    "entity": "team",
    "team": "team",
    "member": "someone",
    "project": "model-registry",
    "name": "MNIST",
    "version": "v0",
    "alias": "production",
    "tag": "checked",
    "file": "model.bin",
    "webhook_id": 1,
    "automation_id": 1,
    "secret_id": 1,
}
"""Path parameters of what is there: without them, nearly every example would end at a 404."""


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[System]:
    async with running_system(tmp_path_factory.mktemp("openapi")) as system:
        await publish_model(system)
        await log_version(system, "loose", {"model.bin": b"loose"})
        await subscribe(system, "hook", "http://127.0.0.1:9/", "collection/team/model-registry/MNIST")
        await system.client.post("/api/v1/users", json={"name": "someone", "team": "team"})
        yield system


def operations(system: System) -> list[Operation]:
    schema = schemathesis.openapi.from_url(f"{system.url}/openapi.json")
    results: list[Any] = list(schema.get_all_operations())
    found: list[Operation] = [result.ok() for result in results]
    # What takes away is tried when everything else has met what is there.
    return sorted((one for one in found if one.path not in ENDLESS), key=_takes_away)


def _takes_away(operation: Operation) -> bool:
    return operation.method == "delete"


def faults(case: Case[Any]) -> list[str]:
    """Call, and return what is wrong with the answer."""
    answer = case.call(headers={"Authorization": f"Bearer {KEY}"}, timeout=20)
    found: list[str] = []
    if answer.status_code >= 500 or answer.status_code == 401:
        found.append(f"{answer.status_code} to whoever holds a good key: {answer.text[:300]}")
    elif answer.status_code >= 400:
        try:
            document = json.loads(answer.text)
            good = document["status"] == answer.status_code and document["code"] and document["detail"]
        except (ValueError, KeyError, TypeError):
            good = False
        if not good or answer.headers["content-type"] != ["application/problem+json"]:
            found.append(f"no problem document: {answer.status_code} {answer.text[:300]}")
    elif answer.status_code < 300:
        try:
            case.validate_response(answer, checks=[response_schema_conformance])
        except Exception as error:  # noqa: BLE001 - schemathesis raises groups of its own
            found.append(f"not the shape that is documented: {error}"[:600])
    return [f"{case.method} {case.formatted_path}: {fault}\n{case.as_curl_command()}" for fault in found]


def attack(operation: Operation, mode: GenerationMode) -> list[str]:
    """Return what is wrong with the answers to ``EXAMPLES`` generated calls, always the same ones."""
    found: list[str] = []
    numbers = count()
    quiet = settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )

    @quiet
    @given(case=operation.as_strategy(generation_mode=mode))
    def probe(case: Case[Any]) -> None:
        if next(numbers) % 2 == 0 and mode is GenerationMode.POSITIVE:
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters.keys() & KNOWN.keys()})
            case.headers.pop("Regista-Cause", None)
        if not (_takes_away(operation) and case.path_parameters.get("key_id") == 1):  # the key in use
            found.extend(faults(case))

    try:
        probe()
    except Unsatisfiable:
        # Nothing that could be wrong: no parameters, no body.
        assert mode is GenerationMode.NEGATIVE
    return found


@pytest.mark.timeout(300)
async def test_no_generated_call_is_answered_with_a_fault_or_without_a_problem_document(system: System) -> None:
    def all_of_them() -> tuple[int, list[str]]:
        found: list[str] = []
        tried = 0
        for operation in operations(system):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                tried += 1
                found += attack(operation, mode)[:1]
        return tried, found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schemathesis's own
        tried, found = await asyncio.to_thread(all_of_them)
    assert found == [], "\n\n".join(found)
    assert tried > 100


async def test_the_document_says_which_key_and_which_headers_a_route_takes_and_how_it_refuses(system: System) -> None:
    document = (await system.client.get("/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    assert {name: scheme["scheme"] for name, scheme in schemes.items()} == {"key": "bearer", "basic": "basic"}
    headers: dict[str, set[str]] = {}
    for path in document["paths"].values():
        for method, operation in path.items():
            assert ("security" in operation) is ("x-action" in operation)
            if "x-action" in operation:
                taken = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
                headers.setdefault(method, set()).update(taken - {"accept", "last-event-id"})
            for status, response in operation["responses"].items():
                if status >= "400" and "content" in response:
                    assert list(response["content"]) == ["application/problem+json"]
    assert headers == {
        "get": set(),
        "post": {"Idempotency-Key", "Regista-Cause"},
        "put": {"Regista-Cause"},
        "patch": {"Regista-Cause"},
        "delete": {"Regista-Cause"},
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_a_method_that_a_path_does_not_know_is_a_problem_too(system: System, method: str) -> None:
    answer = await system.client.request(method, "/api/v1/me")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "method_not_allowed"
