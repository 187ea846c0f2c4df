from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from regista.registry.errors import InvalidNameError
from regista.registry.finding import split_version
from regista.registry.names import (
    Alias,
    ArtifactType,
    CollectionName,
    ManifestPath,
    Tag,
    checked_aliases,
    version_index,
)

PATH: TypeAdapter[Any] = TypeAdapter(ManifestPath)
ALIAS: TypeAdapter[Any] = TypeAdapter(Alias)
TAG: TypeAdapter[Any] = TypeAdapter(Tag)
COLLECTION: TypeAdapter[Any] = TypeAdapter(CollectionName)
TYPE: TypeAdapter[Any] = TypeAdapter(ArtifactType)

DANGEROUS = st.text(st.sampled_from("./\\\x00\n:aé \ud800~"), max_size=20) | st.text(max_size=200)


def accepted(adapter: TypeAdapter[Any], value: str) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@given(DANGEROUS)
def test_an_accepted_file_path_stays_below_its_directory_on_every_system(path: str) -> None:
    if not accepted(PATH, path):
        return
    assert "\x00" not in path
    assert not PurePosixPath(path).is_absolute()
    for parts in (PurePosixPath(path).parts, PureWindowsPath(path).parts):
        assert ".." not in parts
    assert str(PurePosixPath(path)) == path


@pytest.mark.parametrize(
    "path", ["a", "a/b.txt", "a b/c", "ünï/ç", "a:b", "..a", "a..", "...", "a/.hidden", "x" * 1024]
)
def test_usual_file_paths_are_accepted(path: str) -> None:
    assert accepted(PATH, path)


@pytest.mark.parametrize(
    "path", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\x00", "a\x7f", "x" * 1025]
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert not accepted(PATH, path)


@given(DANGEROUS)
def test_an_accepted_alias_can_be_told_from_a_version_and_a_path(alias: str) -> None:
    if not accepted(ALIAS, alias):
        return
    assert "/" not in alias
    assert ":" not in alias
    assert alias != "latest"
    assert version_index(alias) is None
    alias.encode()


@given(st.text(max_size=130))
def test_collection_names_and_types_hold_no_separator(name: str) -> None:
    if accepted(COLLECTION, name):
        assert "/" not in name
    if accepted(TYPE, name):
        assert not set(name) & {"/", ":"}


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("v0", 0),
        ("v17", 17),
        ("v03", None),
        ("v", None),
        ("V1", None),
        ("v-1", None),
        ("v1 ", None),
        ("v٣", None),
        (f"v{2**63}", None),
        (f"v{2**63 - 1}", 2**63 - 1),
    ],
)
def test_versions_are_read_as_people_write_them(text: str, index: int | None) -> None:
    assert version_index(text) == index


@pytest.mark.parametrize(
    ("tag", "good"),
    [
        ("fast", True),
        ("a b", True),
        ("a  b-c_d", True),
        ("é", True),
        (" a", False),
        ("a ", False),
        ("a!", False),
        ("", False),
        ("a\n", False),
        ("x" * 129, False),
    ],
)
def test_tags_are_words_with_spaces_between(tag: str, *, good: bool) -> None:
    assert accepted(TAG, tag) is good


def test_latest_comes_with_everything_and_is_passed_over() -> None:
    assert checked_aliases(["latest", "best", "best"]) == ["best"]
    for alias in ("v3", "a/b", ""):
        with pytest.raises(InvalidNameError):
            checked_aliases([alias])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("e/p/n:v0", (("e", "p", "n"), "v0")),
        ("e/p/n", (("e", "p", "n"), "latest")),
        ("e/p/a:b:v0", (("e", "p", "a:b"), "v0")),
        ("e/p", None),
        ("e//n:v0", None),
        ("e/p/n:", None),
        ("", None),
    ],
)
def test_a_version_path_falls_into_its_parts(text: str, parts: object) -> None:
    assert split_version(text) == parts
