import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations.errors import TemplateError
from regista.automations.language.seen import Seen
from regista.automations.payloads import templates
from regista.automations.payloads.checks import Checks
from regista.automations.payloads.frozen import ACCESS_TOKEN, Frozen, Hole, filled, masked, read, written
from regista.automations.payloads.inserted import as_json, as_text
from regista.automations.payloads.templates import (
    LARGEST,
    LONGEST,
    MOST,
    TOO_LARGE,
    TOO_SLOW,
    UNFIT,
    Template,
    check_payload,
)
from regista_events import short_names
from tests.support.definitions import event_at

VERSION = {"version": "v3", "version_index": 3, "id": 517889887}


def seen(event_type: str = "alias.added", metadata: dict[str, Any] | None = None, **data: Any) -> Seen:
    places = {"artifact": {**VERSION, "metadata": metadata or {}}} if "artifact" in event_type or not data else {}
    return Seen(event_at(event_type, data={**places, **data}))


def frozen(payload: Any, on: Seen | None = None) -> Frozen:
    return Template({"payload": payload}).payload("deploy", on or seen())


def rendered(payload: Any, on: Seen | None = None) -> Any:
    return json.loads(frozen(payload, on).body)


METADATA: dict[str, Any] = {
    "acc": 0.91,
    "epochs": 12,
    "final": True,
    "parent": None,
    "labels": ["a", "b"],
    "nested": {"loss": {"val": 0.1}},
    "val/loss": 0.2,
    "quote": 'say "hi"\n\\ and ${secret.TOKEN}',
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${artifact_metadata.acc}", 0.91),
        ("${artifact_metadata.epochs}", 12),
        ("${artifact_metadata.final}", True),
        ("${artifact.metadata.parent}", None),
        ("${artifact_metadata.labels}", ["a", "b"]),
        ("${artifact_metadata.nested}", {"loss": {"val": 0.1}}),
        ("${artifact_metadata.val/loss}", 0.2),
        ("${artifact_metadata.quote}", METADATA["quote"]),
        ("${ artifact.metadata.nested.loss.val * 10.0 }", 1.0),
        ("${artifact.metadata.nested.loss}", {"val": 0.1}),
        ("${{'a}': [alias, '}']}['a}']}", ["production", "}"]),
        ("${'${' + alias + r'\\}' + \"}\"}", "${production\\}}"),
        (
            "acc ${artifact_metadata.acc} of ${artifact_metadata.labels}, ${artifact_metadata.final}",
            'acc 0.91 of ["a","b"], true',
        ),
        ("$ $$ ${alias}$", "$ $$ production$"),
        ("$${alias} ${alias} $", "${alias} production $"),
        ("before ${previous == null} ${artifact.metadata.parent} after", "before false  after"),
        ("${1.0/0.0}", "Infinity"),
        ("${double('nan')}", "NaN"),
        ("${duration('90s')}", "90s"),
        ("${timestamp('2026-11-29T00:00:00Z') - timestamp('1970-01-01T00:00:00Z')}", "1795910400s"),
        ("${duration('12345678.123456s')}", "12345678.123456s"),
        ("${duration('-0.25s')}", "-0.25s"),
        ("${duration('-3600.000001s')}", "-3600.000001s"),
        ("${duration('0s')}", "0s"),
        ("${timestamp('2026-01-02T03:04:05Z')}", "2026-01-02T03:04:05.000000Z"),
        ("${b'ab'}", "YWI="),
        ("${{1: true, 2: false}}", {"1": True, "2": False}),
    ],
)
def test_a_text_that_is_one_expression_takes_the_values_own_type_and_a_longer_one_takes_text(
    text: str, value: Any
) -> None:
    check_payload({"payload": {"a": text}}, ["alias.added"])
    assert rendered({"a": text}, seen(metadata=METADATA)) == {"a": value}


def test_a_number_that_the_evaluator_cannot_hold_is_written_as_it_was_logged() -> None:
    on = seen(metadata={"huge": 2**200, "acc": 1.5})
    made = frozen(["${artifact_metadata.huge}", "${artifact.metadata.acc}"], on)
    # CEL takes the map as a whole, or not at all.
    assert (json.loads(made.body), made.missing) == ([2**200, ""], ("artifact.metadata.acc",))


