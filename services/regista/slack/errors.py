"""The errors of Slack's channels.

RegistaError
├── InvalidError
│   ├── TokenRefusedError      422  Slack does not take the token; ``slack`` is its word for why
│   └── SlackUnreachableError  422  Slack could not be asked, or gave no answer of its own; ``error`` is the code
└── ConflictError
    ├── ChannelExistsError     409
    └── ChannelInUseError      409  automations still post to it; ``details`` name them
"""

from regista.kit.errors import ConflictError, InvalidError


class TokenRefusedError(InvalidError):
    """Slack does not take a token."""

    code = "slack_token_refused"


class SlackUnreachableError(InvalidError):
    """Slack could not be asked about a token."""

    code = "slack_unreachable"


class ChannelExistsError(ConflictError):
    """The team has an integration of that name."""

    code = "slack_channel_exists"


class ChannelInUseError(ConflictError):
    """Automations use the channel; ``details["automations"]`` are their names."""

    code = "slack_channel_in_use"
