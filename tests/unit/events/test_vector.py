import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.events.vector import advanced, decode, encode
from regista.kit.errors import InvalidError
from regista.kit.shards import SHARDS

positions = st.integers(min_value=0, max_value=2**63 - 1)
vectors = st.tuples(*[positions] * SHARDS)


@given(vectors)
def test_a_vector_survives_being_written(vector: tuple[int, ...]) -> None:
    assert decode(encode(vector)) == vector


@given(st.text(max_size=60))
def test_any_other_text_is_refused_or_is_a_vector(text: str) -> None:
    try:
        vector = decode(text)
    except InvalidError:
        return
    assert len(vector) == SHARDS
    assert all(0 <= position < 2**63 for position in vector)


def test_an_id_of_a_young_log_is_short() -> None:
    assert len(encode((100,) * SHARDS)) == 22


@pytest.mark.parametrize("text", ["", "A", "A" * 21, "A" * 24, "_" * 22, "_" * 500, "é" * 22, "A" * 20 + "==", "\x00"])
def test_what_this_server_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        decode(text)


@given(vectors, st.integers(min_value=0, max_value=SHARDS - 1), positions)
def test_advancing_one_shard_leaves_the_others(vector: tuple[int, ...], shard: int, position: int) -> None:
    moved = advanced(vector, shard, position)
    assert moved[shard] == position
    assert all(moved[other] == vector[other] for other in range(SHARDS) if other != shard)
