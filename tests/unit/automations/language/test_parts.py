from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations.language.conditions import Condition
from regista.automations.language.parts import Part, Parts
from regista.automations.language.seen import Seen
from regista.automations.language.tokens import paths, split, tokens
from tests.support.definitions import event_at


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a && b || c", ["a", "b", "c"]),
        ("a && (b || c) && [d && e][0]", ["a", "(b || c)", "[d && e][0]"]),
        ("((a || b))", ["a", "b"]),
        ("(a) && (b)", ["(a)", "(b)"]),
        ("!(a && b)", ["!(a && b)"]),
        ('a == "x && y" && b == \'|| "\'', ['a == "x && y"', "b == '|| \"'"]),
        (r'a == "\"" && b', [r'a == "\""', "b"]),
        (r'a == r"\\" && b', [r'a == r"\\"', "b"]),
        ('a == """ " && """ || b', ['a == """ " && """', "b"]),
        ("a == b'''&& ''' && c", ["a == b'''&& '''", "c"]),
        ("a // && b\n&& c", ["a", "c"]),
        ("a.exists(t, t && u) && b", ["a.exists(t, t && u)", "b"]),
        ("a ? b && c : d && e", ["a ? b && c : d && e"]),
        ("(a ? b : c) && d", ["(a ? b : c)", "d"]),
        ("", []),
        ("&& || &&", []),
        (")) && ((", [")) && (("]),
    ],
)
def test_a_condition_is_split_at_its_operators_of_the_top(text: str, parts: list[str]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("artifact.metadata.acc > 0.9", ["artifact.metadata.acc"]),
        ('artifact.metadata["val.acc"].mean > 1', ['artifact.metadata["val.acc"].mean']),
        ("artifact . digest == alias", ["artifact.digest", "alias"]),
        ('alias.startsWith("a") && size(artifact.tags) > 0', ["alias", "artifact.tags"]),
        ("artifact.tags.exists(t, t == alias && t.size() > 1)", ["artifact.tags", "alias"]),
        ("has(artifact.metadata.acc) ? true : null in [version]", ["artifact.metadata.acc", "version"]),
        ("alias == 'tag' // version", ["alias"]),
        ("0x1 + 1.5e3 + .5 > 2u", []),
        ("", []),
    ],
)
def test_the_variables_that_a_text_names_are_found(text: str, named: list[str]) -> None:
    assert [path.text for path in paths(tokens(text))] == named


def test_each_part_says_what_it_came_to_and_what_it_saw() -> None:
    text = (
        'alias == "staging" && artifact.metadata.acc >= 0.9 && artifact.metadata.f1 > 1'
        ' || artifact.tags.exists(tag, tag == version) || event.time < now || duration("1h")'
    )
    assert Condition(text).explain(Seen(event_at("alias.added"))) == [
        Part('alias == "staging"', False, None, {"alias": "production"}),
        Part("artifact.metadata.acc >= 0.9", True, None, {"artifact.metadata.acc": 0.991}),
        Part("artifact.metadata.f1 > 1", None, 'there is no key "f1"', {}),
        Part(
            "artifact.tags.exists(tag, tag == version)",
            False,
            None,
            {"artifact.tags": ["reviewed", "task"], "version": "v3"},
        ),
        Part(
            "event.time < now",
            False,
            None,
            {"event.time": "2026-03-14T09:26:53.589793+00:00", "now": "2026-03-14T09:26:53.589793+00:00"},
        ),
        Part('duration("1h")', "1:00:00", None, {}),
    ]


def test_what_is_long_is_cut_and_what_does_not_fit_the_event_is_said() -> None:
    metadata: dict[str, Any] = {f"key{number}": "v" * 50 for number in range(100)}
    seen = Seen(event_at("alias.added", data={"artifact": {"metadata": metadata}}))
    (part,) = Condition("size(artifact.metadata) > 1").explain(seen)
    shown = part.values["artifact.metadata"]
    assert isinstance(shown, str)
    assert (len(shown), shown[-1]) == (501, "…")
    assert [part.value for part in Condition("1.0 / 0.0 || type(1)").explain(seen)] == ["inf", "INT"]
    ((_, value, error, _),) = Condition('tag == "a"').explain(seen)
    assert value is None
    assert error == "alias.added has no field 'tag'; the nearest is 'artifact.tags'"


_TRUTHS = {"true": True, "false": False, "1/0 == 1": None}


@given(st.lists(st.tuples(st.sampled_from([" && ", " || "]), st.sampled_from(sorted(_TRUTHS))), min_size=1, max_size=5))
def test_each_part_comes_to_what_it_would_alone(operands: list[tuple[str, str]]) -> None:
    text = "".join(sign + operand for sign, operand in operands)[4:]
    parts = Condition(text).explain(Seen(event_at("alias.added")))
    assert [(part.text, part.value) for part in parts] == [(operand, _TRUTHS[operand]) for _, operand in operands]


@pytest.mark.parametrize(("prefix", "quote"), list(product(["", "r", "R", "b", "rb", "bR"], ['"', "'", '"""', "'''"])))
def test_a_text_is_one_word_whatever_its_quotes(prefix: str, quote: str) -> None:
    text = f"{prefix}{quote}&& ( // x{quote}"
    assert [word.text for word in tokens(f"a == {text} && b")] == ["a", "==", text, "&&", "b"]


@given(st.text(alphabet="ab\"'\\rR()[]?&|/ \n.`{}", max_size=40))
def test_of_any_text_something_is_read(text: str) -> None:
    assert "".join(word.text for word in tokens(text)) == "".join(text[word.start : word.end] for word in tokens(text))
    assert all(part in text for part in split(text))
    assert all(path.steps for path in paths(tokens(text)))


def test_parts_that_take_too_long_together_leave_the_others_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regista.automations.language.parts._MOST_SECONDS", -1.0)
    parts = Parts("alias == 'a' && true").explain(Seen(event_at("alias.added")))
    assert [(part.value, part.error) for part in parts] == [
        (None, "what stands before it took too long, so it was not tried")
    ] * 2
