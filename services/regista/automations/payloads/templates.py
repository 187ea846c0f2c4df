"""Templates of payloads and messages: texts with ``${…}``, filled in from an event. Pure.

A placeholder holds a variable of W&B (`variables`), ``ACCESS_TOKEN``, a secret (``secret.NAME`` or ``NAME``, where that is
no word of the event), or a CEL expression over the words of the event. A JSON text that is one placeholder takes the
value's own type; inside a longer text, and in the name of a member, the value is inserted as text. Two names that come
to the same both stand, and most readers take the last.

It is rendered once, in one pass: what is data is never read again, whatever it looks like. What has no value is ``""``
and is reported.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regista.automations.errors import TemplateError
from regista.automations.language.seen import Seen
from regista.automations.payloads.checks import Checks
from regista.automations.payloads.compiling import ABSENT, Compiler, Insert, Mention, Reference, Secret, Segment
from regista.automations.payloads.frozen import Frozen, Hole
from regista.automations.payloads.inserted import as_json, as_mrkdwn, as_text
from regista.automations.payloads.variables import AUTHOR
from regista.kit.bodies import MAX_DEPTH, check_json

if TYPE_CHECKING:
    from regista.automations.matching import Action

LONGEST: Final = 64 * 1024
"""Bytes of a payload as it is written."""
LARGEST: Final = 1024 * 1024
"""Bytes of a payload as it is rendered, without its secrets."""
MOST: Final = 200
"""Different placeholders of one action."""
SLOWEST: Final = 1.0
"""Seconds that a payload may take, of the processor; one that takes more is not tried again."""
TOO_LARGE: Final = "payload_too_large"
TOO_SLOW: Final = "payload_too_slow"
UNFIT: Final = "invalid_template"
"""Why there is no payload: `Frozen.error`. A template may be unfit when it was saved by another version."""

_PAYLOAD = "payload"
_MARKUP: Final = "text"
MESSAGES: Final = ("title", _MARKUP)
"""The settings of an action that are texts of a message."""


class Message(NamedTuple):
    """What a message says, ``""`` for a text that its action does not have.

    ``missing`` are the expressions that had no value, ``error`` is why a text could not be filled in: it is empty then.
    """

    title: str = ""
    text: str = ""
    missing: tuple[str, ...] = ()
    error: str | None = None


class Template:
    """The templates of one action of a revision, each compiled for an event type when the first such event comes."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._compiled: dict[tuple[str, str], list[Segment]] = {}
        self._is_slow = False
        self.says_author = AUTHOR in json.dumps(settings)
        """Whether it may say who caused an event, by name: see `authors.name_authors`."""

    def payload(self, automation: str, seen: Seen) -> Frozen:
        """Return the payload for an event of a type that it was checked against; ``automation`` is a name."""
        return self._filled(_PAYLOAD, automation, seen)

    def message(self, automation: str, seen: Seen) -> Message:
        """Return the texts for an event.

        ``title`` is plain, ``text`` is Slack's mrkdwn as its author wrote it: what events say in it is escaped, so that
        it mentions nobody and forges no link.
        """
        given = [name for name in MESSAGES if self._settings.get(name) is not None]
        filled = {name: self._filled(name, automation, seen) for name in given}
        return Message(
            **{name: json.loads(each.body) for name, each in filled.items() if each.body},
            missing=tuple(dict.fromkeys(text for each in filled.values() for text in each.missing)),
            error=next((each.error for each in filled.values() if each.error is not None), None),
        )

    def _filled(self, setting: str, automation: str, seen: Seen) -> Frozen:
        if self._is_slow:
            return Frozen(b"", error=TOO_SLOW)
        try:
            segments = self._segments(setting, seen)
        except TemplateError:
            return Frozen(b"", error=UNFIT)
        frozen = _render(segments, seen, automation, as_mrkdwn if setting == _MARKUP else as_text)
        self._is_slow = frozen.error == TOO_SLOW
        return frozen

    def _segments(self, setting: str, seen: Seen) -> list[Segment]:
        key = setting, seen.event.type
        if key not in self._compiled:
            compiler = Compiler(seen.event.type)
            compile_one = compiler.document if setting == _PAYLOAD else compiler.message
            self._compiled[key] = compile_one(self._settings[setting], setting)
        return self._compiled[key]


