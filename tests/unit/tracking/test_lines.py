import json
from typing import Any

import pytest

from regista.tracking.lines import Stream, parse, project, read, shape_of


def lines(*rows: Any, stream: Stream = Stream.HISTORY, first: int = 0) -> list[tuple[int, int | None, dict[str, str]]]:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return [(one.line, one.step, dict(one.shape.metrics)) for one in parse(stream, first, texts)]


def test_lines_are_numbered_from_the_first_and_have_their_steps() -> None:
    assert lines({"_step": 7, "a": 1}, {"a": 1.5}, first=40) == [
        (40, 7, {"_step": "number", "a": "number"}),
        (41, 41, {"a": "number"}),
    ]
    assert lines({"cpu": 3}, stream=Stream.EVENTS) == [(0, None, {"cpu": "number"})]


def test_what_is_no_object_is_passed_over_and_keeps_its_number() -> None:
    assert [number for number, _, _ in lines({"a": 1}, "no json", "[1]", "", {"a": 2})] == [0, 4]


def test_lines_of_one_shape_share_it_whatever_their_values() -> None:
    texts = ['{"a":1,"b":2.5}', '{"b":3,"a":4.5}', '{"a":"NaN","b":NaN}']
    shapes = {one.shape.digest for one in parse(Stream.HISTORY, 0, texts)}
    assert len(shapes) == 1


def test_types_tell_media_text_and_numbers_apart() -> None:
    row = {
        "image": {"_type": "image-file", "path": "x"},
        "nested": {"a": {"b": 1}, "c": "text"},
        "list": [1],
        "flag": True,
        "nothing": None,
        "bad": "Infinity",
    }
    assert dict(shape_of(row).metrics) == {
        "image": "image-file",
        "nested": "map",
        "nested.a": "map",
        "nested.a.b": "number",
        "nested.c": "string",
        "list": "list",
        "flag": "boolean",
        "bad": "number",
    }


def test_metrics_are_read_by_name_and_by_path() -> None:
    row = {"a.b": 1, "a": {"c": 2, "d.e": 3}, "x": 0}
    assert project(row, ["a.b", "a.c", "a.d.e", "x"]) == {"a.b": 1, "a.c": 2, "a.d.e": 3, "x": 0}
    assert project(row, ["x", "y"]) is None


@pytest.mark.parametrize("text", [r'{"a":"\ud83d"}', r'{"\udc00":1}', '{"a": NaN, "b": -Infinity}', r'{"a\u0000":1}'])
def test_lines_that_are_odd_and_readable_are_kept(text: str) -> None:
    (one,) = parse(Stream.HISTORY, 0, [text])
    found = read(one.body)
    assert found is not None
    json.dumps(one.shape.metrics).encode()
    assert not any("\x00" in metric for metric in one.shape.metrics)


def test_a_step_that_is_no_number_of_64_bits_is_the_line() -> None:
    assert [step for _, step, _ in lines('{"_step": NaN}', '{"_step": 1e300}', '{"_step": "3"}', first=5)] == [5, 6, 7]
