import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.access.names import NAME_PATTERN, name_from


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann.Lee@example.com", "ann.lee"),
        ("CI robot", "ci-robot"),
        ("--x--", "x"),
        ("@example.com", "account"),
        ("Ünï", "n"),
        ("a" * 100, "a" * 64),
    ],
)
def test_a_name_is_made_of_what_a_text_has(text: str, name: str) -> None:
    assert name_from(text) == name


@given(st.text())
def test_whatever_the_text_it_is_a_name(text: str) -> None:
    assert re.fullmatch(NAME_PATTERN, name_from(text))
