import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from regista.tracking.names import ProjectName, RunName, check_name, new_display_name, new_run_name

PROJECT: TypeAdapter[Any] = TypeAdapter(ProjectName)
RUN: TypeAdapter[Any] = TypeAdapter(RunName)


@given(st.text(max_size=140))
def test_an_accepted_project_name_is_one_part_of_a_path_and_of_a_url(name: str) -> None:
    try:
        PROJECT.validate_python(name)
    except ValidationError:
        return
    assert 1 <= len(name) <= 128
    assert not set(name) & set("/\\#?%:\x00\n\r\t")
    assert name not in {".", ".."}
    assert name == name.strip()
    name.encode()


@pytest.mark.parametrize("name", ["train", "my project", "ünï", "a.b", "a-b_c", "x" * 128, "(1)"])
def test_usual_names_are_accepted(name: str) -> None:
    assert PROJECT.validate_python(name) == name


def test_invented_ids_and_names_are_accepted_and_differ() -> None:
    ids = {new_run_name() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[0-9a-z]{8}", RUN.validate_python(name)) for name in ids)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", new_display_name())


@pytest.mark.parametrize(
    ("what", "named"), [("alias", "an alias"), ("artifact type", "an artifact type"), ("run id", "a run id")]
)
@pytest.mark.parametrize("name", ["bad/name", "", " "])
def test_what_is_wrong_with_a_name_is_said_in_a_sentence(what: str, named: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} "):
        check_name(name, what, frozenset("/"))
