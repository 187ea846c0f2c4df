import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from regista.automations import repository
from regista.automations.catalogue import Catalogue
from regista.automations.deciding.decisions import Due, decide, release
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition
from regista.automations.past import repository as past_repository
from regista.automations.past.explain import Circumstances, Recorded, explain
from regista.automations.scopes import kinds_of
from regista.kit import clock, ids
from regista.kit.bus.model import Received
from regista_events import Event
from tests.support.definitions import event_at
from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, second_tenant, staged

V1 = "/api/v1"
NO_OP = [{"no_op": {}}]


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


PLACES = (
    "org",
    "entity/team",
    "project/team/mnist",
    "collection/team/mnist/MNIST",
    "registry/model",
    "entity/home-org",
)
CONDITIONS = {
    "alias.added": (
        'alias == "production"',
        'alias == "staging" && protected == false || previous == null',
        '!(alias in ["staging", "latest"]) && artifact.metadata.acc > 0.5',
        "artifact.metadata.f1 > 0.5",
        'event.actor != "1"',
    ),
    "tag.added": ('tag == "checked"', "value == null && artifact.size > 10", "artifact.metadata.none.at.all == 1"),
    "run.state_changed": ('state.from == "running"', "exit_code > 0", "summary.acc > 0.9 && size(run.tags) == 1"),
    "run.metric_triggered": ('metric == "loss"', "value > 1.0"),
    "project.updated": ('"description" in changes',),
}
TRIGGERS = ({"states": ["finished", "failed"]}, {"states": ["crashed"]})
METRIC = {"metric": {"name": "loss", "test": "threshold", "window": 1, "comparison": ">", "value": 1}}


def _rule(chance: random.Random, number: int) -> dict[str, Any]:
    """Return an automation of any kind."""
    types = chance.sample(sorted(CONDITIONS), chance.choice((1, 1, 1, 2, 3)))
    rule: dict[str, Any] = {
        "name": f"number {number}",
        "scope": chance.choice(_fitting(PLACES, types)),
        "on": types,
        "actions": NO_OP,
        "enabled": chance.random() > 0.1,
    }
    if len(types) == 1 and chance.random() < 0.7:
        rule["where"] = chance.choice(CONDITIONS[types[0]])
    elif chance.random() < 0.3:
        rule["where"] = "event.hops < 3"
    if types == ["run.state_changed"] and chance.random() < 0.6:
        rule["trigger"] = chance.choice(TRIGGERS)
    elif types == ["run.metric_triggered"] and chance.random() < 0.8:
        rule["trigger"] = METRIC
    if chance.random() < 0.15:
        rule["limits"] = chance.choice(({"cooldown": "1h"}, {"per_hour": 2}, {"cooldown": "1h", "coalesce": True}))
    return rule


def _fitting(places: Sequence[str], types: Sequence[str]) -> list[str]:
    return [each for each in places if any(each.partition("/")[0] in kinds_of(event) for event in types)]


def _event(chance: random.Random, home: Tenant, automations: list[int]) -> Event[Any]:
    """Return an event of any kind, in places that automations know and in others."""
    kind = chance.choice(sorted(CONDITIONS))
    ids_of, elsewhere = home.ids, chance.random() < 0.2
    of_team = {"entity_id": ids_of["team"], "project_id": ids_of["project"]}
    data: dict[str, Any] = {}
    if kind in {"alias.added", "tag.added"}:
        data = home.place(chance.choice(("collection", "model")))
        if elsewhere:
            data["collection"]["id"] = 10_000
    elif kind.startswith("run."):
        data = {"run": {"entity_id": 999, "project_id": 998} if elsewhere else of_team}
    else:
        data = {"project": {"id": 997 if elsewhere else ids_of["project"], "entity_id": ids_of["team"]}}
    match kind:
        case "alias.added":
            alias = chance.choice(("production", "staging", "latest"))
            data |= {"alias": alias, "automatic": alias == "latest", "previous": None}
        case "tag.added":
            data |= {"tag": chance.choice(("checked", "other")), "value": chance.choice((None, "1"))}
        case "run.state_changed":
            data |= {
                "state": {"to": chance.choice(("finished", "failed", "crashed"))},
                "exit_code": chance.choice((None, 0, 1)),
            }
        case "run.metric_triggered":
            data |= {"automation": {"id": chance.choice(automations)}, "value": chance.choice((0.5, 2.0))}
        case _:
            pass
    more: dict[str, Any] = {"hops": chance.choice((0, 0, 0, 2, 5, 16))}
    if chance.random() < 0.2:
        more["automations"] = ",".join(map(str, chance.sample(automations, 10)))
    time = clock.now() if chance.random() < 0.9 else clock.now().replace(year=2020)
    return event_at(kind, organization=home.organization, event_id=ids.uuid7(), time=time, data=data, **more)


