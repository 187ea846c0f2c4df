"""A test of a channel: a message is posted now, and told what came back. Nothing is stored."""

from typing import NamedTuple

from regista.automations.language.seen import Seen
from regista.kit import clock, ids
from regista.kit.http import GuardedClient
from regista.slack.message import Words, message_of
from regista.slack.routes import ChannelRoute
from regista.slack.sender import say, without_secrets
from regista_events import sample

_SAMPLE = "alias.added"


class Result(NamedTuple):
    """What came of it: the code of an error or None, milliseconds, the start of Slack's answer."""

    error: str | None
    ms: float
    body: str


async def try_channel(
    client: GuardedClient,
    api: str,
    route: ChannelRoute,
    words: Words,
    *,
    organization: str,
    author: str,
    public_url: str,
) -> Result:
    """Post the words as an action's message about a sample event would be. Call outside any transaction.

    Words that say nothing say that this is a test.
    """
    if not words.title.strip() and not words.text.strip():
        words = words._replace(title="A test of this channel", text="Automations post what they have to say here.")
    event = sample(_SAMPLE, organization, event_id=ids.uuid7(), time=clock.now(), public_url=public_url)
    seen = Seen(event)
    seen.author = author
    said = await say(client, api, route, message_of(words, seen))
    text = without_secrets(said.answer.shown(), route).decode(errors="replace")
    return Result(said.error, round(said.answer.seconds * 1000, 1), text)
