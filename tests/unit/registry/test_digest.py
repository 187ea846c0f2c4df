import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.registry.digest import manifest_digest, read_md5, write_md5


def test_the_empty_manifest_and_one_file_have_the_clients_digests() -> None:
    head = b"wandb-artifact-manifest-v1\n"
    assert manifest_digest([]) == hashlib.md5(head).hexdigest()
    assert manifest_digest([("a", "x==")]) == hashlib.md5(head + b"a:x==\n").hexdigest()


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.just("d"), min_size=2),
    st.randoms(),
)
def test_the_digest_does_not_depend_on_the_order_of_the_files(files: dict[str, str], random: object) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert manifest_digest(shuffled) == manifest_digest(files.items())


@given(st.binary(min_size=16, max_size=16))
def test_an_md5_is_read_in_hex_and_base64(raw: bytes) -> None:
    assert read_md5(raw.hex()) == read_md5(write_md5(raw)) == raw


@pytest.mark.parametrize("text", ["", "a", "z" * 32, "AAAA", "é" * 24, "0" * 31])
def test_what_is_no_md5_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"MD5|hex|non-hexadecimal|ASCII"):
        read_md5(text)