def test_what_is_no_text_and_what_has_no_expression_stays_as_it_was_written() -> None:
    payload = {"n": 1, "f": 1e300, "t": True, "z": None, "l": [[], {}, "x"], "": {"ü": "\u2028 \x7f </script>"}}
    assert rendered(payload) == payload


def test_names_of_members_are_filled_in_as_text() -> None:
    assert rendered({"${alias}-${artifact.version_index}": {"${alias}": 1}}) == {"production-3": {"production": 1}}


def test_data_that_reads_like_a_reference_is_data() -> None:
    on = seen(metadata={"a": "${secret.TOKEN} ${alias}", "${alias}": 1})
    made = frozen({"a": "${artifact_metadata.a}", "b": "x ${artifact_metadata.a}", "c": "${artifact.metadata}"}, on)
    assert made.holes == ()
    assert json.loads(made.body)["b"] == "x ${secret.TOKEN} ${alias}"


def test_secrets_are_holes_that_are_filled_when_it_is_sent_and_masked_for_readers() -> None:
    payload = {
        "ä": "Bearer ${secret.TOKEN}",
        "b": ["${DEPLOY_KEY}", "${ACCESS_TOKEN}-${secret.TOKEN}"],
        "c": "${alias}",
    }
    assert [(each.name, each.plain, each.place) for each in check_payload({"payload": payload}, ["alias.added"])] == [
        ("TOKEN", False, 'payload["ä"]'),
        ("DEPLOY_KEY", True, "payload.b[0]"),
    ]
    made = frozen(payload)
    assert [hole.name for hole in made.holes] == ["TOKEN", "DEPLOY_KEY", ACCESS_TOKEN, "TOKEN"]
    assert read(written(made.holes)) == made.holes
    values = {"TOKEN": 'q"\\\n', "DEPLOY_KEY": "${secret.TOKEN}", ACCESS_TOKEN: "t"}
    assert json.loads(filled(made.body, made.holes, values)) == {
        "ä": 'Bearer q"\\\n',
        "b": ["${secret.TOKEN}", 't-q"\\\n'],
        "c": "production",
    }
    assert json.loads(masked(made.body, made.holes))["b"] == ["***", "***-***"]
    with pytest.raises(KeyError):
        filled(made.body, made.holes, {"TOKEN": "t"})
    assert filled(b"{}", (), {}) == masked(b"{}", ()) == b"{}"


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("artifact.created", "CREATE_ARTIFACT"),
        ("artifact.linked", "LINK_ARTIFACT"),
        ("artifact.unlinked", "UNLINK_ARTIFACT"),
        ("alias.added", "ADD_ARTIFACT_ALIAS"),
        ("tag.added", "ADD_ARTIFACT_TAG"),
        ("tag.removed", "REMOVE_ARTIFACT_TAG"),
        ("collection_tag.added", "ADD_COLLECTION_TAG"),
        ("collection_tag.removed", "REMOVE_COLLECTION_TAG"),
        ("run.state_changed", "RUN_STATE"),
        ("run.metric_triggered", "RUN_METRIC"),
        ("alias.removed", "ALIAS_REMOVED"),
    ],
)
def test_event_types_have_the_names_that_wandb_gives_them(event_type: str, expected: str) -> None:
    assert rendered({"a": "${event_type}"}, Seen(event_at(event_type))) == {"a": expected}


VARIABLES = [
    "event_type",
    "event_author",
    "project_name",
    "entity_name",
    "artifact_collection_name",
    "artifact_version",
    "artifact_version_string",
    "artifact_version_index",
    "artifact_metadata.acc",
    "alias",
    "tag",
    "automation_name",
    "run_name",
    "run_status",
    "metric_name",
    "metric_values",
    "metric_filter",
]


def all_of_wandb(on: Seen) -> dict[str, Any]:
    payload = {name: f"${{{name}}}" for name in VARIABLES}
    check_payload({"payload": payload}, [on.event.type])
    return rendered(payload, on)


