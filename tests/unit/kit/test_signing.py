import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from regista.kit.clock import now
from regista.kit.signing import (
    HmacKey,
    KeyRefusedError,
    PrivateKey,
    PublicKey,
    parse_signing_key,
    signature_headers,
    verify,
    wandb_signature,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, SENT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
KEY = HmacKey.parse(SECRET)


def test_v1_is_the_known_answer_of_the_specification() -> None:
    assert KEY.sign(MESSAGE, SENT, BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_v1a_is_the_known_answer_of_svix() -> None:
    signature = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    key = PrivateKey.parse(PRIVATE)
    assert key.public().written() == PUBLIC
    assert key.sign(MESSAGE, SENT, BODY) == signature


def test_wandb_signs_the_body_with_the_secret_as_typed() -> None:
    expected = hmac.new(b"a-secret", BODY, hashlib.sha256).digest()
    assert base64.b64decode(wandb_signature("a-secret", BODY)) == expected


@given(st.integers(24, 64), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_the_public_library_verifies_what_is_signed(size: int, text: str) -> None:
    key, sent = HmacKey.generate(size), int(now().timestamp())
    headers = signature_headers([key], "0190b6d1-0000", sent, text.encode())
    Webhook(key.written()).verify(text, headers, json_parse=False)
    assert verify(headers, text.encode(), [key], sent)


def test_every_live_key_signs_and_either_is_enough() -> None:
    new, old, private = HmacKey.generate(), HmacKey.generate(), PrivateKey.generate()
    headers = signature_headers([new, old, private], MESSAGE, SENT, BODY)
    assert headers["webhook-signature"].count(" ") == 2
    for key in (new, old, private.public()):
        assert verify(headers, BODY, [key], SENT)
        assert verify(headers, BODY, [HmacKey.generate(), key], SENT)
    assert not verify(headers, BODY, [HmacKey.generate(), PrivateKey.generate().public()], SENT)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_clock_within_five_minutes_is_accepted(off: int) -> None:
    assert verify(signature_headers([KEY], MESSAGE, SENT, BODY), BODY, [KEY], SENT + off)


@pytest.mark.parametrize("off", [-301, 301, 86400])
def test_a_message_too_old_or_from_the_future_is_refused(off: int) -> None:
    assert not verify(signature_headers([KEY], MESSAGE, SENT, BODY), BODY, [KEY], SENT + off)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body"])
def test_every_signed_part_is_bound(changed: str) -> None:
    headers = signature_headers([KEY], MESSAGE, SENT, BODY)
    body = BODY + b" " if changed == "body" else BODY
    if changed in headers:
        headers[changed] = "msg_other" if changed == "webhook-id" else str(SENT + 1)
    assert not verify(headers, body, [KEY], SENT)


HEADER = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "v1", "v1,", ",", "v1,%%%", "v1a,AAAA", "v1,AA==", " ", "v1,é", "-1", "1e9", "9" * 5000, "١٦"]
    ),
)


@given(HEADER, HEADER, HEADER, st.binary(max_size=20))
def test_no_malformed_header_breaks_the_verifier_or_passes_it(
    message: str, sent: str, signature: str, body: bytes
) -> None:
    headers = {"Webhook-Id": message, "Webhook-Timestamp": sent, "Webhook-Signature": signature}
    assert verify(headers, body, [KEY, PublicKey.parse(PUBLIC)], SENT) is False
    assert verify({**headers, "Webhook-Timestamp": str(SENT)}, body, [KEY, PublicKey.parse(PUBLIC)], SENT) is False
    assert verify({}, body, [KEY], SENT) is False


def test_header_names_match_in_any_case_and_unknown_versions_are_passed_over() -> None:
    headers = {name.title(): value for name, value in signature_headers([KEY], MESSAGE, SENT, BODY).items()}
    headers["Webhook-Signature"] = f"v9,AAAA nonsense {headers['Webhook-Signature']}"
    assert verify(headers, BODY, [KEY], SENT)


def test_a_message_id_with_a_dot_is_refused_because_it_would_blur_the_parts() -> None:
    with pytest.raises(ValueError, match="dot"):
        signature_headers([KEY], "a.1", SENT, BODY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "whsec_",
        "whsec_!!!!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsk_" + base64.b64encode(b"x" * 31).decode(),
        "whsk_" + base64.b64encode(b"x" * 64).decode(),
        "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    ],
)
def test_a_key_that_cannot_sign_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(KeyRefusedError) as refusal:
        parse_signing_key(text)
    assert len(text) < 10 or text not in refusal.value.message


def test_keys_are_read_back_as_they_are_written() -> None:
    key, private = HmacKey.generate(), PrivateKey.generate()
    assert len(base64.b64decode(key.written().removeprefix("whsec_"))) == 32
    assert HmacKey.parse(key.written()).sign(MESSAGE, SENT, BODY) == key.sign(MESSAGE, SENT, BODY)
    assert PrivateKey.parse(private.written()).written() == private.written()
    assert PublicKey.parse(private.public().written()).written() == private.public().written()
    assert isinstance(parse_signing_key(private.written()), PrivateKey)
