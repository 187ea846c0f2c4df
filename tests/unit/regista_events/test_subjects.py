import pytest
from pydantic import ValidationError

from regista_events import ArtifactSnapshot, Change, EndpointSnapshot, sample


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://user:word@ci.example.com:8443/hook?token=t#f", "https://ci.example.com:8443/hook"),
        ("https://a@b:p@ci.example.com/", "https://ci.example.com/"),
        ("http://[2001:db8::1]:80/x?y", "http://[2001:db8::1]:80/x"),
        ("https://ci.example.com/hook", "https://ci.example.com/hook"),
    ],
)
def test_an_endpoint_keeps_no_credentials_of_its_url(url: str, kept: str) -> None:
    assert EndpointSnapshot(id=1, name="ci", url=url).url == kept


@pytest.mark.parametrize("version", ["3", "v", "v-1", "v03", "v3\n", "latest", "v3 "])
def test_a_version_is_v_and_an_index(version: str) -> None:
    fields = sample("alias.added").data.artifact.model_dump()
    with pytest.raises(ValidationError):
        ArtifactSnapshot.model_validate({**fields, "version": version})
    assert ArtifactSnapshot.model_validate({**fields, "version": "v0"}).version == "v0"


def test_a_change_is_written_as_from_and_to_and_read_by_either_name() -> None:
    change = Change[str](from_="member", to="admin")
    assert change.model_dump_json() == '{"from":"member","to":"admin"}'
    assert Change[str].model_validate_json(change.model_dump_json()) == change
