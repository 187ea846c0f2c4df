import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import InvalidError
from regista.wandb import ids


@given(st.sampled_from(["Artifact", "ArtifactCollection", "Run"]), st.integers(0, 2**63 - 1))
def test_an_id_gives_back_its_number(kind: str, number: int) -> None:
    assert ids.decode(ids.encode(kind, number), kind) == number


def test_an_id_is_padded_standard_base64_of_type_and_number() -> None:
    assert ids.encode("Artifact", 7) == "QXJ0aWZhY3Q6Nw=="


@pytest.mark.parametrize(
    "text", ["", "7", "Artifact:7", "QXJ0aWZhY3Q6Nw", "QXJ0aWZhY3Q6LTE=", "QXJ0aWZhY3Q6MDc=", "\ud800", "é"]
)
def test_text_that_is_no_id_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidError, match="is not the id of a Artifact"):
        ids.decode(text, "Artifact")


def test_an_id_of_another_kind_or_beyond_64_bits_is_refused() -> None:
    with pytest.raises(InvalidError, match="Run or Project"):
        ids.decode(ids.encode("Artifact", 7), "Run", "Project")
    with pytest.raises(InvalidError):
        ids.decode(base64.b64encode(b"Artifact:9223372036854775808").decode(), "Artifact")