def test_the_variables_of_wandb_stand_for_what_they_do_there() -> None:
    place = {"entity": "team", "project": "model-registry", "name": "MNIST"}
    on = seen(collection=place, artifact={**VERSION, "metadata": {"acc": 0.5}})
    on.author = "ann"
    assert all_of_wandb(on) == {
        "event_type": "ADD_ARTIFACT_ALIAS",
        "event_author": "ann",
        "project_name": "model-registry",
        "entity_name": "team",
        "artifact_collection_name": "MNIST",
        "artifact_version": "wandb-artifact://_id/QXJ0aWZhY3Q6NTE3ODg5ODg3",
        "artifact_version_string": "team/model-registry/MNIST:v3",
        "artifact_version_index": 3,
        "artifact_metadata.acc": 0.5,
        "alias": "production",
        "automation_name": "deploy",
        **dict.fromkeys(("tag", "run_name", "run_status", "metric_name", "metric_values", "metric_filter"), ""),
    }
    run = {"name": "abc123", "display_name": "brave-cat", "entity": "team", "project": "train", "state": "running"}
    trigger = {"kind": "threshold", "comparison": "<", "threshold": 0.5, "aggregation": "average", "window": 2}
    metric = seen("run.metric_triggered", run=run, metric="loss", values=[0.5, "NaN"], trigger=trigger)
    assert {name: value for name, value in all_of_wandb(metric).items() if value != ""} == {
        "event_type": "RUN_METRIC",
        "event_author": metric.event.actor,
        "project_name": "train",
        "entity_name": "team",
        "automation_name": "deploy",
        "run_name": "brave-cat",
        "run_status": "running",
        "metric_name": "loss",
        "metric_values": [0.5, "NaN"],
        "metric_filter": "AVERAGE(loss) < 0.5",
    }


@pytest.mark.parametrize(
    ("changes", "event_type", "text"),
    [
        (
            {"kind": "change", "comparison": "decrease", "relative": True, "threshold": 0.1},
            "RUN_METRIC_CHANGE",
            "loss decreases 10.00%",
        ),
        ({"kind": "change", "comparison": "any", "threshold": 2.0}, "RUN_METRIC_CHANGE", "loss changes 2"),
        ({"kind": "zscore", "comparison": "increase", "threshold": 3.0}, "RUN_METRIC_ZSCORE", "zscore('loss') > +3"),
        ({"kind": "zscore", "comparison": "any", "threshold": 3.0}, "RUN_METRIC_ZSCORE", "abs(zscore('loss')) > 3"),
    ],
)
def test_a_metrics_filter_is_said_as_the_client_says_it(changes: dict[str, Any], event_type: str, text: str) -> None:
    trigger = {"relative": False, "aggregation": None, "window": 1, "prior_window": None, **changes}
    on = seen("run.metric_triggered", metric="loss", trigger=trigger)
    assert rendered(["${event_type}", "${metric_filter}"], on) == [event_type, text]


def test_what_has_no_value_is_empty_and_reported_once() -> None:
    made = frozen(
        {"a": "${artifact_metadata.nope}", "b": "x${artifact.metadata.nope}${artifact_metadata.nope}", "c": "${[1][2]}"}
    )
    assert json.loads(made.body) == {"a": "", "b": "x", "c": ""}
    assert made.missing == ("artifact_metadata.nope", "artifact.metadata.nope", "[1][2]")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("${artifact.digset}", "artifact.digest"),
        ("${artifact_metdata.acc}", "artifact.metadata"),
        ("${artifact.digset + alias}", "artifact.digest"),
        ("v ${artifact.version == 3}", None),
        ("${alias", None),
        ("${'}", None),
        ("${", None),
        ("${}", None),
        ("${{}", None),
        ("${alias +}", None),
        ("${secret.}", None),
        ("${secret.A.B}", None),
    ],
)
def test_an_expression_that_is_none_is_refused_with_its_place_and_what_is_near(text: str, nearest: str | None) -> None:
    with pytest.raises(TemplateError) as refused:
        check_payload({"payload": {"list": [1, {"a b": text}]}}, ["alias.added"])
    details = refused.value.details
    assert (details["field"], details["place"], details["event"]) == (
        "actions",
        'payload.list[1]["a b"]',
        "alias.added",
    )
    assert details.get("nearest") == nearest
    assert details["place"] in refused.value.message


