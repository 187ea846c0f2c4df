"""What Slack's words for an error mean for a message and its channel. Pure.

=========================================  =====================================================================
Slack says                                 and so
=========================================  =====================================================================
something is wrong with the message        it is dead at once: it stays as it is, whoever repeats it
the token or the webhook is no more        the channel is disabled until it is given another; what is pending waits
anything else                              it is tried again by the schedule: a channel is made, a bot is invited,
                                           a limit passes, Slack recovers
=========================================  =====================================================================

Sources: Slack, "chat.postMessage", errors; "Incoming webhooks", "Handling errors".
"""

from typing import Final

OF_MESSAGE: Final = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_payload",
        "json_not_object",
        "markdown_text_conflict",
        "metadata_too_large",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
OF_ACCESS: Final = frozenset(
    {
        "account_inactive",
        "channel_is_archived",
        "invalid_auth",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_team",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""``channel_is_archived`` is what an incoming webhook says, which has one channel; of a bot's it is ``is_archived``."""
_HELP: Final = {
    "channel_not_found": "there is no such channel, or it is private and the bot is no member; invite the bot to it",
    "not_in_channel": "the bot is no member of the channel; invite it there",
    "is_archived": "the channel is archived",
    "missing_scope": "the token lacks a scope; messages need chat:write",
    "invalid_auth": "Slack does not know the token",
    "not_authed": "Slack was given no token",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "account_inactive": "the bot, or its workspace, is no more",
    "no_service": "the incoming webhook was removed",
    "ratelimited": "Slack wants fewer messages",
}


def explained(word: str) -> str:
    """Return Slack's word for an error with what it means, where that is known."""
    meaning = _HELP.get(word)
    return f"{word} ({meaning})" if meaning else word
