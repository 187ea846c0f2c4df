import base64
import hmac
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from regista.kit.signing import HmacKey, PrivateKey, verify
from regista.webhooks.request import AGENT, CONTENT_TYPE, PAYLOAD_TYPE, Route

BODY = b'{"specversion":"1.0"}'
STAMP = 1_614_265_330


def route(*keys: HmacKey | PrivateKey, **options: object) -> Route:
    return Route("https://example.com/", 15.0, keys, **({"extra": {}} | options))  # type: ignore[arg-type]


def test_every_live_key_signs_the_newest_first_and_any_of_them_verifies() -> None:
    newest, older, curve = HmacKey.generate(), HmacKey.generate(), PrivateKey.generate()
    headers = route(newest, older, curve).headers("msg", STAMP, BODY)
    parts = headers["webhook-signature"].split(" ")
    assert [part.partition(",")[0] for part in parts] == ["v1", "v1", "v1a"]
    assert parts[0] == newest.sign("msg", STAMP, BODY)
    for key in (newest, older, curve.public()):
        assert verify(headers, BODY, [key], STAMP)


def test_the_reference_implementation_accepts_what_is_sent_now() -> None:
    key = HmacKey.generate()
    headers = route(key).headers("msg", int(datetime.now(UTC).timestamp()), BODY)  # noqa: TID251 - the library reads the real clock
    assert Webhook(key.written()).verify(BODY.decode(), headers) == {"specversion": "1.0"}


def test_the_body_is_announced_as_a_cloudevent_unless_the_owner_says_otherwise() -> None:
    plain = route(HmacKey.generate()).headers("msg", STAMP, BODY)
    assert (plain["Content-Type"], plain["User-Agent"]) == (CONTENT_TYPE, AGENT)
    assert "Authorization" not in plain
    assert "Regista-Replayed" not in plain
    own = route(HmacKey.generate(), extra={"content-type": "application/json", "X-A": "b"}).headers("m", STAMP, BODY)
    assert own["content-type"] == "application/json"
    assert "Content-Type" not in own
    assert own["X-A"] == "b"


def test_a_payload_is_announced_as_json_unless_the_owner_says_otherwise() -> None:
    assert route(HmacKey.generate()).headers("m", STAMP, BODY, payload=True)["Content-Type"] == PAYLOAD_TYPE
    own = route(HmacKey.generate(), extra={"Content-Type": "text/plain"}).headers("m", STAMP, BODY, payload=True)
    assert own["Content-Type"] == "text/plain"


def test_a_receiver_can_say_what_it_was_told_by_and_goes_on_with_the_trace() -> None:
    headers = route(HmacKey.generate()).headers("m", STAMP, BODY, traceparent="00-trace")
    assert (headers["tracestate"], headers["traceparent"]) == ("regista=m", "00-trace")
    assert "traceparent" not in route(HmacKey.generate()).headers("m", STAMP, BODY)


def test_what_comes_back_is_kept_without_the_secrets_that_were_sent() -> None:
    made = route(HmacKey.generate(), access_token="t0ken", secrets=['qu"ote', "abc"])
    echoed = b'{"a": "t0ken qu\\"ote", "b": "key value"} qu"ote abc'
    assert made.without_secrets(echoed, ["key value"]) == b'{"a": "*** ***", "b": "***"} *** abc'
    assert made.without_secrets(b"") == b""


def test_wandb_receivers_get_their_signature_and_token() -> None:
    key = HmacKey.generate()
    headers = route(key, access_token="t0ken", wandb_secret=key.written()).headers("msg", STAMP, BODY)
    expected = base64.b64encode(hmac.digest(key.written().encode(), BODY, "sha256")).decode()
    assert headers["X-Wandb-Signature"] == expected
    assert headers["Authorization"] == "Bearer t0ken"


def test_a_replay_says_so() -> None:
    assert route(HmacKey.generate()).headers("m", STAMP, BODY, replayed=True)["Regista-Replayed"] == "true"


@given(st.binary(max_size=200), st.uuids(), st.integers(0, 2**33))
def test_no_message_changes_what_the_next_one_is_sent_with(body: bytes, message: object, stamp: int) -> None:
    key = HmacKey(b"k" * 32)
    one = route(key, extra={"X-A": "b"})
    fresh = route(key, extra={"X-A": "b"})
    one.headers("other", 5, b"other", replayed=True)
    assert one.headers(str(message), stamp, body) == fresh.headers(str(message), stamp, body)
