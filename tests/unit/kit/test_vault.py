import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import ConfigurationError
from regista.kit.vault import SealBrokenError, Vault

OLD, NEW, OTHER = ("old-" * 8, "new-" * 8, "other-" * 6)
VAULT = Vault(NEW)


@given(st.binary(max_size=200), st.integers(-(2**63), 2**63 - 1), st.text(max_size=40))
def test_what_is_sealed_opens_for_the_same_organization_and_purpose(
    secret: bytes, organization: int, purpose: str
) -> None:
    sealed = VAULT.seal(secret, organization_id=organization, purpose=purpose)
    assert VAULT.open(sealed, organization_id=organization, purpose=purpose) == secret


def test_the_same_secret_is_sealed_differently_each_time_and_does_not_show() -> None:
    sealed = {VAULT.seal(b"a secret of somebody", organization_id=1, purpose="webhook") for _ in range(20)}
    assert len(sealed) == 20
    assert not any(b"secret" in value for value in sealed)


@pytest.mark.parametrize(("organization", "purpose"), [(2, "webhook"), (1, "slack"), (1, "")])
def test_a_value_copied_to_another_row_does_not_open(organization: int, purpose: str) -> None:
    sealed = VAULT.seal(b"secret", organization_id=1, purpose="webhook")
    with pytest.raises(SealBrokenError):
        VAULT.open(sealed, organization_id=organization, purpose=purpose)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_no_altered_byte_goes_unnoticed(position: int, flip: int) -> None:
    sealed = bytearray(VAULT.seal(b"secret", organization_id=1, purpose="webhook"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealBrokenError):
        VAULT.open(bytes(sealed), organization_id=1, purpose="webhook")


@given(st.binary(max_size=80))
def test_no_bytes_break_the_opening_with_another_error(sealed: bytes) -> None:
    with pytest.raises(SealBrokenError):
        VAULT.open(sealed, organization_id=1, purpose="webhook")


def test_keys_rotate_without_losing_a_secret() -> None:
    sealed = Vault(OLD).seal(b"secret", organization_id=1, purpose="webhook")
    both = Vault(f"{NEW}, {OLD}")
    assert not both.is_current(sealed)
    secret = both.open(sealed, organization_id=1, purpose="webhook")
    again = both.seal(secret, organization_id=1, purpose="webhook")
    assert both.is_current(again)
    assert Vault(NEW).open(again, organization_id=1, purpose="webhook") == b"secret"
    with pytest.raises(SealBrokenError, match="REGISTA_SECRET_KEY"):
        Vault(NEW).open(sealed, organization_id=1, purpose="webhook")


@pytest.mark.parametrize("keys", ["", "short", f"{NEW},", f"{NEW},short", f"{NEW},{NEW}"])
def test_weak_or_repeated_keys_are_refused_without_being_repeated(keys: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Vault(keys)
    assert NEW not in refusal.value.message


def test_an_error_never_contains_the_secret() -> None:
    sealed = VAULT.seal(b"do-not-show", organization_id=1, purpose="webhook")
    with pytest.raises(SealBrokenError) as refusal:
        Vault(OTHER).open(sealed, organization_id=1, purpose="webhook")
    assert "do-not-show" not in str(refusal.value)
