from hypothesis import given
from hypothesis import strategies as st

from regista.registry.targets import ContentTarget, ManifestTarget, PartTarget, Target, parse_target, upload_id

MD5 = st.binary(min_size=16, max_size=16)
NUMBER = st.integers(1, 10**18)
TARGETS = st.one_of(
    st.builds(ContentTarget, MD5, st.none() | st.integers(0, 2**53 - 1), NUMBER),
    st.builds(PartTarget, st.binary(min_size=16, max_size=16).map(bytes.hex), st.integers(1, 10_000), MD5),
    st.builds(ManifestTarget, NUMBER, MD5),
)


@given(TARGETS)
def test_what_a_url_says_is_read_back(target: Target) -> None:
    assert parse_target(str(target)) == target


@given(st.text(max_size=120))
def test_other_text_is_for_no_upload(text: str) -> None:
    found = parse_target(text)
    assert found is None or str(found) == text


@given(st.integers(1, 99), MD5, st.lists(MD5, min_size=1, max_size=4), st.lists(MD5, min_size=1, max_size=4))
def test_an_upload_is_named_by_its_parts_in_their_order_its_file_and_its_collection(
    collection: int, md5: bytes, one: list[bytes], other: list[bytes]
) -> None:
    own = upload_id(collection, md5, one)
    assert len(own) == 32
    assert (own == upload_id(collection, md5, other)) is (one == other)
    assert own != upload_id(collection + 1, md5, one)
    assert own != upload_id(collection, bytes(16) if md5 != bytes(16) else bytes([1] * 16), one)
