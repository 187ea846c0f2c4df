"""Automations as files, against a server in this process that answers as REST does."""

import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from regista.automations.api import NewAutomation
from regista.automations.documents import schema
from regista.cli.automations import server as server_module
from regista.cli.automations.changes import compare, lies_in
from regista.cli.automations.declared import read
from regista.cli.automations.exporting import store
from regista.cli.automations.faults import FaultyFilesError
from regista.cli.automations.server import Server
from regista.cli.automations.written import text
from regista.cli.commands import app

DEPLOY = """\
name: deploy
scope: collection/team/model-registry/MNIST
on: alias.added
where: alias == "production" && previous != null
actions:
  - webhook: {integration: ci, payload: {version: "${artifact_version_string}"}}
limits: {cooldown: 600s, per_hour: 20}
"""
NOTIFY = """\
name: notify
scope: project/team/demo
on: [artifact.created, tag.added]
actions:
  - no_op: {}
"""


class Fake:
    """A server of automations: what they stand for is what they say; ``refuse`` names those it does not take."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.refuse: dict[str, tuple[int, dict[str, Any]]] = {}
        self.writes: list[str] = []
        self.down_after = 1000
        self._made = 0
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            path = request.url.path.removeprefix("/api/v1/automations").strip("/")
            body = json.loads(request.content) if request.content else {}
            if request.headers["authorization"] != "Bearer key":
                return httpx.Response(401, json={"detail": "the key is not known"})
            return self.answer(request.method, path, body)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        if method == "GET":
            return httpx.Response(200, json={"items": list(self.rows.values()), "next_cursor": None})
        if path == "check":
            if (found := self.refuse.get(f"check {body['name']}")) is not None:
                return httpx.Response(found[0], json=found[1])
            same = [n for n, row in self.rows.items() if (row["scope"], row["name"]) == (body["scope"], body["name"])]
            return httpx.Response(200, json={"id": same[0] if same else None})
        if len(self.writes) >= self.down_after:
            raise httpx.ConnectError("connection refused")
        name = body.get("name") or self.rows[int(path)]["name"]
        if (found := self.refuse.get(name)) is not None:
            return httpx.Response(found[0], json=found[1])
        self.writes.append(f"{method} {name}")
        match method:
            case "POST":
                self._made += 1
                shown = NewAutomation.model_validate(body).wanted()
                self.rows[self._made] = {
                    "id": self._made,
                    "name": shown.name,
                    "scope": shown.scope,
                    "description": shown.description,
                    "on": list(shown.events),
                    "where": shown.condition,
                    "trigger": shown.trigger,
                    "actions": [each.written() for each in shown.actions],
                    "limits": shown.limits,
                    "enabled": body.get("enabled", True),
                }
            case "PATCH":
                self.rows[int(path)] |= body
            case _:
                del self.rows[int(path)]
        return httpx.Response(200, json={"id": 1})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    monkeypatch.setattr(server_module, "Server", partial(Server, transport=httpx.MockTransport(fake)))
    monkeypatch.setenv("REGISTA_API_KEY", "key")
    monkeypatch.delenv("REGISTA_URL", raising=False)
    return fake


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["automations", *map(str, arguments)])


def files(directory: Path, **content: str) -> Path:
    for name, written in content.items():
        (directory / f"{name}.yaml").write_text(written)
    return directory


def test_an_apply_brings_the_server_there_and_a_second_one_changes_nothing(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "below" / "deeper").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "no.yaml").write_text("not: [an automation")
    (tmp_path / "notes.txt").write_text("not: [an automation")
    files(tmp_path / "below" / "deeper", notify=NOTIFY)
    (tmp_path / "deploy.yml").write_text(DEPLOY)

    planned = run("plan", "-f", tmp_path)
    assert planned.exit_code == 2
    assert planned.stdout.splitlines()[-1] == "2 to create, 0 to change, 0 to delete, 0 unchanged"
    assert '  + where: alias == "production" && previous != null' in planned.stdout
    assert fake.writes == []

    assert run("apply", "-f", tmp_path).exit_code == 0
    assert fake.writes == ["POST notify", "POST deploy"]
    assert fake.rows[2]["limits"] == {"cooldown": "10m", "per_hour": 20, "coalesce": False}
    again = run("plan", "-f", tmp_path)
    assert (again.exit_code, again.stdout) == (0, "0 to create, 0 to change, 0 to delete, 2 unchanged\n")
    assert run("apply", "-f", tmp_path).exit_code == 0
    assert len(fake.writes) == 2


def test_a_change_is_shown_as_a_difference_and_sends_what_differs_alone(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, deploy=DEPLOY)
    run("apply", "-f", tmp_path)
    files(
        tmp_path,
        deploy=DEPLOY.replace('"production"', '"prod"').replace("previous != null\n", "true\nenabled: false\n"),
    )
    planned = run("plan", "-f", tmp_path)
    assert planned.exit_code == 2
    assert planned.stdout == (
        f"~ collection/team/model-registry/MNIST  deploy    ({tmp_path}/deploy.yaml:1)\n"
        '  - where: alias == "production" && previous != null\n'
        '  + where: alias == "prod" && true\n'
        "  - enabled: true\n"
        "  + enabled: false\n"
        "\n"
        "0 to create, 1 to change, 0 to delete, 0 unchanged\n"
    )
    told = json.loads(run("plan", "-f", tmp_path, "--json").stdout)
    assert told["change"][0]["changes"]["enabled"] == {"from": True, "to": False}
    assert run("apply", "-f", tmp_path).exit_code == 0
    assert fake.writes[-1] == "PATCH deploy"
    assert (fake.rows[1]["enabled"], fake.rows[1]["where"]) == (False, 'alias == "prod" && true')
    files(tmp_path, deploy=DEPLOY.replace("where:", "# where:"))
    assert run("apply", "-f", tmp_path).exit_code == 0
    assert (fake.rows[1]["enabled"], fake.rows[1]["where"]) == (True, None)


def test_what_is_skipped_because_its_author_has_lost_access_is_saved_again(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, deploy=DEPLOY)
    run("apply", "-f", tmp_path)
    fake.rows[1] |= {"author": "bob", "author_access": False}
    planned = run("plan", "-f", tmp_path)
    assert planned.exit_code == 2
    assert "  - author: bob, who may not save it any more\n  + author: whoever applies this\n" in planned.stdout
    before = dict(fake.rows[1])
    assert run("apply", "-f", tmp_path).exit_code == 0
    assert (fake.writes[-1], fake.rows[1]) == ("PATCH deploy", before)


def test_numbers_are_told_from_truth_and_from_text(fake: Fake, tmp_path: Path) -> None:
    for turn, written in enumerate(["1", "true", "1.0", '"1"', "1e300", "null"]):
        files(tmp_path, deploy=DEPLOY.replace('"${artifact_version_string}"', written))
        assert run("apply", "-f", tmp_path).exit_code == 0
        assert len(fake.writes) == turn + 1


def test_only_what_lies_in_a_named_scope_is_deleted_and_only_when_that_is_asked_for(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, all="---\n".join([DEPLOY, NOTIFY, NOTIFY.replace("demo", "demonstration")]))
    run("apply", "-f", tmp_path)
    files(tmp_path, all=DEPLOY)
    assert run("plan", "-f", tmp_path).exit_code == 0
    assert run("plan", "-f", tmp_path, "--prune").exit_code == 1
    scopes = ("--scope", "project/team/demo", "--scope", "project/team/model-registry")
    pruned = run("plan", "-f", tmp_path, "--prune", *scopes)
    assert pruned.exit_code == 2
    assert pruned.stdout.startswith("- project/team/demo  notify    (in no file)\n")
    assert "0 to create, 0 to change, 1 to delete, 1 unchanged" in pruned.stdout
    outside = run("plan", "-f", tmp_path, "--scope", "project/team/demo")
    assert (outside.exit_code, "deploy.yaml" in outside.stderr or "all.yaml:2" in outside.stderr) == (1, True)
    assert run("apply", "-f", tmp_path, "--prune", *scopes).exit_code == 0
    assert {row["scope"] for row in fake.rows.values()} == {
        "collection/team/model-registry/MNIST",
        "project/team/demonstration",
    }


def test_an_empty_directory_deletes_all_in_a_scope_only_when_that_is_asked_for(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, all=f"{DEPLOY}---\n{NOTIFY}")
    run("apply", "-f", tmp_path)
    (tmp_path / "all.yaml").unlink()
    for options in ((), ("--scope", "entity/team")):
        refused = run("plan", "-f", tmp_path, *options)
        assert (refused.exit_code, "delete all in a scope with --prune --scope" in refused.stderr) == (1, True)
    missing = run("plan", "-f", tmp_path / "missing", "--prune", "--scope", "entity/team")
    assert (missing.exit_code, "is no file and no directory" in missing.stderr) == (1, True)
    planned = run("plan", "-f", tmp_path, "--prune", "--scope", "entity/team")
    assert planned.exit_code == 2
    assert "- project/team/demo  notify    (in no file)" in planned.stdout
    assert planned.stdout.endswith("0 to create, 0 to change, 2 to delete, 0 unchanged\n")
    assert run("apply", "-f", tmp_path, "--prune", "--scope", "entity/team").exit_code == 0
    assert fake.rows == {}


@pytest.mark.parametrize("command", [("plan", "-f", "."), ("apply", "-f", ".", "--prune"), ("export",)])
@pytest.mark.parametrize("scope", ["", "team", "project", "project/team", "project/team/demo/", "entity/a/b"])
def test_a_scope_that_is_none_is_refused(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], scope: str
) -> None:
    monkeypatch.chdir(files(tmp_path, deploy=DEPLOY))
    ended = run(*command, "--scope", scope)
    assert (ended.exit_code, fake.writes) == (1, [])
    assert ended.stderr.startswith(f"regista: --scope: scope {scope!r} is none; write org, entity/E,")


MODEL = "collection/home-org/wandb-registry-model/MNIST"


@pytest.mark.parametrize(
    ("around", "held", "others"),
    [
        ("org", ["org", "entity/team", "project/team/demo", "registry/model", MODEL], []),
        (
            "entity/team",
            ["entity/team", "project/team/demo", "collection/team/demo/mnist"],
            ["org", "entity/team2", "project/team2/demo", "registry/team", MODEL],
        ),
        (
            "project/team/demo",
            ["project/team/demo", "collection/team/demo/mnist"],
            ["org", "entity/team", "project/team/demonstration", "collection/team/demonstration/demo"],
        ),
        (
            "registry/model",
            ["registry/model", "project/home-org/wandb-registry-model", MODEL],
            ["org", "registry/models", "collection/team/model/MNIST", "collection/team/demo/wandb-registry-model"],
        ),
        (MODEL, [MODEL], ["org", MODEL + "2", "registry/model", "project/home-org/wandb-registry-model"]),
    ],
)
def test_a_scope_holds_what_lies_in_it(around: str, held: list[str], others: list[str]) -> None:
    assert [each for each in held if not lies_in(each, around)] == []
    assert [each for each in others if lies_in(each, around)] == []


def test_the_order_in_which_the_server_returns_members_is_no_difference(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, deploy=DEPLOY)
    run("apply", "-f", tmp_path)
    fake.rows[1]["limits"] = dict(sorted(fake.rows[1]["limits"].items(), reverse=True))
    fake.rows[1]["actions"][0]["webhook"] = dict(sorted(fake.rows[1]["actions"][0]["webhook"].items(), reverse=True))
    files(tmp_path, deploy=DEPLOY.replace("600s", "5m").replace("integration: ci", "integration: cd"))
    planned = run("plan", "-f", tmp_path)
    assert [line for line in planned.stdout.splitlines() if line[:4] in {"  - ", "  + "} and ":" in line[4:]] == [
        "  -       integration: ci",
        "  +       integration: cd",
        "  -   cooldown: 10m",
        "  +   cooldown: 5m",
    ], planned.stdout


def test_everything_that_is_wrong_in_any_file_is_said_at_its_place_and_nothing_is_applied(
    fake: Fake, tmp_path: Path
) -> None:
    files(
        tmp_path,
        a=DEPLOY.replace("where:", "wehre:").replace("per_hour: 20", "per_hour: 0"),
        b=NOTIFY.replace("tag.added", "tag.aded"),
        c=NOTIFY + "---\n" + NOTIFY,
        d=DEPLOY.replace("previous", "prevoius"),
        e="name: x\nscope: nowhere/at/all\non: alias.added\nactions: [{webhook: {integraton: ci}}, {slack: {integration: c}, no_op: {}}]\n",
        f="- just\n- a list\n",
        g="name: [1\n",
        h=NOTIFY + "enabled: perhaps\n",
        i=DEPLOY.replace("${artifact_version_string}", "${artifact.versoin}"),
        j="name: x\n",
        k=NOTIFY + 'trigger: {states: ["finished"]}\n',
    )
    ended = run("apply", "-f", tmp_path)
    assert ended.exit_code == 1
    assert fake.writes == []
    said = [line.removeprefix(f"{tmp_path}/") for line in ended.stderr.splitlines()]
    for start in (
        "a.yaml:4:1: there is no key 'wehre' here; the nearest is 'where'",
        "a.yaml:7:36: limits.per_hour: at least 1 is wanted, not 0",
        "b.yaml:3:5: there is no event 'tag.aded'; the nearest is 'tag.added'",
        "c.yaml:7:7: project/team/demo has 'notify' already, in ",
        "d.yaml:4:33: where, line 1, column 26",
        "e.yaml:4:22: there is no key 'integraton' here; the nearest is 'integration'",
        "e.yaml:4:21: `integration` is missing",
        "e.yaml:4:40: actions.1: give exactly one kind of action",
        "f.yaml:1:1: an automation is a mapping",
        "g.yaml:2:1: not YAML",
        "h.yaml:6:10: enabled: true or false is wanted, not 'perhaps'",
        "j.yaml:1:1: `scope` is missing",
        "k.yaml:6:10: a trigger on states belongs to",
    ):
        assert any(line.startswith(start) for line in said), (start, "\n".join(said))
    assert any(line.startswith("i.yaml:6:51: ") and "artifact.versoin" in line for line in said), said
    told = json.loads(run("plan", "-f", tmp_path, "--json").stdout)
    assert {"file": f"{tmp_path}/a.yaml", "line": 4, "column": 1} == {
        name: told["errors"][0][name] for name in ("file", "line", "column")
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "actions: [{webhook: deploy}]",
            "actions.0.webhook: a mapping is wanted, not 'deploy'; write webhook: {integration: deploy}",
        ),
        ("actions: [{slack: [ops]}]", "actions.0.slack: a mapping is wanted, not a list"),
        ("actions: []", "actions: at least 1 must stand here, not 0"),
        ("actions: {webhook: {}}", "actions: a list is wanted, not a mapping"),
        (
            "actions: [{slack: {integration: c, severity: bad}}]",
            "actions.0.slack.severity: 'info', 'warn' or 'error' is wanted, not 'bad'",
        ),
        ("limits: {per_hour: many}", "limits.per_hour: a whole number is wanted, not 'many'"),
        ("limits: {per_hour: 1.5}", "limits.per_hour: a whole number is wanted, not 1.5"),
        ("limits: {per_hour: 20000}", "limits.per_hour: at most 10000 is wanted, not 20000"),
        ("limits: {cooldown: 400d}", "limits.cooldown: at most 30d is wanted, not '400d'"),
        ("limits: {cooldown: 0}", "limits.cooldown: more than 0s is wanted, not 0"),
        ("limits: {cooldown: soon}", "limits.cooldown: write a whole number and s, m, h or d, as in `10m`"),
        ("description: 5", "description: text is wanted, not 5; quote it"),
        ("description:", None),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_is_wanted(tmp_path: Path, written: str, said: str | None) -> None:
    kept = [line for line in NOTIFY.splitlines()[:3] if not written.startswith(line.partition(":")[0])]
    rest = [] if written.startswith("actions") else ["actions: [{no_op: {}}]"]
    files(tmp_path, one="\n".join([*kept, *rest, written]))
    if said is None:
        assert len(read([tmp_path])) == 1
        return
    with pytest.raises(FaultyFilesError) as refused:
        read([tmp_path])
    assert [fault.message for fault in refused.value.faults] == [said]


def test_what_the_server_refuses_is_said_at_its_place_before_anything_changes(fake: Fake, tmp_path: Path) -> None:
    files(tmp_path, deploy=DEPLOY, notify=NOTIFY)
    problem = {"detail": "there is no webhook 'ci'", "field": "actions", "place": "actions[0].webhook.integration"}
    fake.refuse["check deploy"] = (422, problem)
    fake.refuse["check notify"] = (404, {"detail": "scope 'project/team/demo' does not exist"})
    ended = run("apply", "-f", tmp_path)
    assert (ended.exit_code, fake.writes) == (1, [])
    assert ended.stderr.splitlines() == [
        f"{tmp_path}/deploy.yaml:6:28: there is no webhook 'ci'",
        f"{tmp_path}/notify.yaml:2:8: scope 'project/team/demo' does not exist",
        "regista: nothing was changed; faults: 2",
    ]


def test_an_apply_that_fails_halfway_says_what_was_done_and_the_next_one_goes_on(fake: Fake, tmp_path: Path) -> None:
    three = [NOTIFY.replace("notify", name) for name in ("one", "two", "three")]
    files(tmp_path, all="---\n".join(three))
    fake.refuse["two"] = (409, {"detail": "taken"})
    ended = run("apply", "-f", tmp_path)
    assert ended.exit_code == 1
    assert fake.writes == ["POST one", "POST three"]
    assert ended.stderr.splitlines() == [
        "failed   project/team/demo  two: taken",
        "regista: 2 done, 1 not; apply again to go on",
    ]
    fake.refuse.clear()
    fake.down_after = 2
    told = json.loads(run("apply", "-f", tmp_path, "--json").stdout)
    assert (told["applied"], len(told["failed"])) == ([], 1)
    fake.down_after = 1000
    assert run("apply", "-f", tmp_path).exit_code == 0
    assert sorted(row["name"] for row in fake.rows.values()) == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f", "missing"], "missing is no file and no directory"),
        (["-f", ".", "--api-key", "another"], "401"),
        (["-f", ".", "--url", "ftp://x"], "no URL of a server"),
        (["-f", ".", "--api-key", ""], "an API key is needed"),
        ([], "Missing option"),
        (["-f", ".", "--bogus"], "No such option"),
    ],
)
def test_a_plan_that_cannot_be_made_ends_with_1_since_2_means_changes(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(files(tmp_path, deploy=DEPLOY))
    ended = run("plan", *arguments)
    assert (ended.exit_code, said in ended.stderr) == (1, True), ended.stderr
    assert fake.writes == []


names = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=12)
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00${}"), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | lines,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(lines, inner, max_size=3),
)
actions = (
    st.fixed_dictionaries(
        {"integration": names}, optional={"payload": st.dictionaries(lines, json_values, max_size=3)}
    ).map(lambda settings: {"webhook": settings})
    | st.just({"no_op": {}})
    | st.fixed_dictionaries(
        {"integration": names},
        optional={"title": lines, "text": lines, "severity": st.sampled_from(["info", "warn", "error"])},
    ).map(lambda settings: {"slack": settings})
)
limits = st.fixed_dictionaries(
    {"cooldown": st.integers(1, 2_592_000)}, optional={"per_hour": st.integers(1, 10_000), "coalesce": st.booleans()}
)
triggered = st.sampled_from(
    [
        {"on": ["run.state_changed"], "trigger": {"states": ["finished", "failed"]}},
        {
            "on": ["run.metric_triggered"],
            "trigger": {"metric": {"test": "zscore", "name": "loss", "window": 5, "direction": "any", "value": 2.5}},
        },
    ]
)
watched = st.lists(
    st.sampled_from(["alias.added", "tag.added", "artifact.linked"]), min_size=1, max_size=3, unique=True
)
conditions = st.none() | st.sampled_from(
    ["true", 'event.type == "x"\n  || event.actor != ""\n', 'event.type != "" // ü']
)


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | other


automations = st.builds(
    _both,
    st.fixed_dictionaries(
        {
            "name": names,
            "scope": st.sampled_from(["org", "entity/team", "project/team/a", "registry/model", "collection/team/a/b"]),
            "actions": st.lists(actions, min_size=1, max_size=3),
            "enabled": st.booleans(),
        },
        optional={"description": lines, "where": conditions, "limits": limits},
    ),
    triggered | watched.map(lambda on: {"on": on}),
)


def unique(each: dict[str, Any]) -> tuple[str, str]:
    return each["scope"], each["name"]


ENDLESS: dict[str, Any] = {
    "name": "ends with empty lines",
    "scope": "org",
    "on": ["run.state_changed"],
    "trigger": {"states": ["finished"]},
    "description": "a\n...\n",
    "actions": [{"slack": {"integration": "c", "title": "a\n...", "text": "\n\n"}}],
    "enabled": False,
}


@settings(max_examples=60, deadline=None)
@example([ENDLESS, ENDLESS | {"name": "another"}])
@given(st.lists(automations, min_size=1, max_size=4, unique_by=unique))
def test_a_plan_shows_no_change_for_what_was_exported(
    tmp_path_factory: pytest.TempPathFactory, given_ones: list[dict[str, Any]]
) -> None:
    fake = Fake()
    for each in given_ones:
        fake.answer("POST", "", each)
    rows = json.loads(json.dumps(list(fake.rows.values())))
    directory = tmp_path_factory.mktemp("exported") / "new"
    store(directory, rows, "http://127.0.0.1:8080")
    (directory / "all.yaml").write_text(text(rows, "http://127.0.0.1:8080"))
    validator = jsonschema_rs.validator_for(schema())
    by_name = {(row["scope"], row["name"]): row for row in rows}
    alone = [read([path]) for path in sorted(directory.rglob("*.yaml"))]
    assert max(map(len, alone)) == len(rows)
    assert sum(map(len, alone)) == 2 * len(rows)
    for declared in alone:
        plan = compare(declared, by_name)
        assert plan.steps == [], plan.steps
        for one in declared:
            validator.validate(one.document.value)


def test_the_schema_says_what_the_server_takes() -> None:
    validator = jsonschema_rs.validator_for(schema())
    good: dict[str, Any] = {"name": "n", "scope": "org", "on": "alias.added", "actions": [{"no_op": {}}]}
    assert validator.is_valid(good)
    for wrong in (
        {"on": "alias.aded"},
        {"on": []},
        {"scope": "project/team"},
        {"actions": [{"no_op": {}, "slack": {"integration": "x"}}]},
        {"actions": [{}]},
        {"actions": [{"job": {}}]},
        {"wehre": "x"},
        {"limits": {"cooldown": "ten minutes"}},
        {"trigger": {"states": ["done"]}},
        {"trigger": {"metric": {"name": "loss", "window": 1, "comparison": ">", "value": 1}}},
        {"name": "a/b"},
    ):
        assert not validator.is_valid(good | wrong), wrong
    for right in (
        {"limits": {"cooldown": "10m", "per_hour": 3}},
        {"trigger": {"states": ["finished"]}},
        {"scope": "collection/team/model-registry/MNIST", "where": None, "enabled": False},
    ):
        assert validator.is_valid(good | right), right


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "b.yaml").write_text("x" * 2_000_000)
    with pytest.raises(FaultyFilesError) as refused:
        read([tmp_path])
    assert ["cannot be read" in fault.message or "longer than" in fault.message for fault in refused.value.faults] == [
        True,
        True,
    ]
