"""What a channel is reached by, and what of it is refused. Pure.

Either a bot, by its token and a channel, or an incoming webhook, by its URL, which has its channel.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from regista.effects.urls import check_url
from regista.kit.errors import InvalidError
from regista.kit.http import Network

LONGEST_TOKEN: Final = 500
_ID = re.compile(r"[CDG][A-Z0-9]{7,30}\Z")
_NAME = re.compile(r"#[^\s#@<>&,.:/]{1,80}\Z")
_TOKEN = re.compile(r"(?:xoxe\.)?xox[bp]-[!-~]+\Z")
_OTHERS = {
    "xapp-": "a token of the app itself, which cannot post",
    "xoxe-": "a refresh token, which cannot post",
    "https://": "a URL; that of an incoming webhook is given as `url`",
}
_REFERENCE = re.compile(r"\$\{secret\.[A-Za-z0-9_]+\}\Z")


class Wanted(NamedTuple):
    """A channel as somebody wants it to be; token and URL may refer to secrets."""

    channel: str | None = None
    token: str | None = None
    url: str | None = None


def checked(wanted: Wanted, allowed: Sequence[Network]) -> Wanted:
    """Return what is wanted in the form that is kept: a name of a channel begins with ``#``.

    Raises `InvalidError` for what is of neither form, and for parts that Slack could not take.
    """
    if wanted.url is not None:
        return _of_webhook(wanted, allowed)
    if wanted.token is None or wanted.channel is None:
        lacking = "token" if wanted.token is None else "channel"
        raise InvalidError(
            f"give a bot's `token` and a `channel`, or the `url` of an incoming webhook; here `{lacking}` is missing",
            field=lacking,
        )
    return Wanted(_channel(wanted.channel), _token(wanted.token))


def merged(was: Wanted, given: Wanted) -> Wanted:
    """Return a channel of which this is changed: a URL takes the place of a bot, and a bot that of a URL."""
    if given.url is not None:
        return given
    if was.url is not None:
        return given if given != Wanted() else was
    return Wanted(given.channel or was.channel, given.token or was.token)


def _of_webhook(wanted: Wanted, allowed: Sequence[Network]) -> Wanted:
    if wanted.token is not None or wanted.channel is not None:
        raise InvalidError(
            "an incoming webhook posts to the channel that it was made for: give its `url` alone, or a bot's `token` "
            "and a `channel`",
            field="url",
        )
    assert wanted.url is not None  # noqa: S101 - the caller's branch
    check_url(wanted.url, allowed)
    return wanted


def _channel(written: str) -> str:
    channel = written.strip()
    if _ID.match(channel):
        return channel
    name = f"#{channel.removeprefix('#')}"
    if not _NAME.match(name) or name != name.lower():
        raise InvalidError(
            f"{written[:100]!r} is no channel; give its id, such as C0123456789, or its name, such as #ml-ops, which has "
            "no capitals",
            field="channel",
        )
    return name


def _token(written: str) -> str:
    token = written.strip()
    if not _REFERENCE.match(token):
        check_token(token)
    return token


def check_token(token: str) -> None:
    """Return if this can be a bot's token, without references. Raises `InvalidError`, which does not say what it is."""
    if not _TOKEN.match(token) or "${" in token or len(token) > LONGEST_TOKEN:
        what = next((kind for prefix, kind in _OTHERS.items() if token.startswith(prefix)), "no token of a bot")
        raise InvalidError(
            f"`token` is {what}; a bot's begins with xoxb- and stands under OAuth & Permissions of the app, or write "
            "${secret.NAME} for a secret that holds one",
            field="token",
        )