@pytest.mark.parametrize(
    ("text", "said", "nearest"),
    [
        (
            "by ${aliass}",
            "is no variable of alias.added, and a secret has no place here; the nearest variable is 'alias'",
            "alias",
        ),
        ("by ${secret.TOKEN}", "stands for a secret", None),
        ("by ${ACCESS_TOKEN}", "stands for a secret", None),
    ],
)
def test_a_message_has_no_secrets_and_says_what_a_misspelt_variable_may_be(
    text: str, said: str, nearest: str | None
) -> None:
    with pytest.raises(TemplateError, match=re.escape(said)) as refused:
        check_payload({"title": text}, ["alias.added"])
    assert refused.value.details.get("nearest") == nearest


def test_an_expression_with_a_pattern_that_takes_too_long_is_refused() -> None:
    with pytest.raises(TemplateError, match="takes too long"):
        check_payload({"payload": {"a": r'${alias.matches("\\pL{1,300}")}'}}, ["alias.added"])


def actions(number: int, expressions: int, written: str) -> list[dict[str, Any]]:
    return [
        {"payload": {str(each): "${" + written.replace("#", f"{action}-{each}") + "}" for each in range(expressions)}}
        for action in range(number)
    ]


@pytest.mark.parametrize(
    ("settings", "events"),
    [
        (actions(20, 199, "event.id + '#'"), short_names()),
        (actions(20, 6, "event.id in [" + "'#'," * 1_600 + "'']"), ["alias.added"]),
        (actions(20, 6, "[event.id].all(x, x != '#' && " + " && ".join(["x == x"] * 900) + ")"), ["alias.added"]),
        (actions(20, 100, "event.id.matches('^#(a|b){1,20}$')"), ["alias.added"]),
        (
            [{"payload": {"a": "".join(f"${{S{action}_{each}}}" for each in range(4_000))}} for action in range(20)],
            short_names(),
        ),
    ],
)
def test_a_save_of_more_expressions_than_can_be_checked_at_once_is_refused_at_once(
    settings: list[dict[str, Any]], events: list[str]
) -> None:
    checks = Checks()
    began = time.thread_time()
    with pytest.raises(TemplateError, match="write fewer or shorter ones, or make several automations"):
        for each in settings:
            check_payload(each, events, checks)
    assert time.thread_time() - began < 2


def test_a_save_is_checked_in_no_time_where_each_action_says_the_same_or_nothing() -> None:
    plain: Any = {"payload": {"members": [0] * 20_000, "type": "${event_type}"}}
    checks = Checks()
    began = time.thread_time()
    for each in [*actions(20, 30, "event.id + event.subject"), *[plain] * 20]:
        check_payload(each, short_names(), checks)
    assert time.thread_time() - began < 2


def test_ordinary_templates_may_be_on_every_event_type() -> None:
    checks = Checks()
    for each in actions(5, 5, "event.actor == 'a' ? '#' : event.subject + ' by ' + event.actor"):
        assert check_payload(each, short_names(), checks) == []


def test_a_secret_of_that_name_is_not_the_endpoints_access_token() -> None:
    made = frozen(["${ACCESS_TOKEN}", "${secret.ACCESS_TOKEN}"])
    assert [hole.name for hole in made.holes] == [ACCESS_TOKEN, "ACCESS_TOKEN"]
    assert filled(made.body, made.holes, {ACCESS_TOKEN: "a", "ACCESS_TOKEN": "b"}) == b'["a","b"]'


def test_the_words_of_an_event_come_before_secrets_of_the_same_name() -> None:
    on = seen("secret.created", secret={"name": "TOKEN"})
    made = frozen(["${secret.name}", "${secret.other}"], on)
    assert (json.loads(made.body), [hole.name for hole in made.holes]) == (["TOKEN", ""], ["other"])