class Phase(NamedTuple):
    """Events, and every automation as it stood when they happened."""

    events: list[Event[Any]]
    standing: dict[int, past_repository.Standing]


async def _phase(home: Tenant, catalogue: Catalogue, events: list[Event[Any]], automations: dict[int, int]) -> Phase:
    batch: list[Any] = [Received(event, b"", b"", 0) for event in events]
    async with home.api.runtime.database.transaction() as tx:
        await decide(tx, catalogue, batch, "webhook")
    async with home.api.runtime.database.transaction() as tx:
        now = clock.now()
        found = {each: await past_repository.standing(tx, at, now) for each, at in automations.items()}
    return Phase(events, {each: stood for each, stood in found.items() if stood is not None})


async def _change_some(home: Tenant, automations: list[int]) -> None:
    """Save, switch and delete a few of the automations; let an author lose access."""
    for place, number in enumerate(automations):
        path = f"{V1}/automations/{number}"
        match place % 10:
            case 1:
                await home.client.patch(path, json={"where": None})
            case 2:
                await home.client.patch(path, json={"enabled": place % 20 == 2})
            case 3:
                await home.client.delete(path)
            case _:
                pass
    await home.client.put(f"{V1}/teams/team/members/mara", json={"role": "viewer"})


def _agreed(definition: Definition, seen: Seen, deleted_at: datetime | None, decision: Recorded | None) -> str:
    """Return what became of the event, of which explanations must say the same."""
    happened = "unconcerned" if decision is None else decision.verdict
    told = explain(definition, seen, Circumstances(deleted_at, None, decision))
    # Without what was recorded, it finds out by itself all but what is counted, and who had which access.
    blind = explain(definition, seen, Circumstances(deleted_at))
    about = f"{seen.event.type} and {definition}: {decision}, {told.said} {blind.said}"
    assert told.outcome == happened, about
    assert decision is None or (told.reason, definition.revision) == (decision.reason, decision.revision), about
    if decision is not None and decision.reason in {"author", "cooldown", "rate", "coalesced"}:
        assert blind.outcome == "fire", about
    else:
        assert (blind.outcome, blind.reason) == (told.outcome, told.reason), about
    return f"{told.outcome} {told.reason or ''}".strip()


async def test_explanations_agree_with_what_happened_on_ten_thousand_pairs(home: Tenant) -> None:
    """Of events and automations made at random, decided, with saves, deletions and lost access in between."""
    chance = random.Random(5)
    mara = home.api.as_key(await home.api.key_of("mara", team="team", role="member"))
    for number in range(100):
        rule = _rule(chance, number)
        hers = number % 5 == 0
        if hers:
            rule["scope"] = chance.choice(_fitting(PLACES[1:4], rule["on"]))
        answer = await (mara if hers else home.client).post(f"{V1}/automations", json=rule)
        assert answer.status_code == 201, answer.text
    made = await home.rows("SELECT id, aggregate_id FROM automation ORDER BY id")
    automations = {row["id"]: row["aggregate_id"] for row in made}
    numbers = list(automations)
    catalogue = Catalogue()
    phases = [await _phase(home, catalogue, [_event(chance, home, numbers) for _ in range(60)], automations)]
    await _change_some(home, numbers)
    phases.append(await _phase(home, catalogue, [_event(chance, home, numbers) for _ in range(40)], automations))

    pairs = [(event.id, each) for phase in phases for event in phase.events for each in automations]
    deleted = {row["id"]: row["deleted_at"] for row in await home.rows("SELECT id, deleted_at FROM automation")}
    outcomes: Counter[str] = Counter()
    async with home.api.runtime.database.transaction() as tx:
        recorded = await past_repository.recorded(tx, pairs)
        for phase in phases:
            happened = [Seen(event) for event in phase.events]
            for each, stood in phase.standing.items():
                definition = await repository.definition(tx, home.organization_id, each, stood.revision)
                assert definition is not None
                definition = definition._replace(enabled=stood.enabled)
                outcomes.update(
                    _agreed(definition, seen, deleted[each], recorded.get((seen.event.id, each))) for seen in happened
                )
    assert outcomes.total() == 10_000
    # The dice have thrown everything that can become of an event.
    assert outcomes.keys() >= {
        "fire", "unmet", "skipped disabled", "skipped loop", "skipped condition_error", "skipped author",
        "skipped cooldown", "skipped rate", "skipped coalesced", "deferred cooldown", "unconcerned age",
        "unconcerned event", "unconcerned scope", "unconcerned trigger", "unconcerned in_force",
    }, outcomes  # fmt: skip


