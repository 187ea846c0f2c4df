import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regista.cli.automations.faults import Place
from regista.cli.automations.written import field
from regista.cli.automations.yaml_text import YamlError, documents


def one(text: str) -> object:
    (document,) = documents(text, "file.yaml")
    return document.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: alias.added", {"on": "alias.added"}),
        ("a: yes\nb: no\nc: off\nd: y", {"a": "yes", "b": "no", "c": "off", "d": "y"}),
        ("a: 2024-01-01\nb: 12:30:45\nc: 1_000", {"a": "2024-01-01", "b": "12:30:45", "c": "1_000"}),
        ("a: true\nb: False\nc: ~\nd:\ne: null", {"a": True, "b": False, "c": None, "d": None, "e": None}),
        (
            "a: 012\nb: 0o17\nc: 0x1F\nd: -3\ne: 1.5\nf: 1e3",
            {"a": 12, "b": 15, "c": 31, "d": -3, "e": 1.5, "f": 1000.0},
        ),
        ("a: '1'\nb: \"true\"\nc: !!str 5", {"a": "1", "b": "true", "c": "5"}),
        ("[1, [2, {a: [3]}]]", [1, [2, {"a": [3]}]]),
        ("where: |\n  a\n  b\n", {"where": "a\nb\n"}),
        ("just text", "just text"),
    ],
)
def test_yaml_is_read_as_its_core_schema_says(text: str, value: object) -> None:
    assert json.dumps(one(text)) == json.dumps(value)


def test_a_file_holds_several_documents_and_empty_ones_are_none() -> None:
    found = list(documents("# head\n---\na: 1\n---\n---\nb: 2\n...\n", "file.yaml"))
    assert [(each.value, each.at(())) for each in found] == [({"a": 1}, Place(3, 1)), ({"b": 2}, Place(6, 1))]


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("a: &x [1]\nb: *x", "alias *x", (2, 4)),
        ("a: 1\n<<: {b: 2}", "merge key", (2, 1)),
        ("a: 1\nb: 2\na: 3", "'a' stands here twice; first in line 1", (3, 1)),
        ("a:\n  - {b: 1, b: 2}", "'b' stands here twice", (2, 12)),
        ("1: a", "a key must be text", (1, 1)),
        ("[a, b]: c", "a key must be text", (1, 1)),
        ("a: !!python/object:os.system x", "the tag", (1, 4)),
        ("a: !!set {x}", "the tag", (1, 4)),
        ("a: .nan", ".nan is no number in JSON", (1, 4)),
        ("a: 1e999", "1e999 is larger", (1, 4)),
        ("a: " + "9" * 5000, "a number of 5000 digits", (1, 4)),
        ('a: "\\ud800"', "lone surrogate", (1, 4)),
        ('a: "\\0"', "U+0000", (1, 4)),
        ("a: [1", "not YAML", (1, 6)),
        ("a: 1\n\tb: 2", "not YAML", (2, 1)),
        ("a: b\nc: \x01", "U+0001", (2, 4)),
        ("[" * 1000, "nested deeper than 64", (1, 65)),
    ],
)
def test_what_json_cannot_say_is_refused_at_its_place(text: str, said: str, place: tuple[int, int]) -> None:
    with pytest.raises(YamlError) as refused:
        list(documents(text, "file.yaml"))
    assert said in refused.value.message
    assert refused.value.place == place


def test_a_bomb_costs_nothing() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    began = time.process_time()
    with pytest.raises(YamlError, match="alias"):
        list(documents(laughs, "file.yaml"))
    with pytest.raises(YamlError, match="nested"):
        list(documents("- " * 100_000, "file.yaml"))
    with pytest.raises(YamlError, match="must be text"):
        list(documents("{" * 100_000, "file.yaml"))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "asked", "place"),
    [
        ("where: abc", (1, 2), (1, 9)),
        ("where: 'abc'", (1, 2), (1, 10)),
        ("where: |\n  abc\n  def", (2, 3), (3, 5)),
        ("where: |-\n\n      abc", (2, 1), (3, 7)),
        ("where: 'it''s'", (1, 4), (1, 8)),
        ("where: >\n  abc\n  def", (1, 3), (1, 8)),
        ("where: abc\n  def", (1, 6), (1, 8)),
    ],
)
def test_a_place_within_a_text_is_where_it_stands_in_the_file(
    text: str, asked: tuple[int, int], place: tuple[int, int]
) -> None:
    (document,) = documents(text, "file.yaml")
    assert document.inside(("where",), *asked) == place


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(
    [
        "on",
        "yes",
        "0o17",
        "1e5",
        "12:30",
        "~",
        "",
        " a",
        "a ",
        "- a",
        "a: b",
        "#",
        "*a",
        "&a",
        "!a",
        "|",
        "<<",
        "=",
        "0x1",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@given(values)
def test_what_is_written_is_read_as_it_was(value: object) -> None:
    written = field("payload", value)
    assert json.dumps(one(written), sort_keys=True) == json.dumps({"payload": value}, sort_keys=True)
    assert yaml.safe_load(written) == {"payload": value}


def test_the_word_on_is_written_as_people_do_and_texts_of_lines_as_lines() -> None:
    assert field("on", ["alias.added"]) == "on:\n  - alias.added\n"
    assert field("where", "a &&\n b\n") == "where: |\n  a &&\n   b\n"
