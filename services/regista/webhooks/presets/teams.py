"""Microsoft Teams: a Workflows webhook ("when a Teams webhook request is received"), which posts an Adaptive Card."""

import re
from typing import Annotated, Final

from pydantic import Field

from regista.kit.errors import InvalidError
from regista.webhooks.presets.preset import (
    VARIABLES,
    Filled,
    Line,
    NeededSecret,
    Parameters,
    Preset,
    Secret,
    Url,
    reference,
)

_SIGNATURE: Final = re.compile(r"(?<=[?&]sig=)[^&#]+")


class Card(Parameters):
    """``url`` is the one that the workflow shows; its signature is taken out of it and kept as a secret.

    Title and facts are texts: ``${string(artifact.version_index)}`` for what is none.
    """

    url: Url
    signature_secret: Secret = Field("TEAMS_SIGNATURE", description="name of the secret that holds the URL's `sig`")
    title: Line = "${event_type}: ${artifact_version_string}"
    facts: Annotated[dict[Line, Line], Field(max_length=20)] = Field(
        default_factory=lambda: {
            "Collection": VARIABLES["collection"],
            "Alias": VARIABLES["alias"],
            "Project": f"{VARIABLES['entity']}/{VARIABLES['project']}",
            "By": VARIABLES["author"],
        }
    )


def _fill(parameters: Card) -> Filled:
    found = _SIGNATURE.search(parameters.url)
    if found is None:
        raise InvalidError("the URL of a Teams workflow has a signature, `sig=…`; copy all of it", field="url")
    url = f"{parameters.url[: found.start()]}{reference(parameters.signature_secret)}{parameters.url[found.end() :]}"
    facts = [{"title": title, "value": value} for title, value in parameters.facts.items()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": parameters.title, "size": "medium", "weight": "bolder", "wrap": True},
            {"type": "FactSet", "facts": facts},
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    signature = NeededSecret(parameters.signature_secret, "the signature of the workflow's URL", found[0])
    return Filled(url, {"type": "message", "attachments": [attachment]}, (signature,))


CARD = Preset(
    "microsoft-teams",
    "Microsoft Teams: message",
    "Posts a card to the channel of a workflow that waits for webhook requests.",
    Card,
    _fill,
)