async def explained(home: Tenant, automation: int, event: UUID) -> dict[str, Any]:
    answer = await home.client.get(f"{V1}/automations/{automation}/explain", params={"event": str(event)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def step(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in told["steps"] if each["step"] == name)


async def test_an_explanation_says_in_words_what_was_seen_also_of_what_is_past(home: Tenant) -> None:
    where = 'alias == "production" && artifact.metadata.acc >= 0.999'
    made = await home.automation(scope="collection/team/mnist/MNIST", where=where, actions=NO_OP)
    catalogue = Catalogue()
    batch = await home.emit(data=home.place() | {"alias": "production"})
    (received,) = batch
    assert received.event is not None
    event = received.event.id
    async with home.api.runtime.database.transaction() as tx:
        await decide(tx, catalogue, batch, "webhook")
    told = await explained(home, made["id"], event)
    assert (told["outcome"], told["revision"], told["decision"]["verdict"]) == ("unmet", 1, "unmet")
    assert told["said"] == "It does not fire: its condition does not hold: artifact.metadata.acc >= 0.999."
    parts = step(told, "condition")["values"]["parts"]
    assert [(each["where"], each["value"]) for each in parts] == [
        ('alias == "production"', True),
        ("artifact.metadata.acc >= 0.999", False),
    ]
    assert parts[0]["values"] == {"alias": "production"}
    assert step(told, "scope")["said"] == f"The event lies in its scope, collection {home.ids['collection']}."

    # What is saved afterwards, and that it is deleted in the end, changes nothing about what happened.
    await home.client.patch(f"{V1}/automations/{made['id']}", json={"where": None})
    (later,) = await home.emit()
    async with home.api.runtime.database.transaction() as tx:
        await decide(tx, catalogue, [later], "webhook")
    assert later.event is not None
    await home.client.delete(f"{V1}/automations/{made['id']}")
    assert await explained(home, made["id"], event) == told
    second = await explained(home, made["id"], later.event.id)
    assert (second["outcome"], second["revision"]) == ("fire", 2)
    assert second["decision"]["executions"] == f"/api/v1/executions?automation={made['id']}&event={later.event.id}"

    (last,) = await home.emit()
    assert last.event is not None
    after = await explained(home, made["id"], last.event.id)
    assert (after["outcome"], after["reason"], after["decision"]) == ("unconcerned", "in_force", None)
    assert after["said"].startswith("It is not concerned: the automation was deleted at ")

    # A draft can be asked the same; it is saved nowhere.
    draft = {"scope": "org", "on": ["alias.added"], "where": "artifact.metadata.none > 1"}
    answer = await home.client.post(f"{V1}/automations/explain", json={"event": str(event), "automation": draft})
    told = answer.json()
    assert (told["outcome"], told["reason"], told["automation_id"]) == ("skipped", "condition_error", None)
    wrong = await home.client.post(
        f"{V1}/automations/explain", json={"event": str(event), "automation": draft | {"where": "alais == 1"}}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_condition")
    assert len(await home.rows("SELECT FROM automation")) == 1


async def test_what_was_deleted_while_it_was_held_back_is_not_said_to_fire(home: Tenant) -> None:
    made = await home.automation(actions=NO_OP, limits={"cooldown": "1h", "coalesce": True})
    first, held = await home.emit(times=2)
    assert first.event is not None
    assert held.event is not None
    database = home.api.runtime.database
    async with database.transaction() as tx:
        await decide(tx, Catalogue(), [first, held], "webhook")
    await home.client.delete(f"{V1}/automations/{made['id']}")
    async with database.transaction() as tx:
        await release(tx, Catalogue(), [Due(held.event.id, made["id"])], "webhook")
    told = await explained(home, made["id"], held.event.id)
    assert (told["outcome"], told["reason"]) == ("skipped", "deleted")
    assert told["said"] == "It is skipped: it was deleted while it was held back."
    assert (await explained(home, made["id"], first.event.id))["outcome"] == "fire"


async def test_who_may_read_neither_the_event_nor_what_lies_in_the_scope_is_told_nothing(home: Tenant) -> None:
    made = await home.automation(scope="project/team/mnist", actions=NO_OP)
    (inside,) = await home.emit(data=home.place("collection"))
    (outside,) = await home.emit(data=home.place("model"))
    assert inside.event is not None
    assert outside.event is not None
    roles = {"ada": "admin", "mara": "member", "vic": "viewer"}
    team = [home.api.as_key(await home.api.key_of(name, team="team", role=role)) for name, role in roles.items()]
    stranger = home.api.as_key(await home.api.key_of("zoe"))
    rival = await second_tenant(home.api)
    path = f"{V1}/automations/{made['id']}/explain?event="
    clients = (home.client, *team, stranger, rival.client)
    # Whoever may save the automation would be sent what lies in its scope.
    told = [(await each.get(path + str(inside.event.id))).status_code for each in clients]
    assert told == [200, 200, 200, 403, 404, 404]
    told = [(await each.get(path + str(outside.event.id))).status_code for each in clients]
    assert told == [200, 403, 403, 403, 404, 404]
    assert (await home.client.get(path + str(ids.uuid7()))).status_code == 404
