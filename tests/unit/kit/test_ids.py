import re

from regista.kit import ids


def test_an_api_key_is_what_every_version_of_the_client_takes() -> None:
    made = {ids.api_key() for _ in range(100)}
    assert len(made) == 100
    for key in made:
        # What it does: split at the first dash; at least 40 characters behind it in 0.31, exactly 40 in 0.21.
        prefix, _, secret = key.partition("-")
        assert prefix == "rk"
        assert re.fullmatch(r"[A-Za-z0-9]{40}", secret)
