import importlib
import pkgutil
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista import automations
from regista.automations.errors import ConditionError
from regista.automations.language.conditions import Condition, Truth, check_condition
from regista.automations.language.expressions import environment
from regista.automations.language.seen import Seen
from regista.automations.language.vocabulary import vocabulary
from regista_events import short_names
from tests.support.definitions import event_at

ALIAS = ["alias.added"]


def refused(text: str, events: Sequence[str] = ALIAS) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        check_condition(text, events)
    assert caught.value.details["field"] == "where"
    for leak in ("INVALID_ARGUMENT", "CANCELLED", "container", "<input>", "overload", "INTERNAL"):
        assert leak not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "nearest"),
    [
        ('artifact.digset == "a"', (1, 1), "artifact.digest"),
        ('alias == "a" && digest == "b"', (1, 17), "artifact.digest"),
        ('alias == "a" &&\n  aliass == "b"', (2, 3), "alias"),
        ('"\U0001f600é" == aliass', (1, 9), "alias"),
        ('artifact . digset == "a"', (1, 1), "artifact.digest"),
        ("event.tim < now", (1, 1), "event.time"),
        ("metadata.acc > 1", (1, 1), "artifact.metadata"),
        ('collection == "MNIST"', (1, 1), "collection.project"),
        ("artifact.tags.exists(tag, tga == alias)", (1, 27), "artifact.tags"),
        ("approval != null && approval.quorm > 1", (1, 21), "approval.quorum"),
        ('previous.version == "v1"', (1, 1), "previous"),
        ('alias.startswith("a")', (1, 7), "startsWith"),
        ("true && lenght(alias) > 1", (1, 9), None),
        ('/* alias == "a"', (1, 1), None),
    ],
)
def test_a_wrong_name_is_refused_where_it_begins_with_the_nearest_right_one(
    text: str, place: tuple[int, int], nearest: str | None
) -> None:
    details = refused(text).details
    assert (details["line"], details["column"]) == place
    assert details.get("nearest") == nearest
    assert details["event"] == "alias.added"


def test_the_event_type_that_does_not_have_the_field_is_named() -> None:
    error = refused('alias == "a"', ["alias.added", "alias.removed", "dev.regista.tag.added"])
    assert error.details["event"] == "tag.added"
    assert "tag.added has no field 'alias'" in error.message


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("alias > 3", 7, "text is compared with a whole number by >"),
        ("artifact.size >= 0.5", 15, "as in 1.0 or double(…)"),
        ("alias in 3", 7, "in looks for text in a whole number"),
        ("alias && true", 7, "&& takes true or false, not text"),
        ("!alias", 1, "! takes true or false, not text"),
        ("alias.startsWith(3)", 17, "startsWith does not take text and a whole number"),
        ("alias + 1 == alias", 7, "+ does not take text and a whole number"),
        ("true ? alias : 3", 6, "both must be of one kind"),
        ("artifact.metadata == true", 19, "a map is compared with true or false"),
        ("now > 3", 5, "a moment is compared with a whole number"),
        ("alias", 1, "this one is text"),
        ("artifact.tags", 1, "this one is a list of text"),
        ("1 + 1", 1, "this one is a whole number"),
        ("alias ==", 9, "ends too early"),
        ('alias = "a"', 7, "write == to compare"),
        ('alias == "a" & true', 14, "write &&"),
        ('alias == "a', 10, 'has no " at its end'),
        ("alias == 'a' 'b'", 14, "not expected here"),
        ("artifact.metadata.null == 1", 19, 'null is a keyword; write ["null"] for a field of that name'),
        ("true && artifact.metadata.in.a == 1", 27, 'write ["in"]'),
        ("artifact.metadata. ", 19, "a name belongs behind the dot"),
        ("(alias == 'a' ", 14, ") is missing at the end"),
        ("if == 1", 1, "if is a keyword"),
        ("$alias", 1, "'$' is no part of the language"),
        ('alias.matches("(")', 15, "is no pattern"),
        ("alias.matches(version)", 7, "literal text"),
        ('alias.matches("x" + version)', 7, "literal text"),
        ('matches(alias, "x")', 1, "literal text"),
        (r'alias.matches("(\\pL{1,1000}){1,9}")', 15, "pattern"),
        ('alias == "a\x00"', 12, "U+0000"),
        ('alias == "\ud800"', 11, "U+D800"),
    ],
)
def test_what_is_no_condition_is_refused_in_a_sentence(text: str, column: int, said: str) -> None:
    error = refused(text)
    assert said in error.message
    assert (error.details["line"], error.details["column"]) == (1, column)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "true" + ")" * 5000,
        "(" * 10_000,
        "[" * 4000 + "]" * 4000 + " == []",
        "{1:" * 3000 + "1" + "}" * 3000 + " == 1",
        "+".join(["1"] * 4900) + "== 1",
        "previous" + ".a" * 4900 + " == 1",
        "true ? true : " * 700 + "true",
        "size(" * 1900 + "alias" + ")" * 1900,
        "artifact.tags.exists(a, " * 400 + "true" + ")" * 400,
        "x" * 10_001,
        "$" * 10_000,
        '"' * 9999,
        "`" * 9999,
        "%" * 9999,
        "!(" * 300 + "true" + ")" * 300,
    ],
)
def test_a_hostile_condition_is_refused_at_once(text: str) -> None:
    began = time.thread_time()
    assert len(refused(text).message) < 600
    assert time.thread_time() - began < 0.5


