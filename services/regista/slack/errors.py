"""The errors of Slack's channels.

RegistaError
└── InvalidError
    ├── TokenRefusedError     422  Slack does not take the token; ``slack`` is its word for why
    └── SlackUnreachableError 422  Slack could not be asked, or gave no answer of its own; ``error`` is the code
"""

from regista.kit.errors import InvalidError


class TokenRefusedError(InvalidError):
    """Slack does not take a token."""

    code = "slack_token_refused"


class SlackUnreachableError(InvalidError):
    """Slack could not be asked about a token."""

    code = "slack_unreachable"
