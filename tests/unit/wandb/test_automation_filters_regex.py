from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import InvalidError
from regista.wandb.automation_filters_regex import check_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^v[0-9]+$",
        r"\d+\.\d+",
        "(?i)prod",
        "(?P<name>a)b",
        "a{2,1000}",
        r"\pL+\p{Greek}\z",
        r"\Qa(b\E",
        "[[:alpha:]]",
        r"\(?=x",
        "[(?=]",
        r"\\1",
        "a|b*?",
    ],
)
def test_what_re2_takes_is_taken(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "no regular expression"),
        ("[a", "no regular expression"),
        ("*a", "no regular expression"),
        ("a(?=b)", "(?="),
        ("(?<!a)b", "(?<!"),
        (r"(a)\1", "reference back"),
        ("(?P<a>x)(?P=a)", "(?P="),
        ("a{1001}", "1000"),
        ("a{1,99999}", "1000"),
        ("a" * 5000, "4096"),
    ],
)
def test_what_re2_lacks_is_refused_with_a_sentence(pattern: str, said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_pattern(pattern)
    assert said in caught.value.message


@given(st.text(max_size=40))
def test_no_text_is_a_fault(pattern: str) -> None:
    with suppress(InvalidError):
        check_pattern(pattern)