def test_what_is_too_much_at_once_is_refused_and_taken_in_parts() -> None:
    patterns = [f"alias.matches('^v{each}')" for each in range(80)]
    assert "takes too long up to here" in refused(f"true in [{', '.join(patterns)}]").message
    assert check_condition(" || ".join(patterns), ALIAS)


def test_patterns_are_counted_together() -> None:
    cheap = " || ".join(f'alias.matches("^v{each}$")' for each in range(300))
    assert check_condition(cheap, ALIAS) == cheap
    began = time.thread_time()
    dear = " || ".join(f'alias.matches("(a|b){{1,60}}{each}$")' for each in range(240))
    assert "the patterns up to this one take too long to read" in refused(dear).message
    assert time.thread_time() - began < 3


@pytest.mark.parametrize("text", ["!" * 9996 + "true", "-" * 9990 + "1 == 1", " && ".join(["true"] * 1200)])
def test_what_is_long_and_harmless_is_taken(text: str) -> None:
    assert check_condition(text, ALIAS) == text
    assert Condition(text).judge(Seen(event_at("alias.added"))).holds


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_a_condition_that_is_empty_is_none(text: str | None) -> None:
    assert check_condition(text, ALIAS) is None


WORDS = st.sampled_from(
    [
        *("alias", "artifact", "metadata", "tags", ".", "previous", "x", "exists", "matches", "has", "size", "dyn"),
        *("(", ")", "[", "]", "{", "}", ",", "?", ":", "!", "-", "+", "/", "%", "==", "<", "&&", "||", "in"),
        *(
            '"a"',
            "'",
            '"',
            '"""',
            'r"\\"',
            "//",
            "\n",
            " ",
            "1",
            "1.5",
            "0x1u",
            "null",
            "true",
            "\\",
            "`",
            "\x00",
            "\ud800",
        ),
    ]
)


@given(st.lists(WORDS, max_size=25).map("".join) | st.text(max_size=60) | st.lists(WORDS, max_size=12).map(" ".join))
def test_anything_typed_is_a_condition_or_is_refused_and_is_judged_and_explained_without_a_fault(text: str) -> None:
    seen = Seen(event_at("alias.added"))
    with suppress(ConditionError):
        check_condition(text, ALIAS)
    condition = Condition(text)
    assert isinstance(condition.judge(seen), Truth)
    assert condition.explain(seen)
    assert condition.names("alias") in {True, False}


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ('alias == "production" && artifact.metadata.acc >= 0.9 && previous != null', Truth(True)),
        ('alias == "staging"', Truth(False)),
        ("artifact.metadata.f1 > 0.9", Truth(False, 'there is no key "f1"')),
        ('alias == "staging" && artifact.metadata.f1 > 0.9', Truth(False)),
        ("artifact.metadata.acc", Truth(False, "it came to 0.991, which is neither true nor false")),
        (
            "artifact.metadata.framework > 1",
            Truth(False, "text is compared with a whole number by >; both sides must be of one kind"),
        ),
        ("has(artifact.metadata.acc) && size(artifact.metadata) == 3", Truth(True)),
        ("1 / (artifact.size - artifact.size) == 1", Truth(False, "divide by zero")),
        ("event.hops < 16 && event.time <= now", Truth(True)),
        ("approval.quorum == 1", Truth(True)),
        ("artifact.ttl_seconds == null || artifact.ttl_seconds > 60", Truth(True)),
    ],
)
def test_an_event_fulfils_a_condition_does_not_or_it_cannot_be_told(text: str, truth: Truth) -> None:
    assert check_condition(text, ALIAS) == text
    assert Condition(text).judge(Seen(event_at("alias.added"))) == truth


