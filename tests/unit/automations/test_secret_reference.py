import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations.secrets.reference import referred, resolved
from regista.kit.errors import InvalidError


def test_references_are_found_and_replaced() -> None:
    text = "Bearer ${secret.TOKEN}, ${secret.OTHER_1}$"
    assert referred(text) == {"TOKEN", "OTHER_1"}
    assert resolved(text, {"TOKEN": "a", "OTHER_1": "b"}) == "Bearer a, b$"


@pytest.mark.parametrize(
    "text", ["${alias}", "${secret.}", "${secret.1}", "${secret.A", "${ secret.A }", "${secret.A}${"]
)
def test_anything_else_in_braces_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        referred(text)


@given(st.text(), st.text())
def test_a_value_that_reads_like_a_reference_stays_data(value: str, other: str) -> None:
    values = {"A": "${secret.B}" + value, "B": other}
    assert resolved("${secret.A}|${secret.B}", values) == "${secret.B}" + value + "|" + other
