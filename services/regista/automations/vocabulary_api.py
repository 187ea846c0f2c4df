"""The words of conditions and templates over REST: what an editor of automations completes and explains."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.automations.language.complaints import FUNCTIONS
from regista.automations.language.vocabulary import Vocabulary, vocabulary
from regista.automations.triggers import parse_events
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter

router = ActionRouter(responses=PROBLEMS)


class WordShape(BaseModel):
    """A variable.

    ``type`` is what CEL knows it as: `string`, `int`, `bool`, `double`, `timestamp`, `list(…)`, `map(string, …)`, or `dyn`
    for what is known when it is read. ``kind`` is what it is when it is not null, `object` where ``members`` may follow its
    name behind a dot; ``members`` null: anything may.
    """

    name: str
    type: str
    nullable: bool
    kind: str
    members: list[str] | None


class VocabularyShape(BaseModel):
    """The variables of an event type, by name, and the functions and macros of CEL."""

    event: str
    words: list[WordShape]
    functions: list[str]


@router.read("/vocabulary", action=Action.AUTOMATION_READ, response_model=VocabularyShape)
async def get_vocabulary(
    call: Call,
    event: Annotated[str, Query(max_length=200, description="an event type, such as `alias.added`")],
) -> Response:
    """Return the words that conditions and templates on an event type may use."""
    shown = _shape(vocabulary(parse_events([event])[0]))

    async def query(_tx: Transaction) -> VocabularyShape:
        return shown

    return await call.answer(query)


def _shape(words: Vocabulary) -> VocabularyShape:
    return VocabularyShape(
        event=words.event_type,
        words=[
            WordShape(
                name=name,
                type=word.type,
                nullable=word.nullable,
                kind=word.kind,
                members=None if word.members is None else sorted(word.members),
            )
            for name, word in sorted(words.words.items())
        ],
        functions=sorted(FUNCTIONS),
    )
