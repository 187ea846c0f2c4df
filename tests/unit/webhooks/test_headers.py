import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.webhooks.errors import HeaderRefusedError
from regista.webhooks.headers import MAX_VALUE, MOST, check_headers


def test_ordinary_headers_are_taken_as_they_are() -> None:
    headers = {"X-Api-Key": "abc def\tg", "Authorization": "token x", "X-Empty": "", "Content-Type": "application/json"}
    assert check_headers(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "HOST",
        "Content-Length",
        "webhook-id",
        "Webhook-Anything",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Traceparent",
        "tracestate",
        "Upgrade",
        "Proxy-Authorization",
        "Expect",
        "Regista-Replayed",
        "X-Wandb-Signature",
        "",
        "two words",
        "a:b",
        "x\r\nHost",
        "naïve",
        "x" * 101,
    ],
)
def test_headers_of_the_connection_and_the_signature_and_what_is_no_name_are_refused(name: str) -> None:
    with pytest.raises(HeaderRefusedError):
        check_headers({name: "value"})


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\x00b", " qq", "qq ", "ä", "a\x7f", "x" * (MAX_VALUE + 1)])
def test_values_that_no_client_would_send_are_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(HeaderRefusedError) as refused:
        check_headers({"X-Key": value})
    assert "X-Key" in refused.value.message
    assert value not in refused.value.message


def test_a_name_counts_once_whatever_its_case_and_their_number_is_bounded() -> None:
    with pytest.raises(HeaderRefusedError):
        check_headers({"X-A": "1", "x-a": "2"})
    with pytest.raises(HeaderRefusedError):
        check_headers({f"X-{number}": "1" for number in range(MOST + 1)})


@given(st.text(max_size=20), st.text(max_size=20))
def test_what_is_taken_can_stand_in_a_message(name: str, value: str) -> None:
    try:
        check_headers({name: value})
    except HeaderRefusedError:
        return
    line = f"{name}: {value}"
    assert line.isascii()
    assert "\r" not in line
    assert "\n" not in line
    assert not name.lower().startswith("webhook-")