@pytest.mark.parametrize("acc", [1, 1.0])
def test_a_number_of_the_metadata_is_compared_by_its_value_however_it_was_written(acc: float) -> None:
    seen = Seen(event_at("alias.added", data={"artifact": {"metadata": {"acc": acc}}}))
    for text in (
        "acc >= 0.9",
        "acc >= 1",
        "acc == 1",
        "acc == 1.0",
        "acc in [1]",
        "acc in [1.0]",
        "acc < artifact.size",
    ):
        assert Condition(f"artifact.metadata.{text}").judge(seen) == Truth(True)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"acc": 2**70}, "artifact.metadata holds the number 1180591620717411303424, which is beyond 64 bits"),
        ({"deep": [{"n": -(2**64)}]}, "beyond 64 bits"),
        ({"text": "\ud800"}, "lone surrogate"),
    ],
)
def test_metadata_that_the_evaluator_cannot_take_is_an_error_of_the_conditions_that_read_it_alone(
    metadata: dict[str, Any], said: str
) -> None:
    event = event_at("alias.added")
    event.data.artifact.metadata.clear()
    event.data.artifact.metadata.update(metadata)
    seen = Seen(event)
    reads, other = Condition("size(artifact.metadata) > 0"), Condition('alias == "production"')
    for _ in range(2):
        truth = reads.judge(seen)
        assert not truth.holds
        assert said in (truth.error or "")
        assert other.judge(seen) == Truth(True)


def test_a_runaway_condition_is_stopped_by_the_evaluator() -> None:
    seen = Seen(event_at("alias.added", data={"artifact": {"metadata": {f"k{each}": each for each in range(1000)}}}))
    inner = "artifact.metadata"
    for text, said in (
        (f"{inner}.exists(a, {inner}.exists(b, a == b + 'x'))", "it takes more than 10,000 steps"),
        (f"{inner}.map(a, {inner}.map(b, {inner}.map(c, a + b + c))).size() > 1", "the event is too large for it"),
        (f"{inner}.all(a, {inner}.all(b, b.matches('^(k|m)[0-9]+$')))", "it takes more than"),
    ):
        assert check_condition(text, ALIAS) == text
        began = time.thread_time()
        assert (Condition(text).judge(seen).error or "").startswith(said)
        assert time.thread_time() - began < 1


CHAIN = "[[1]]" + ".map(x, [x, x, x, x])" * 13


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (f"{CHAIN} == {CHAIN}", 157),
        ('["aaaaaaaaaaaaaaaa"]' + ".map(x, x + x)" * 25 + ' == ["a"]', 193),
        (
            "[1].map(a, [a].map(b, [[b]]" + ".map(c, {'a': c, 'b': c, 'c': c, 'd': c, 'e': c})" * 9 + ")).size() == 1",
            None,
        ),
        ("dyn([1]" + ".map(x, {'a': x, 'b': x, 'c': [x, x, x, x, x, x]})" * 9 + ") == dyn([1])", None),
        ("artifact.tags" + ".map(x, x + x + x + x)" * 10 + " == []", None),
    ],
)
def test_what_grows_beyond_measure_is_refused_where_it_does(text: str, column: int | None) -> None:
    began = time.thread_time()
    error = refused(text)
    assert time.thread_time() - began < 1
    assert "may grow beyond measure" in error.message
    assert "repeat it less often" in error.message
    assert error.details["line"] == 1
    if column is not None:
        assert error.details["column"] == column


