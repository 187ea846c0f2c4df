from typing import Annotated

import pytest
from pydantic import BaseModel, StringConstraints, ValidationError

from regista.automations.secrets.api import NewSecret
from regista.kit.bodies import Rule


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
