"""Filters that the client's own classes build, at random: what is stored of them, and read back, is equal to each."""

import json
from pathlib import Path

import pytest

from regista.automations.language.conditions import check_condition
from regista.wandb.automation_filters import shown, watched
from tests.support.wandb_clients import CLIENTS, run_script

MANY = 200
BUILD = f"""
import json
import random

from wandb.automations import *
from wandb.automations.scopes import ProjectScope

try:
    from wandb.automations._inputs import prepare_to_create
except ImportError:
    from wandb.automations._utils import prepare_to_create

try:
    from wandb._filters import All, FilterExpr, Size
except ImportError:
    whole = False
else:
    # Lists are compared, and arrays asked, by the newer client only.
    whole = True

chance = random.Random(20)
texts = ["", "a", "prod", "it's \\"x\\" \\\\\\\\", "\\\\n\\u00fc\\U0001f600"]
scalars = [*texts, 0, 1, -1, 1.0, 2.5, True, False, 2**53 + 1, -(2**63), 2**64]
# What is no number is null as the client sends it.
equal = [*scalars, float("nan")]
compared = ["eq", "ne", "lt", "gt", "lte", "gte", "in_", "not_in", "matches_regex", "contains", "exists"]


def several():
    return [chance.choice(equal) for _ in range(chance.randint(0, 3))]


def test(fields):
    field, how = chance.choice(fields), chance.choice(compared)
    if whole and chance.random() < 0.1:
        op = chance.choice([Size(val=chance.randint(0, 3)), All(val=several())])
        return FilterExpr(field=str(field), op=op)
    call = getattr(field, how)
    if how in ("in_", "not_in"):
        return call(several())
    if how in ("eq", "ne"):
        return call(several() if whole and chance.random() < 0.2 else chance.choice(equal))
    if how == "exists":
        return call(chance.random() < 0.5)
    if how in ("matches_regex", "contains"):
        return call(chance.choice(["^a", "x$", ".*"] if how == "matches_regex" else texts))
    return call(chance.choice(scalars))


def build(fields, depth):
    kind = chance.random()
    if depth == 0 or kind < 0.3:
        return test(fields)
    if kind < 0.55:
        return build(fields, depth - 1) & build(fields, depth - 1)
    return build(fields, depth - 1) | build(fields, depth - 1) if kind < 0.8 else ~build(fields, depth - 1)


scope = ProjectScope(id="UHJvamVjdDox", name="x")
of_artifacts = [getattr(ArtifactEvent, name) for name in ("alias", "tag") if hasattr(ArtifactEvent, name)]
sent = []
for number in range({MANY}):
    if number % 3:
        event = OnLinkArtifact(scope=scope, filter=build(of_artifacts, 3))
    else:
        event = OnRunMetric(scope=scope, filter=(RunEvent.metric("loss").avg(3) > 1) & build([RunEvent.name], 3))
    given = prepare_to_create(event >> DoNothing(), name="n")
    sent.append((given.triggering_event_type.value, given.event_filter))
json.dump(sent, open("sent.json", "w"))
"""
COMPARE = """
import json

from wandb.automations.events import SavedEvent

for event_type, sent, read in json.load(open("read.json")):
    meant = json.loads(sent)
    if event_type.startswith("RUN"):
        # 0.21 sends some run filters without the $and that it puts around the others.
        runs = json.loads(meant["run_filter"])
        meant["run_filter"] = json.dumps(runs if "$and" in runs else {"$and": [runs]})
    else:
        # The API answers the filter of an artifact's event in one more object than it takes it.
        meant = {"filter": meant}
    found = SavedEvent(event_type=event_type, filter=read)
    assert found == SavedEvent(event_type=event_type, filter=json.dumps(meant)), (sent, read)
"""


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_filter_is_read_back_equal(client: str, tmp_path: Path) -> None:
    async def run(source: str) -> None:
        await run_script("http://127.0.0.1:9", "k" * 40, source, client=client, directory=tmp_path)

    await run(BUILD)
    sent: list[tuple[str, str]] = json.loads((tmp_path / "sent.json").read_text())
    read: list[tuple[str, str, str]] = []
    for event_type, document in sent:
        stored = watched(event_type, json.loads(document))
        assert check_condition(stored.condition, stored.events) == stored.condition
        found = shown(*stored)
        assert found is not None
        assert found.event_type == event_type
        read.append((event_type, document, json.dumps(found.filter)))
    (tmp_path / "read.json").write_text(json.dumps(read))
    await run(COMPARE)
    assert len(read) == MANY
