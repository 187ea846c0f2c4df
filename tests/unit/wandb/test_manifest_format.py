"""The manifest file, in and out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import InvalidError
from regista.registry.digest import write_md5
from regista.registry.subjects import Entry
from regista.wandb.manifest_format import read_manifest, write_entries, write_head, write_tail

PATH = st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="\\/"), min_size=1, max_size=20)
EXTRA = st.none() | st.dictionaries(st.text("abc", min_size=1), st.integers() | st.text("xyz"), min_size=1, max_size=3)


def content(path: str, md5: bytes, size: int, birth: int) -> Entry:
    return Entry(path, write_md5(md5), size, md5, birth=birth)


def reference(path: str, digest: str, size: int, url: str, extra: Any) -> Entry:
    return Entry(path, digest, size, None, url, extra)


SIZE = st.integers(0, 2**53 - 1)
ENTRIES = st.lists(
    st.one_of(
        st.builds(content, PATH, st.binary(min_size=16, max_size=16), SIZE, st.integers(1, 2**62)),
        st.builds(reference, PATH, st.text("abc", min_size=1), SIZE, st.text("s3:/", min_size=1), EXTRA),
    ).filter(lambda entry: entry.path not in {".", ".."}),
    unique_by=lambda entry: entry.path,
)


@given(ENTRIES)
def test_what_is_written_is_read_back(entries: list[Entry]) -> None:
    text = write_head() + ",".join(write_entries(7, entries)) + write_tail()
    document = json.loads(text)
    assert (document["version"], document["storagePolicyConfig"]) == (1, {"storageLayout": "V2"})
    assert read_manifest(text.encode()) == entries


def test_content_whose_birth_is_not_known_was_brought_for_the_artifact_itself() -> None:
    (written,) = write_entries(7, [Entry("f", write_md5(bytes(16)), 0, bytes(16))])
    (read,) = read_manifest(f'{{"contents": {{{written}}}}}'.encode())
    assert read.birth == 7


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"contents": []},
        {"contents": {"a": []}},
        {"contents": {"a": {"digest": 1}}},
        {"contents": {"a": {"digest": ""}}},
        {"contents": {"a": {"digest": "x", "ref": ""}}},
        {"contents": {"a": {"digest": "x", "ref": 1}}},
        {"contents": {"a": {"digest": "x", "ref": "s3://b", "size": "many"}}},
        {"contents": {"a": {"digest": "x", "ref": "s3://b", "size": 2**60}}},
        {"contents": {"a": {"digest": "x", "ref": "s3://b", "extra": [1]}}},
        {"contents": {"a": {"digest": "x\u0000", "ref": "s3://b"}}},
        {"contents": {"": {"digest": "x", "ref": "s3://b"}}},
        {"contents": {"/a": {"digest": "x", "ref": "s3://b"}}},
    ],
)
def test_what_is_no_manifest_is_refused_with_a_sentence(document: Any) -> None:
    with pytest.raises(InvalidError, match=r"\w+ \w+"):
        read_manifest(json.dumps(document).encode())


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(given_bytes: bytes) -> None:
    with pytest.raises(InvalidError):
        read_manifest(given_bytes)
