import pytest

from regista.effects.urls import check_url, dialled
from regista.kit.errors import InvalidError


@pytest.mark.parametrize(
    "url",
    ["https://a.example/", "https://a.example/x/${secret.A}", "https://a.example:1/?a=${secret.A}&b=${secret.B}#c"],
)
def test_a_url_may_hold_secrets_behind_its_host(url: str) -> None:
    check_url(url, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://${secret.A}/",
        "https://${secret.A}.example/",
        "https://a.example:${secret.A}/",
        "https://u:${secret.A}@a.example/",
        "${secret.A}://a.example/",
        "${secret.A}",
        "https://a.example/${A}",
        "https://a.example/${secret.A",
        "https://10.0.0.1/${secret.A}",
        "https://a.example${secret.A}",
    ],
)
def test_a_secret_cannot_say_where_it_goes(url: str) -> None:
    with pytest.raises(InvalidError):
        check_url(url, ())


def test_a_value_is_a_part_of_the_path_or_query_whatever_it_holds() -> None:
    values = {"A": "a b?c#d\n${secret.B}", "B": "%2B+=/"}
    assert dialled("https://a.example/${secret.A}", values) == "https://a.example/a%20b%3Fc%23d%0A%24%7Bsecret.B%7D"
    assert dialled("https://a.example/?s=${secret.B}", values) == "https://a.example/?s=%2B+=/"
    assert dialled("https://a.example/", {}) == "https://a.example/"
    with pytest.raises(KeyError):
        dialled("https://a.example/${secret.C}", values)