def test_every_event_type_must_know_the_words_and_a_secret_is_none() -> None:
    with pytest.raises(TemplateError, match=r"run\.state_changed"):
        check_payload({"payload": {"a": "${artifact.digest}"}}, ["alias.added", "run.state_changed"])
    # A word of one type may be a secret's name for another.
    (found,) = check_payload({"payload": {"a": "${protected}"}}, ["alias.added", "run.state_changed"])
    assert (found.name, found.event, found.plain) == ("protected", "run.state_changed", True)
    for settings in ({"payload": {"${secret.A}": 1}}, {"title": "${secret.A}"}, {"text": "a ${ACCESS_TOKEN}"}):
        with pytest.raises(TemplateError, match="secret"):
            check_payload(settings, ["alias.added"])


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "x" * LONGEST},
        {"a": float("nan")},
        {"a": "\ud800"},
        {"a": "\x00"},
        {str(number): f"${{artifact.version_index + {number}}}" for number in range(MOST + 1)},
    ],
)
def test_what_cannot_be_stored_or_is_beyond_the_limits_is_refused(payload: Any) -> None:
    with pytest.raises(TemplateError):
        check_payload({"payload": payload}, ["alias.added"])


def test_a_payload_may_be_as_deep_as_any_body_and_no_deeper() -> None:
    deep: Any = "${alias}"
    for _ in range(200):
        deep = {"a": deep}
    with pytest.raises(TemplateError, match="deeper"):
        check_payload({"payload": deep}, ["alias.added"])