@pytest.mark.parametrize(
    "text",
    [
        "artifact.metadata.scores.all(s, s > 0.5)",
        'artifact.tags.exists(t, t.startsWith("a"))',
        'artifact.tags.filter(t, t.startsWith("v")).map(t, t + "-" + version).size() > 1',
        "artifact.metadata.runs.map(r, r.layers.map(l, l.sizes.map(s, s * 2))).size() > 0",
        "artifact.metadata.a.exists(a, artifact.metadata.b.exists(b, artifact.metadata.c.exists(c, a == b && b == c)))",
        "artifact.metadata.labels.map(l, artifact.metadata.scores[l]) == [0.5]",
        'artifact.metadata.all(k, k.matches("^[a-z_]+$"))',
        " && ".join(f"artifact.metadata.a{each} == artifact.metadata.b{each}" for each in range(100)),
    ],
)
def test_what_people_write_is_taken_whatever_it_goes_through(text: str) -> None:
    assert check_condition(text, ALIAS) == text


LISTS: dict[str, Any] = {"n": list(range(9_900)), "text": "a" * 100_000, "part": "a" * 30_000 + "b"}
DEEP: dict[str, Any] = {"n": [{"a": [{"b": 1}] * 10}] * 1_900}


@pytest.mark.parametrize("metadata", [LISTS, DEEP])
@pytest.mark.parametrize(
    "text",
    [
        "{m}.n.map(x, x) == []",
        "{m}.n.filter(x, true).size() == 0",
        "{m}.n.all(x, {m} == {m})",
        "{m}.n.all(x, x in {m}.n)",
        "{m}.n.map(x, {m}) == {m}.n.map(x, {m})",
        "{m}.n.map(x, string(x) + {m}.text + {m}.text).size() == 1",
        "{m}.n.exists(x, {m}.text.contains({m}.part))",
        "{m}.text.contains({m}.part + {m}.part) && {m}.text.contains({m}.part)",
        "string({m}.text + {m}.text).contains({m}.part)",
        "size(" + "+".join(["{m}.n"] * 20) + ") == 1",
        "{m}.n.exists(x, {m}.text.matches('(a|b)*c'))",
        "[{m}].all(x, " + "&&".join(["x == x"] * 1_000) + ")",
        "[{m}].all(x, [" + ",".join(["x == x"] * 1_000) + "] != [])",
        "[" + ",".join(["{m}"] * 250) + "] == [" + ",".join(["{m}"] * 250) + "]",
        "&&".join(["{m} == {m}"] * 200),
    ],
)
def test_whatever_is_taken_is_over_at_once_on_the_largest_event(text: str, metadata: dict[str, Any]) -> None:
    condition = check_condition(text.replace("{m}", "artifact.metadata"), ALIAS)
    assert condition is not None
    seen = Seen(event_at("alias.added", data={"artifact": {"metadata": metadata}}))
    took: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        truth = Condition(condition).judge(seen)
        took.append(time.thread_time() - began)
        assert truth.error is None or truth.error.startswith(
            ("it takes more than", "the event is too large", "there is no key", "string does not")
        )
    # Each compiles what is written too, and may have to collect the garbage of the tests before.
    assert min(took) < 0.5


def test_loops_that_stop_for_want_of_time_say_so_and_never_that_something_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regista.automations.language.clock.MOST_SECONDS", -1.0)
    seen = Seen(event_at("alias.added", data={"artifact": {"tags": ["a", "b"]}}))
    for loop in (
        "all(t, t == 'x')",
        "exists(t, t == 'a')",
        "exists_one(t, t == 'a')",
        "map(t, t) == []",
        "filter(t, true) == []",
    ):
        assert Condition(f"artifact.tags.{loop} || true").judge(seen) == Truth(
            False, "it takes more than 0.1 s on this event; go through fewer values, or smaller ones"
        )


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2].all(x, x > 0 ? true : false)",
        "[1, 2].exists(x, // all(\n x == 2 // )\n)",
        "[[1, 2], [3]].exists(x, x.all(x, x == 3) || false)",
        "[1, 2].filter(x, {'a': x, 'b': (x)}.a == 1) == [1]",
        "[1, 2].map(x, {'a': [x, x].map(x, x)}) == [{'a': [1, 1]}, {'a': [2, 2]}]",
        "'all(x, y)' == \"all(x, y)\" && [true].all(x, x || x && !x)",
        "!has(artifact.metadata.all) && {'map': 1}.map == 1",
    ],
)
def test_a_loop_comes_to_what_it_says_however_it_is_written(text: str) -> None:
    assert check_condition(text, ALIAS) == text
    assert Condition(text).judge(Seen(event_at("alias.added"))) == Truth(True)


