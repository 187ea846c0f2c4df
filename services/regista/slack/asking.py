"""What Slack says of a bot's token, asked before it is kept. Call outside any transaction."""

from http import HTTPStatus
from typing import Final

from regista.kit.http import GuardedClient
from regista.slack.calls import UNREADABLE, call
from regista.slack.errors import SlackUnreachableError, TokenRefusedError
from regista.slack.faults import explained

_LONGEST: Final = 200
_PASSING: Final = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable", "team_added_to_org"}
)
"""Words that say nothing of the token."""


async def workspace_of(client: GuardedClient, api: str, token: str) -> str:
    """Return what Slack calls the workspace that the token is for.

    Raises TokenRefusedError, and SlackUnreachableError where Slack did not answer. Source: Slack, "auth.test".
    """
    said = await call(client, api, "auth.test", token, {})
    team = said.document.get("team")
    if said.error is None and isinstance(team, str) and team:
        return team[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    status = said.answer.status or 0
    if said.word is not None and said.word not in _PASSING and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TokenRefusedError(
            f"Slack does not take the token: {explained(said.word)}; this request saved nothing",
            field="token",
            slack=said.word,
        )
    error = said.error or UNREADABLE
    raise SlackUnreachableError(
        f"Slack could not be asked about the token ({error}); this request saved nothing, try again",
        field="token",
        error=error,
    )
