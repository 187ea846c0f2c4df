from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.blobs import Grant, LinkRefusedError, LinkSigner
from regista.kit.blobs.ranges import RangeError, parse_range

OLD, NEW = b"o" * 32, b"n" * 32
GRANT = Grant("GET", 1, "ab" * 32, "model.bin", 1000)


def signature(signer: LinkSigner, grant: Grant) -> str:
    return parse_qs(urlsplit(signer.url("http://x/blobs", grant)).query)["signature"][0]


@given(
    st.builds(
        Grant,
        st.sampled_from(["GET", "PUT"]),
        st.integers(1, 9),
        st.text("abc-0", min_size=1, max_size=4),
        st.text("ab\n/", max_size=4),
        st.integers(900, 1100),
    )
)
def test_a_signature_fits_its_own_grant_alone(other: Grant) -> None:
    signer = LinkSigner([NEW])
    text = signature(signer, GRANT)
    if other == GRANT:
        signer.check(other, text, 0)
    else:
        with pytest.raises(LinkRefusedError):
            signer.check(other, text, 0)


def test_urls_outlive_a_rotation_while_the_old_key_is_kept() -> None:
    text = signature(LinkSigner([OLD]), GRANT)
    LinkSigner([NEW, OLD]).check(GRANT, text, 1000)
    with pytest.raises(LinkRefusedError):
        LinkSigner([NEW]).check(GRANT, text, 1000)
    with pytest.raises(LinkRefusedError, match="expired 1 s ago"):
        LinkSigner([OLD]).check(GRANT, text, 1001)


@given(st.text(max_size=30).filter(str.isprintable))
def test_any_file_name_survives_the_url(name: str) -> None:
    url = urlsplit(LinkSigner([NEW]).url("http://x/blobs", GRANT._replace(filename=name)))
    assert parse_qs(url.query, keep_blank_values=True).get("filename", [""]) == [name]
    assert unquote(url.path) == f"/blobs/1/{GRANT.blob}"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("bytes=5-", (5, 100)),
        ("bytes=-7", (93, 100)),
        ("bytes=-700", (0, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-", None),
        ("bytes=9-5", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_is_read_or_passed_over(header: str | None, found: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == found


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=0-0", 0), ("bytes=-0", 100), ("bytes=-5", 0)]
)
def test_a_range_behind_the_end_is_refused(header: str, size: int) -> None:
    with pytest.raises(RangeError):
        parse_range(header, size)
