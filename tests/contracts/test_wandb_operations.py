"""Every operation that the installed clients can send is one that the server takes, or stands here with its reason."""

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from graphql import GraphQLError, GraphQLSchema, parse, validate

from regista.wandb.bindings import bindings
from regista.wandb.engine import engine
from regista.wandb.roots import Root
from tests.support.wandb_clients import CLIENTS, GROUPS, ROOT, package_of
from tests.support.wandb_operations import CORE, Operation, operations

SWEEPS = "sweeps: Regista runs none"
LAUNCH = "queues and agents come with Launch"
CHARTS = "chart presets belong to a web console that there is not yet"
REPORTS = "reports are documents of W&B's own web console"
ANONYMOUS = "every account has a person or a service behind it; nobody is anonymous"
UNCALLED = "0.21 still holds it and calls it nowhere"
OLD_SERVERS = "0.21 sends it to servers only that lack what Regista has, which it asks by introspection"


class LeftOut(NamedTuple):
    """Operations of these names; with ``holding``, those alone in whose text it stands."""

    names: str
    reason: str
    holding: str = ""

    def covers(self, operation: Operation) -> bool:
        return operation.name in self.names.split() and self.holding in operation.text


LEFT_OUT = [
    LeftOut("GetSweep GetSweepLegacy GetSweeps GetSweepState GetSweepAgent GetSweepAgents GetAgentRuns Sweep", SWEEPS),
    LeftOut("SweepConfig SweepRunsWithHistory SweepWatchedRuns SweepWithRuns EnqueueSweepRun", SWEEPS),
    LeftOut("UpsertSweep UpsertSweepState CreateAgent Heartbeat RunInfo", SWEEPS),
    LeftOut("CreateRunQueue createRunQueue UpsertRunQueue upsertRunQueue DeleteRunQueue ProjectRunQueues", LAUNCH),
    LeftOut("GetRunQueueItem GetRunQueueItems GetRunQueueMetadata fetchRunQueuesFromProject", LAUNCH),
    LeftOut("CreateDefaultResourceConfig createDefaultResourceConfig GetDefaultResourceConfig", LAUNCH),
    LeftOut("pushToRunQueue pushToRunQueueByName popFromRunQueue DeleteFromRunQueue", LAUNCH),
    LeftOut("ackRunQueueItem failRunQueueItem updateRunQueueItemWarning", LAUNCH),
    LeftOut("LaunchAgent createLaunchAgent updateLaunchAgent", LAUNCH),
    LeftOut("CreateCustomChart", CHARTS),
    LeftOut("ProjectViews", REPORTS),
    LeftOut("CreateAnonymousApiKey", ANONYMOUS),
    LeftOut("ProjectDetails ProjectRuns CreateArtifactType", UNCALLED),
    LeftOut("RunUploadUrls", OLD_SERVERS),
]

ABSENT_TYPES = {
    "CreateLaunchAgentInput": LAUNCH,
    "CreateRunQueueInput": LAUNCH,
    "FailRunQueueItemInput": LAUNCH,
    "LaunchAgent": LAUNCH,
    "PushToRunQueueInput": LAUNCH,
}
"""What 0.21 asks the schema for by name, and takes another way where it is not there."""


def refusal(schema: GraphQLSchema, operation: Operation) -> str | None:
    """Return what is wrong with an operation, None for one that the engine would execute."""
    try:
        errors = validate(schema, parse(operation.text, no_location=True))
    except GraphQLError as error:
        return error.message
    return errors[0].message if errors else None


def every_operation() -> Iterator[Operation]:
    for client in CLIENTS:
        yield from operations(client)


@pytest.mark.parametrize("client", CLIENTS)
def test_every_operation_of_a_client_is_taken_or_left_out_for_a_reason(client: str) -> None:
    refused = {
        f"{each.source}: {each.name}: {reason}"
        for each in operations(client)
        if not any(one.covers(each) for one in LEFT_OUT)
        if (reason := refusal(engine().schema, each)) is not None
    }
    assert not refused, "\n".join(sorted(refused))


def test_what_is_left_out_exists_and_is_refused() -> None:
    for one in LEFT_OUT:
        for name in one.names.split():
            covered = [each for each in every_operation() if each.name == name and one.covers(each)]
            assert covered, f"no client has {name}"
            for each in covered:
                assert refusal(engine().schema, each) is not None, f"{each.client}: {name} is taken: {each.text}"


@pytest.mark.parametrize("client", CLIENTS)
def test_no_operation_escapes_the_reading(client: str) -> None:
    package = package_of(client)
    written = set(re.findall(rb"\n(?:query|mutation) (\w+) [({]", (package / "bin" / CORE).read_bytes()))
    for module in package.rglob("*.py"):
        if module.relative_to(package).parts[0] != "vendor":
            written |= set(re.findall(rb"^\W*(?:query|mutation) (\w+) ?[({]", module.read_bytes(), re.MULTILINE))
    assert {name.decode() for name in written} == {each.name for each in operations(client)} - {""}


def test_every_type_that_a_client_asks_the_schema_for_is_there_or_is_known_not_to_be() -> None:
    asked = {name for each in every_operation() for name in re.findall(r'__type\(\s*name:\s*"(\w+)"', each.text)}
    assert asked - engine().schema.type_map.keys() == ABSENT_TYPES.keys()


def test_every_root_field_has_a_resolver() -> None:
    bound = {(each.name, field) for each in bindings() if isinstance(each, Root) for field in each.actions}
    schema = engine().schema
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    fields = {(each.name, field) for each in (schema.query_type, schema.mutation_type) for field in each.fields}
    assert fields == bound


def test_the_lock_file_pins_the_clients_that_are_tested() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert {client: groups[group][0] for client, group in GROUPS.items()} == {
        client: f"wandb=={client}" for client in CLIENTS
    }
