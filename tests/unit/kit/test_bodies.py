import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, StringConstraints, ValidationError

from regista.automations.secrets.api import NewSecret
from regista.kit.bodies import Body, Part, Rule


class Named(BaseModel):
    name: Annotated[str, StringConstraints(pattern="^[a-z]{1,9}$"), Rule("use 1 to 9 small letters")]


def test_a_text_that_breaks_its_rule_is_told_with_the_value_and_the_rule_in_words() -> None:
    with pytest.raises(ValidationError) as refused:
        Named(name="MNIST{}")
    assert refused.value.errors()[0]["msg"] == "'MNIST{}' does not fit: use 1 to 9 small letters"
    assert Named(name="mnist").name == "mnist"


def test_what_is_no_text_is_told_as_such() -> None:
    with pytest.raises(ValidationError, match="valid string"):
        Named.model_validate({"name": 7})


def test_the_rule_leaves_the_pattern_in_the_json_schema() -> None:
    assert Named.model_json_schema()["properties"]["name"]["pattern"] == "^[a-z]{1,9}$"


def test_a_secret_is_never_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        NewSecret(name="TOKEN", value="geheim-ü")
    told = refused.value.errors(include_input=False)[0]["msg"]
    assert told.startswith("this value does not fit: use 1 to 4,096 characters of ASCII")
    assert "geheim" not in told


class Inner(Part):
    seconds: float | None = None
    payload: dict[str, Any] | None = None


class Outer(Body):
    name: str | None = None
    texts: dict[str, str] | None = None
    count: int | None = None
    metadata: Annotated[dict[str, Any] | None, "free"] = None
    inner: list[Inner] | None = None


@pytest.mark.parametrize("number", ["NaN", "1e400", "-Infinity"])
@pytest.mark.parametrize(
    "body", ['{"name": %s}', '{"texts": {"a": %s}}', '{"count": %s}', '{"inner": [{"seconds": %s}]}']
)
def test_a_number_that_is_none_is_refused_where_a_text_or_a_number_is_asked_for(body: str, number: str) -> None:
    with pytest.raises(ValidationError):
        Outer.model_validate(json.loads(body % number))


def test_numbers_that_are_none_become_their_names_where_any_json_may_stand() -> None:
    given = json.loads('{"metadata": {"a": NaN, "b": [1e400]}, "inner": [{"payload": {"c": {"d": -Infinity}}}]}')
    body = Outer.model_validate(given)
    assert body.metadata == {"a": "NaN", "b": ["Infinity"]}
    assert body.inner == [Inner(payload={"c": {"d": "-Infinity"}})]


@pytest.mark.parametrize("text", ["a\x00", "\ud800"])
def test_texts_that_cannot_be_stored_are_refused_wherever_they_stand(text: str) -> None:
    for body in ({"name": text}, {"metadata": {"a": [text]}}, {"inner": [{"payload": {text: 1}}]}):
        with pytest.raises(ValidationError, match="cannot be stored"):
            Outer.model_validate(body)
