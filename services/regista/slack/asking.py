"""What Slack says of a bot's token, asked before it is kept. Call outside any transaction."""

from regista.kit.http import GuardedClient
from regista.slack.calls import call
from regista.slack.errors import SlackUnreachableError, TokenRefusedError
from regista.slack.faults import explained

_LONGEST = 200


async def workspace_of(client: GuardedClient, api: str, token: str) -> str:
    """Return what Slack calls the workspace that the token is for.

    Raises TokenRefusedError, and SlackUnreachableError where Slack did not answer. Source: Slack, "auth.test".
    """
    said = await call(client, api, "auth.test", token, {})
    team = said.document.get("team")
    if said.error is None and isinstance(team, str):
        return team[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")
    if said.word is not None:
        raise TokenRefusedError(
            f"Slack does not take the token: {explained(said.word)}; nothing was saved", field="token", slack=said.word
        )
    error = said.error or "slack_unreadable"
    raise SlackUnreachableError(
        f"Slack could not be asked about the token ({error}); nothing was saved, try again", field="token", error=error
    )