def test_a_payload_that_grows_too_large_is_no_payload_and_says_so() -> None:
    on = seen(metadata={"big": "x" * (LARGEST // 10)})
    made = frozen({str(number): "${artifact_metadata.big}" for number in range(11)}, on)
    assert made == Frozen(b"", (), (), TOO_LARGE)


TEN = str(list(range(10)))
LOOPS = f"size({TEN}.map(a, {TEN}.map(b, {TEN}.map(c, {TEN}.map(d, a + b + c + d)))))"
SLOW = [f"${{{LOOPS} + {number}}}" for number in range(MOST)]
LIMIT = 0.1
"""Seconds: a fast machine is through with them within the real limit."""


def test_a_payload_that_takes_too_long_is_given_up_once_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "SLOWEST", LIMIT)
    template = Template({"payload": {str(number): each for number, each in enumerate(SLOW)}})
    began = time.thread_time()
    assert template.payload("deploy", seen()).error == TOO_SLOW
    assert time.thread_time() - began < 3
    began = time.thread_time()
    assert template.payload("deploy", seen()) == Frozen(b"", error=TOO_SLOW)
    assert time.thread_time() - began < 0.1


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "alias" + " + alias" * 6_000, "[" * 10_000 + "]" * 10_000, "'" + "x" * 60_000 + "'"]
)
def test_an_expression_that_is_much_too_long_is_refused_at_once(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(TemplateError) as refused:
        check_payload({"payload": {"a": f"${{{text}}}"}}, ["alias.added"])
    assert len(refused.value.message) < 1000
    assert time.thread_time() - began < 2


def test_messages_are_texts_whatever_they_hold() -> None:
    template = Template({"title": "${artifact_version_index}", "text": 'a "${alias}" \\ ${artifact_metadata.nope}'})
    assert template.message("deploy", seen()) == ("3", 'a "production" \\ ', ("artifact_metadata.nope",), None)
    assert Template({"title": "x"}).message("deploy", seen()) == ("x", "", (), None)
    assert Template({"severity": "warn"}).message("deploy", seen()) == ("", "", (), None)


def test_what_an_event_says_in_markup_is_text_and_what_the_author_wrote_is_markup() -> None:
    texts = {"title": "${artifact_metadata.said}", "text": "<!here> *${artifact_metadata.said}* ${artifact.metadata}"}
    hostile = seen(metadata={"said": "<!channel> & <https://evil|ok>"})
    template = Template(texts)
    escaped = "&lt;!channel&gt; &amp; &lt;https://evil|ok&gt;"
    said = template.message("deploy", hostile)
    assert said.title == "<!channel> & <https://evil|ok>"
    assert said.text == f'<!here> *{escaped}* {{"said":"{escaped}"}}'


def test_a_message_that_cannot_be_filled_in_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    long = seen(metadata={"k": "x" * LARGEST})
    assert Template({"title": "ok", "text": "${artifact_metadata.k}"}).message("deploy", long) == (
        "ok", "", (), TOO_LARGE,
    )  # fmt: skip
    # As another version may have saved it.
    assert Template({"title": "${nope.nope}", "text": "${alias}"}).message("deploy", seen()) == (
        "", "production", (), UNFIT,
    )  # fmt: skip
    monkeypatch.setattr(templates, "SLOWEST", LIMIT)
    template = Template({"text": "".join(SLOW)})
    assert template.message("deploy", seen()).error == TOO_SLOW
    began = time.thread_time()
    assert template.message("deploy", seen()).error == TOO_SLOW
    assert time.thread_time() - began < 0.1


def test_a_placeholder_that_is_never_closed_is_found_at_once() -> None:
    check_payload({"payload": {"a": "$" * 30_000 + "{" * 30_000}}, ["alias.added"])
    with pytest.raises(TemplateError):
        check_payload({"payload": {"a": "${" * 30_000}}, ["alias.added"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${", "${ at payload.a has no } that closes it"),
        ("a ${alias", "${alias at payload.a has no } that closes it"),
        ("${}", "${} at payload.a names nothing"),
        ("${artifact.metadata.null}", 'null is a keyword; write ["null"]'),
        ("${{1.5: 1}}", "the key of a map is text, a whole number, or true or false"),
    ],
)
def test_what_is_wrong_with_a_placeholder_is_said_as_it_is_written(text: str, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        check_payload({"payload": {"a": text}}, ["alias.added"])
    assert said in refused.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
SNIPPETS = st.sampled_from(
    [
        *(
            "${alias}",
            "${artifact_metadata.k}",
            "${artifact.metadata.k}",
            "${secret.S}",
            "${ACCESS_TOKEN}",
            "${string(now)}",
        ),
        *(
            "$",
            "{",
            "}",
            "$${",
            "${",
            '"',
            "'",
            "\\",
            "\n",
            "\u2028",
            "é",
            "${'}'}",
            "${{'a': 1}}",
            "//",
            "${alias // }",
            "😀",
        ),
    ]
)
TEXTS = st.lists(SNIPPETS | st.text(max_size=3), max_size=6).map("".join)


@given(
    st.recursive(TEXTS | JSON, lambda inner: st.dictionaries(TEXTS, inner, max_size=3) | st.lists(inner, max_size=3)),
    JSON | st.text(st.characters()),
)
def test_whatever_is_saved_comes_out_as_json_whatever_the_data_is(payload: Any, data: Any) -> None:
    on = seen()
    # As decoding would leave it; a lone surrogate cannot arrive, and must do no harm if it does.
    object.__setattr__(on.event.data, "artifact", on.event.data.artifact.model_copy(update={"metadata": {"k": data}}))
    try:
        check_payload({"payload": payload}, ["alias.added"])
    except TemplateError:
        return
    made = Template({"payload": payload}).payload('a "name"', on)
    for whole in (
        filled(made.body, made.holes, dict.fromkeys(("S", ACCESS_TOKEN), '"\\\n')),
        masked(made.body, made.holes),
    ):
        json.loads(whole, parse_constant=pytest.fail)


@given(TEXTS, TEXTS.map(lambda text: text.translate({ord(mark): None for mark in "<>"})), JSON | st.text("<>&!@#|a"))
def test_whatever_is_saved_comes_out_as_text_in_which_data_marks_nothing_up(title: str, text: str, data: Any) -> None:
    on = seen()
    object.__setattr__(on.event.data, "artifact", on.event.data.artifact.model_copy(update={"metadata": {"k": data}}))
    try:
        check_payload({"title": title, "text": text}, ["alias.added"])
    except TemplateError:
        return
    said = Template({"title": title, "text": text}).message("<!here> & co", on)
    assert said.error is None
    (said.title + said.text).encode()
    assert not {"<", ">"} & set(said.text)


@given(JSON | st.text(st.characters(exclude_categories=())))
def test_any_value_is_json_of_its_own_and_text_within_quotes(value: Any) -> None:
    json.loads(as_json(value), parse_constant=pytest.fail)
    assert isinstance(json.loads(b'"' + as_text(value) + b'"'), str)


def test_moments_and_durations_have_one_spelling() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (
        as_json([moment, timedelta(seconds=1.5), timedelta(days=2)])
        == b'["2026-01-02T03:04:05.000000Z","1.5s","172800s"]'
    )
    assert Hole(1, "a") == (1, "a")