def test_the_function_that_looks_at_the_clock_is_nobody_elses() -> None:
    error = refused("alias == 'a' && time_left__()")
    assert error.message.endswith("there is no function 'time_left__'")
    assert error.details["column"] == 17


def test_what_evaluations_leave_behind_does_not_stay_with_the_event() -> None:
    seen = Seen(event_at("alias.added"))
    first = seen.activation
    seen.spend(0.04)
    assert seen.activation is first
    seen.spend(0.04)
    assert seen.activation is not first
    assert Condition('alias == "production"').judge(seen) == Truth(True)


def test_a_condition_that_took_too_long_on_one_event_is_not_tried_on_another_and_that_one_is_not_held_against_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    took = iter([0.0, 0.9, 1.0, 2.5])
    monkeypatch.setattr("regista.automations.language.conditions._cpu_time", lambda: next(took, 9.0))
    condition, seen = Condition('alias == "production"'), Seen(event_at("alias.added"))
    assert [condition.judge(seen), condition.judge(seen)] == [Truth(True), Truth(True)]
    other = Seen(event_at("alias.added", id=UUID(int=7)))
    for _ in range(3):
        assert (
            condition.judge(other).error == "it took 1.5 s on an earlier event, and is not tried again; save it simpler"
        )
        # A batch that failed is judged again.
        assert condition.judge(Seen(seen.event)) == Truth(True)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("{1.5: 1} == {}", 2),
        ('{b"a": 1}.size() == 1', 2),
        ("{null: 1}", 2),
        ("{now: 1}", 2),
        ("[{1.5: 1}]", 3),
        ("[1].map(x, {now: x})", 13),
        ("true && {'a': {'b': 1, 2.5: 2}} != {}", 24),
        ("{[1]: 1} == {}", 2),
    ],
)
def test_a_key_that_no_map_may_have_is_refused_where_it_stands(text: str, column: int) -> None:
    error = refused(text)
    assert error.message.endswith("the key of a map is text, a whole number, or true or false")
    assert error.details["column"] == column


@pytest.mark.parametrize(
    "text", ["{1: 2}[1] == 2", "{1u: 2}[1u] == 2", "{true: 2}[true] == 2", "{alias: 1}.size() == 1"]
)
def test_a_key_of_any_kind_that_a_map_may_have_is_taken(text: str) -> None:
    assert check_condition(text, ALIAS) == text
    assert Condition(text).judge(Seen(event_at("alias.added"))) == Truth(True)


def test_a_long_condition_may_not_be_on_every_event_type() -> None:
    text = f"event.type in {['a'] * 1500}"
    assert check_condition(text, short_names()[:11]) == text
    assert "may be on 11 event types, not" in refused(text, short_names()).message


def test_an_error_can_be_kept_whatever_the_event_says() -> None:
    error = Condition(f'artifact.metadata["\\x00{"k" * 900}"] == 1').judge(Seen(event_at("alias.added"))).error
    assert error is not None
    assert error.startswith('there is no key "')
    assert "\0" not in error
    assert len(error) < 600


@pytest.mark.parametrize(
    "module", sorted(each.name for each in pkgutil.walk_packages(automations.__path__, f"{automations.__name__}."))
)
def test_no_cache_of_automations_knows_what_an_organization_has(module: str) -> None:
    """What is cached for a process is found by event types and their classes, which are the same for everybody."""
    found = importlib.import_module(module)
    cached = {name for name, value in vars(found).items() if hasattr(value, "cache_parameters")}
    assert cached <= {"vocabulary", "_environment", "_subjects", "schema", "kinds_of"}


