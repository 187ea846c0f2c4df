"""Discord: an incoming webhook of a channel (execute webhook)."""

import re
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from regista.kit.errors import InvalidError
from regista.webhooks.presets.preset import Filled, NeededSecret, Parameters, Preset, Secret, Url, reference

MOST_CHARACTERS: Final = 2000
"""Of a message, as Discord counts it."""
_ROOM: Final = 500
"""Characters that what is filled in may add."""
_TOKEN: Final = re.compile(r"(?<=/webhooks/)([0-9]+)/([A-Za-z0-9_-]+)(?=$|\?)")


class Message(Parameters):
    """``url`` is the one that the channel's settings show; its token is taken out of it and kept as a secret."""

    url: Url
    token_secret: Secret = Field("DISCORD_TOKEN", description="name of the secret that holds the URL's token")
    content: Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS - _ROOM)] = (
        "**${event_type}** ${artifact_version_string} ${alias} by ${event_author}"
    )


def _fill(parameters: Message) -> Filled:
    found = _TOKEN.search(parameters.url)
    if found is None:
        raise InvalidError("the URL of a Discord webhook ends in /webhooks/NUMBER/TOKEN; copy all of it", field="url")
    url = parameters.url[: found.start(2)] + reference(parameters.token_secret) + parameters.url[found.end(2) :]
    # Names come from people: none of them may call everybody in the channel.
    payload = {"content": parameters.content, "allowed_mentions": {"parse": list[str]()}}
    return Filled(url, payload, (NeededSecret(parameters.token_secret, "the token of the webhook's URL", found[2]),))


MESSAGE = Preset("discord", "Discord: message", "Posts a message to the channel of a webhook.", Message, _fill)
