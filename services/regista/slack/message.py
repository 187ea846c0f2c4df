"""A message as Slack takes it, within its limits whatever is to be said. Pure.

Sources: Slack, "Block Kit reference" (header, section, context), "chat.postMessage" (text), "Message metadata";
messages whose blocks come to more than about 13,000 characters are refused (``msg_blocks_too_long``), which no page says.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from regista.automations.language.seen import Seen
from regista.automations.payloads.inserted import in_mrkdwn

LONGEST_TITLE: Final = 150
"""Characters of a header block."""
LONGEST_PART: Final = 2700
"""Characters of a section block, which may have 3,000: two of quotes alone, each escaped in JSON, still fit."""
MOST_PARTS: Final = 2
"""Sections of one message; what is longer is cut."""
LONGEST_CONTEXT: Final = 250
"""Characters of the subject, and of the author, once they are escaped."""
CUT: Final = "…"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
EMOJI: Final[Mapping[str, str]] = {"info": ":information_source:", "warn": ":warning:", "error": ":rotating_light:"}
"""By the severity that an action has."""


class Words(NamedTuple):
    """What is to be said: a plain title, a text in mrkdwn, and how bad it is (``info``, ``warn``, ``error``)."""

    title: str = ""
    text: str = ""
    severity: str | None = None


def message_of(words: Words, seen: Seen) -> dict[str, Any]:
    """Return the message about an event, without the channel; one that has nothing to say tells the event.

    ``text`` is what notifications show; blocks are what is read.
    """
    from slack_sdk.models.blocks import ContextBlock, HeaderBlock, MarkdownTextObject, SectionBlock  # noqa: PLC0415 - 8 MB

    title, text = _printable(words.title), _printable(words.text)
    if not title and not text:
        text = told(seen)
    blocks: list[Any] = []
    if title:
        blocks.append(HeaderBlock(text=_shortened(" ".join(title.split()), LONGEST_TITLE)))
    blocks += [SectionBlock(text=MarkdownTextObject(text=part)) for part in _parts(text)]
    blocks.append(ContextBlock(elements=[MarkdownTextObject(text=_context(words.severity, seen))]))
    return {
        "text": _shortened(in_mrkdwn(title) or text, LONGEST_PART),
        "blocks": [block.to_dict() for block in blocks],
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {
            "event_type": "regista_event",
            "event_payload": {"id": str(seen.event.id), "type": seen.event.type},
        },
    }


def told(seen: Seen) -> str:
    """Return an event in a sentence, in mrkdwn."""
    who = seen.author or seen.event.actor
    return f"*{in_mrkdwn(seen.event.short_type)}*: {in_mrkdwn(seen.event.subject)}, by {in_mrkdwn(who)}"


def _printable(text: str) -> str:
    """Return a text without control characters, each of which takes six in JSON."""
    return _CONTROL.sub(" ", text).strip()


def _context(severity: str | None, seen: Seen) -> str:
    said = [EMOJI[severity]] if severity is not None else []
    said += [f"`{seen.event.short_type}`", _shortened(in_mrkdwn(seen.event.subject), LONGEST_CONTEXT)]
    said.append(f"by {_shortened(in_mrkdwn(seen.author or seen.event.actor), LONGEST_CONTEXT)}")
    return " · ".join(said)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else _whole(text[: most - len(CUT)]) + CUT


def _whole(text: str) -> str:
    """Return the start of a text without the part of an escape (``&amp;``) or of a link that a cut left at its end."""
    for opening, closing in (("&", ";"), ("<", ">")):
        begun = text.rfind(opening)
        if begun > text.rfind(closing) and begun > 0:
            text = text[:begun]
    return text


def _parts(text: str) -> list[str]:
    """Return a text in parts that fit into sections, parted at the ends of lines or words where there are any."""
    parts: list[str] = []
    while text and len(parts) < MOST_PARTS:
        if len(text) <= LONGEST_PART or len(parts) == MOST_PARTS - 1:
            parts.append(_shortened(text, LONGEST_PART))
            break
        start = text[:LONGEST_PART]
        end = max(start.rfind("\n"), start.rfind(" "))
        part = start[:end] if end > LONGEST_PART // 2 else _whole(start)
        parts.append(part)
        text = text[len(part) :].lstrip()
    return [part for part in parts if part.strip()]
