import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import InvalidError
from regista.tracking.lines import Stream
from regista.tracking.streaming import Chunk, Sent
from regista.wandb.stream_body import parse_stream


def test_an_empty_body_is_a_sign_of_life() -> None:
    for body in (b"", b" ", b"{}", b'{"files": null, "uploaded": ["a"], "dropped": 0}'):
        assert parse_stream(body) == Sent()


def test_every_file_has_its_stream_and_the_last_summary_counts() -> None:
    files = {
        "wandb-history.jsonl": {"offset": 3, "content": ["{}", "{}"]},
        "wandb-events.jsonl": {"offset": 0, "content": ["{}"]},
        "output.log": {"offset": 9, "content": ["text"]},
        "wandb-summary.json": {"offset": 0, "content": ['{"a": 1}', '{"a": 2}']},
        "other": 1,
    }
    sent = parse_stream(json.dumps({"files": files, "preempting": True}).encode(), "writer")
    assert sent.chunks == {
        Stream.HISTORY: Chunk(3, ["{}", "{}"]),
        Stream.EVENTS: Chunk(0, ["{}"]),
        Stream.OUTPUT: Chunk(9, ["text"]),
    }
    assert (sent.summary, sent.preempting, sent.exit_code, sent.writer) == ({"a": 2}, True, None, "writer")


def test_an_exit_code_counts_when_the_run_is_complete() -> None:
    assert parse_stream(b'{"exitcode": 1}').exit_code is None
    assert parse_stream(b'{"complete": true, "exitcode": 3}').exit_code == 3
    assert parse_stream(b'{"complete": true}').exit_code == 0
    assert parse_stream(b'{"complete": true, "exitcode": "odd"}').exit_code == 1


def test_a_summary_that_is_no_object_is_passed_over() -> None:
    body = {"files": {"wandb-summary.json": {"offset": 0, "content": ["[1]"]}}}
    assert parse_stream(json.dumps(body).encode()).summary is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_sentence(body: bytes) -> None:
    with suppress(InvalidError):
        parse_stream(body)