def template_of(settings: Mapping[str, Any]) -> Template | None:
    """Return the templates of an action's settings, None where it has none."""
    return Template(settings) if any(name in settings for name in (_PAYLOAD, *MESSAGES)) else None


def render_action(action: "Action", automation: str, seen: Seen) -> Frozen | None:
    """Return the payload of an action for an event, None where the event itself is sent, or nothing.

    ``automation`` is the automation's name. Who caused the event is named only after `authors.name_authors`.
    """
    if _PAYLOAD not in action.settings:
        return None
    return (action.template or Template(action.settings)).payload(automation, seen)


def render_message(action: "Action", automation: str, seen: Seen) -> Message:
    """Return what an action says of an event, as `Template.message` does."""
    return (action.template or Template(action.settings)).message(automation, seen)


def check_payload(settings: Mapping[str, Any], events: Iterable[str], checks: Checks | None = None) -> list[Reference]:
    """Return the secrets that the templates of an action refer to, once each; ``settings`` are the action's.

    ``checks`` are those of a save, the same for all of its actions, so that all of them come to no more than one may.
    The endpoint's access token is none of them. Raises `TemplateError` for an expression that is none or does not fit
    one of the event types, for a secret in the name of a member or in a message, and for what is beyond the limits.
    """
    if _PAYLOAD in settings:
        _check_document(settings[_PAYLOAD])
    checks = checks or Checks()
    found: dict[tuple[str, bool], Reference] = {}
    mentions: list[Mention] | None = None
    for event in events:
        compiler = Compiler(event, checks)
        if mentions is None:
            mentions = _mentions(compiler, settings)
        compiler.check(mentions)
        if len(compiler.values) > MOST:
            raise TemplateError(f"more than {MOST} different expressions in one action", field="actions")
        for each in compiler.references:
            found.setdefault((each.name, each.plain), each)
    return list(found.values())


def _mentions(compiler: Compiler, settings: Mapping[str, Any]) -> list[Mention]:
    """Return the placeholders of an action, once each: which those are does not depend on the event type."""
    found = list(compiler.mentions(settings[_PAYLOAD], _PAYLOAD)) if _PAYLOAD in settings else []
    for name in MESSAGES:
        found += compiler.mentions_of_text(settings.get(name) or "", name)
    first: dict[tuple[str, bool], Mention] = {}
    for mention in found:
        first.setdefault((mention.text, mention.secret), mention)
    return list(first.values())


def _check_document(payload: Any) -> None:
    try:
        check_json(payload)
        size = len(json.dumps(payload, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        reason = f"nested deeper than {MAX_DEPTH} levels" if isinstance(error, RecursionError) else str(error)
        raise TemplateError(
            f"the payload is no JSON that can be sent: {reason}", field="actions", place=_PAYLOAD
        ) from None
    if size > LONGEST:
        raise TemplateError(
            f"the payload has {size} bytes; at most {LONGEST} may be written", field="actions", place=_PAYLOAD
        )


def _render(segments: list[Segment], seen: Seen, automation: str, as_part: Callable[[Any], bytes]) -> Frozen:
    chunks: list[bytes] = []
    holes: list[Hole] = []
    missing: dict[str, None] = {}
    values: dict[str, Any] = {}
    size = 0
    end = time.thread_time() + SLOWEST
    for segment in segments:
        if isinstance(segment, Secret):
            holes.append(Hole(size, segment.name))
            continue
        if isinstance(segment, bytes):
            chunk = segment
        else:
            value = _value(segment, seen, automation, values, missing)
            try:
                chunk = as_json(value) if segment.whole else as_part(value)
            except RecursionError:
                missing[segment.value.text] = None
                chunk = b'""' if segment.whole else b""
            if time.thread_time() > end:
                return Frozen(b"", (), tuple(missing), TOO_SLOW)
        size += len(chunk)
        if size > LARGEST:
            return Frozen(b"", (), tuple(missing), TOO_LARGE)
        chunks.append(chunk)
    return Frozen(b"".join(chunks), tuple(holes), tuple(missing))


def _value(insert: Insert, seen: Seen, automation: str, values: dict[str, Any], missing: dict[str, None]) -> Any:
    text = insert.value.text
    if text not in values:
        values[text] = insert.value.read(seen, automation)
    value = values[text]
    if value is ABSENT or (value is None and not insert.whole):
        missing[text] = None
        return ""
    return value