def test_a_condition_of_one_organization_never_sees_what_another_has() -> None:
    condition = Condition('artifact.metadata.owner == event.actor && collection.name == "MNIST"')
    theirs = {
        name: Seen(
            event_at("alias.added", organization=name, actor=name, data={"artifact": {"metadata": {"owner": name}}})
        )
        for name in ("acme", "rival")
    }
    mixed = Seen(event_at("alias.added", actor="acme", data={"artifact": {"metadata": {"owner": "rival"}}}))
    for _ in range(3):
        assert all(condition.judge(seen) == Truth(True) for seen in theirs.values())
        assert condition.judge(mixed) == Truth(False)


def test_a_condition_is_compiled_once_for_each_event_type_however_many_events_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[str] = []
    for event_type in ("alias.added", "alias.removed"):
        known = environment(event_type)
        compile_ = known.compile

        def count(text: str, compile_: Any = compile_) -> Any:
            compiled.append(text)
            return compile_(text)

        monkeypatch.setattr(known, "compile", count)
    condition = Condition('alias == "production"')
    for _ in range(20):
        for event_type in ("alias.added", "alias.removed"):
            assert condition.judge(Seen(event_at(event_type))).error is None
    assert compiled == ['alias == "production"'] * 2


def test_what_an_event_says_is_converted_once_for_all_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    known = environment("alias.added")
    activation = known.activation
    made: list[Any] = []

    def count(values: Any) -> Any:
        made.append(values)
        return activation(values)

    monkeypatch.setattr(known, "activation", count)
    seen = Seen(event_at("alias.added"))
    assert all(Condition(f"artifact.metadata.acc > 0.{each}").judge(seen).holds for each in range(9))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('alias == "latest"', True),
        ('version == "v1" && !(alias in ["a"])', True),
        ("alias.startsWith('x')", True),
        ("artifact.tags.exists(tag, tag == alias)", True),
        ("version == version // alias", False),
        ('version == "alias"', False),
        ("version == 'alias == \"x\"'", False),
        ('version == """ alias """', False),
        (r'version == r"\" && alias == "x"', True),
        ('size(artifact.aliases) > 0 && "alias" in artifact.aliases', False),
        ("artifact.aliases.exists(alias, alias == version)", False),
        ('artifact.metadata.alias == "x"', False),
        ('artifact.metadata["alias"] == "x"', False),
    ],
)
def test_a_condition_names_a_variable_where_it_reads_it(text: str, named: bool) -> None:  # noqa: FBT001 - a table
    assert Condition(text).names("alias") is named


@pytest.mark.parametrize("event_type", short_names())
def test_every_word_of_an_event_type_may_be_read_and_has_a_value_of_its_type(event_type: str) -> None:
    words = vocabulary(event_type)
    seen = Seen(event_at(event_type))
    assert seen.values.keys() == words.types.keys()
    known = environment(event_type)
    for name, word in words.words.items():
        expression = known.compile(name)
        value, error = expression.evaluate(seen)
        assert error is None, (name, error)
        assert expression.kind == word.type
        assert value == seen.values[name], name
        assert word.nullable or word.type != "dyn" or word.kind == "dyn", name


@pytest.mark.parametrize("count", [3, 400])
@pytest.mark.parametrize(
    "text",
    [
        "{m}.classes.map(k, {m}.classes[k].f1).all(v, v > 0.1)",
        "{m}.classes.filter(k, {m}.classes[k].f1 < 0.1).size() == 0",
        "{m}.flat.map(k, k + ': ' + string({m}.flat[k])).size() > 2",
        "{m}.order.map(c, {m}.flat[c]).exists(v, v > 0.0)",
        "{m}.order.all(c, c in {m}.flat && {m}.classes[c].support == 100)",
    ],
)
def test_what_people_ask_of_figures_by_class_is_answered_for_hundreds_of_them(text: str, count: int) -> None:
    order = [f"class_{number}" for number in range(count)]
    figures = {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 100}
    metadata = {"classes": dict.fromkeys(order, figures), "flat": dict.fromkeys(order, 0.5), "order": order}
    condition = check_condition(text.replace("{m}", "artifact.metadata"), ALIAS)
    assert condition is not None
    seen = Seen(event_at("alias.added", data={"artifact": {"metadata": metadata}}))
    assert Condition(condition).judge(seen) == Truth(True)


def test_a_loop_that_the_clock_does_not_see_is_refused() -> None:
    assert "stands without brackets" in refused("artifact.tags.exists((t), t == 'a')").message
