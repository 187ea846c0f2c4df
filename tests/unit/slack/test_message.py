import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations.language.seen import Seen
from regista.automations.payloads.frozen import encoded
from regista.automations.payloads.inserted import in_mrkdwn
from regista.automations.payloads.templates import Template
from regista.slack.message import EMOJI, Words, message_of
from tests.support.definitions import event_at
from tests.support.slack import Posted, check_message

HOSTILE = st.text(st.characters() | st.sampled_from("<>&!@#*_`\n🎉\ud800"), max_size=60)
LONG = st.tuples(st.text(min_size=1, max_size=20), st.integers(0, 2000)).map(lambda parts: parts[0] * parts[1])


def seen(**metadata: Any) -> Seen:
    return Seen(event_at("alias.added", data={"artifact": {"metadata": metadata}}))


def posted(words: Words, on: Seen | None = None) -> Posted:
    """Return the message as Slack takes it; raises what Slack would not take."""
    document = json.loads(encoded(json.dumps(message_of(words, on or seen()), ensure_ascii=False)))
    check_message(document)
    return Posted("C0000000001", document, 0.0)


@given(HOSTILE | LONG, HOSTILE | LONG, st.sampled_from([None, *EMOJI]))
def test_whatever_is_to_be_said_slack_takes_the_message(title: str, text: str, severity: str | None) -> None:
    said = posted(Words(title, text, severity))
    assert len(said.title) <= 150
    assert said.message["text"]


@given(st.text(st.sampled_from("<>&!@|ab \n"), max_size=200).map(lambda text: text * 40))
def test_what_an_event_says_mentions_nobody_wherever_it_is_cut(said: str) -> None:
    on = seen(said=said)
    template = Template({"title": "${artifact_metadata.said}", "text": "*${artifact_metadata.said}*"})
    rendered = template.message("deploy", on)
    message = posted(Words(rendered.title, rendered.text), on)
    for marked in (message.body, message.context, message.message["text"]):
        assert not set("<>") & set(marked)
        assert re.sub(r"&(amp|lt|gt);", "", marked).count("&") == 0


@pytest.mark.parametrize("mark", ['"', "\\", "&", "<", "\n", "x"])
def test_a_message_full_of_what_takes_the_most_room_is_still_one_that_slack_takes(mark: str) -> None:
    on = seen()
    on.author = mark * 300
    posted(Words(mark * 200, in_mrkdwn(mark) * 20_000, "error"), on)


def test_a_long_text_is_parted_at_the_ends_of_words_and_cut_with_a_mark() -> None:
    words = [f"word{number}" for number in range(2_000)]
    said = posted(Words(text=" ".join(words)))
    parts = [block["text"]["text"] for block in said.message["blocks"] if block["type"] == "section"]
    assert len(parts) == 2
    assert parts[-1].endswith("…")
    shown = " ".join(parts).removesuffix("…").split()
    assert shown[:-1] == words[: len(shown) - 1]


@pytest.mark.parametrize(
    ("severity", "emoji"), [(None, ""), ("info", ":information_source:"), ("error", ":rotating_light:")]
)
def test_below_stands_what_happened_to_what_by_whom_and_how_bad_it_is(severity: str | None, emoji: str) -> None:
    on = seen()
    on.author = "ann <script>"
    said = posted(Words("Deploying", "v3 is *live*", severity), on)
    assert (said.title, said.body) == ("Deploying", "v3 is *live*")
    assert said.context.startswith(emoji)
    assert said.context.endswith(f"`alias.added` · {on.event.subject} · by ann &lt;script&gt;")
    assert said.message["text"] == "Deploying"
    assert said.message["metadata"]["event_payload"] == {"id": str(on.event.id), "type": "dev.regista.alias.added"}


def test_a_message_with_nothing_to_say_tells_the_event() -> None:
    on = seen()
    said = posted(Words(" ", "\n"), on)
    assert said.body == said.message["text"] == f"*alias.added*: {on.event.subject}, by {on.event.actor}"
