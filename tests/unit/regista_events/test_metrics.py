import json
import math
from typing import Any

import pytest

from regista_events.metrics import (
    MalformedBatch,
    MetricBatch,
    MetricCause,
    MetricLine,
    decode,
    encode_batch,
    encode_line,
)
from regista_events.samples import SAMPLE_TIME, sample

ID = sample("run.created").id
CAUSE = MetricCause(causationid=ID, correlationid=ID, hops=3, automations=[7, 9])


def head(**changes: Any) -> MetricBatch:
    return MetricBatch(
        id=ID,
        source="/orgs/acme",
        partitionkey="5",
        number=8,
        time=SAMPLE_TIME,
        run=sample("run.created").data.run,
        **changes,
    )


@pytest.mark.parametrize("cause", [None, CAUSE])
def test_a_batch_is_read_as_it_was_written(cause: MetricCause | None) -> None:
    lines = [encode_line({"loss": 0.5, "low": -math.inf}, 3), encode_line({"system.cpu": 1}, kind="system")]
    found = decode(encode_batch(head(cause=cause), lines))
    assert found == head(
        cause=cause,
        lines=[
            MetricLine(metrics={"loss": 0.5, "low": -math.inf}, step=3),
            MetricLine(metrics={"system.cpu": 1}, kind="system"),
        ],
    )


def test_a_batch_that_was_written_before_there_were_causes_has_none() -> None:
    written = json.loads(encode_batch(head(), []))
    del written["cause"]
    assert decode(json.dumps(written).encode()).cause is None


def test_a_cause_that_is_none_makes_no_batch() -> None:
    written = json.loads(encode_batch(head(cause=CAUSE), []))
    written["cause"]["hops"] = 17
    with pytest.raises(MalformedBatch, match=r"cause\.hops"):
        decode(json.dumps(written).encode())
