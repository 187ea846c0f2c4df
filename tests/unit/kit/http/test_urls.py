from contextlib import suppress
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.http.urls import UrlRefusedError, accept

# ASCII to its full-width twin, which IDNA maps back.
WIDE = {ord(character): ord(character) + 0xFEE0 for character in "0123456789abcdefx"}


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("http://example.com:8080/hook?a=b#c", "example.com", 8080),
        ("HTTPS://EXAMPLE.com/Hook", "example.com", 443),
        ("https://bücher.example/x", "xn--bcher-kva.example", 443),
        ("https://hooks_1.internal-name.example./", "hooks_1.internal-name.example.", 443),
        ("https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700::1111]:444/", "2606:4700::1111", 444),
        ("https://example.com/~user@host/%20", "example.com", 443),
        ("https://1password.example/", "1password.example", 443),
    ],
)
def test_an_ordinary_url_is_accepted_as_it_is(url: str, host: str, port: int) -> None:
    parsed = accept(url)
    assert (parsed.raw_host, parsed.port) == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "unix:///run/docker.sock",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user@example.com",
        "http://user:secret@example.com",
        "http://@example.com",
        "http://example.com:0",
        "http://example.com:65536",
        "http://example.com:-1",
        "http://example.com:port",
        "http://exa mple.com",
        "http://example.com/a b",
        "http://example.com\r\nX: y",
        "http://example.com\t",
        "http://example.com\\@127.0.0.1/",
        "http://127.0.0.1%2f@example.com",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[2606:4700::1%1]/",
        "http://[v1.fe80]/",
        "http://[127.0.0.1]/",
        "http://-dash.example/",
        "http://a..example/",
        "http://exa$mple.com/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://example.com/" + "a" * 2048,
        # numeric hosts that are not four decimal numbers
        "http://127.1",
        "http://127.0.1",
        "http://0",
        "http://2130706433",
        "http://017700000001",
        "http://0177.0.0.1",
        "http://0x7f.1",
        "http://0x7f000001",
        "http://0x7F.0x0.0x0.0x1",
        "http://127.0.0.0x1",
        "http://0x",
        "http://127.0.0.1.",
        "http://8.8.8.8.",
        "http://8.8.2056",
        "http://08.8.8.8",
        "http://256.1.1.1",
        "http://1.2.3.4.5",
        "http://name.1",
        # full-width and circled digits, ideographic full stops
        f"http://{'127'.translate(WIDE)}.0.0.1",
        "http://127。0。0。1",
        "http://①②⑦.⓪.⓪.①",
        f"http://{'8.8.8.8'.translate(WIDE)}",
        f"http://{'2130706433'.translate(WIDE)}",
        f"http://{'0x7f'.translate(WIDE)}.1",
    ],
)
def test_an_ambiguous_or_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefusedError):
        accept(url, [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://10.0.0.1:8080/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[fd00::1]/",
        "http://[FE80::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
    ],
)
def test_a_literal_of_a_forbidden_address_is_refused_at_save(url: str) -> None:
    with pytest.raises(UrlRefusedError, match="REGISTA_WEBHOOK_ALLOWED_NETWORKS"):
        accept(url)


def test_an_allowed_network_opens_its_literals() -> None:
    assert accept("http://10.1.2.3/", [ip_network("10.1.0.0/16")]).raw_host == "10.1.2.3"
    with pytest.raises(UrlRefusedError):
        accept("http://10.2.0.1/", [ip_network("10.1.0.0/16")])


@given(st.ip_addresses(v=4), st.data())
def test_no_spelling_of_an_address_but_the_canonical_one_is_accepted(address: IPv4Address, data: st.DataObject) -> None:
    number, octets = int(address), address.packed
    spellings = [
        str(number),
        hex(number),
        f"0{number:o}",
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"{octets[0]}.{octets[1]}.{number & 0xFFFF}",
        ".".join(hex(octet) for octet in octets),
        ".".join(f"0{octet:o}" for octet in octets),
        str(address).translate(WIDE),
        str(address).replace(".", "。"),
        f"{address}.",
    ]
    spelled = data.draw(st.sampled_from(spellings))
    with pytest.raises(UrlRefusedError):
        accept(f"http://{spelled}/", [ip_network("0.0.0.0/0")])


@given(st.text(max_size=60) | st.text(max_size=40).map("http://{}/x".format))
def test_any_text_is_accepted_or_refused_but_never_breaks(text: str) -> None:
    with suppress(UrlRefusedError):
        parsed = accept(text)
        assert parsed.scheme in {"http", "https"}
        assert parsed.raw_user is None
        assert (parsed.raw_host or "").isascii()
