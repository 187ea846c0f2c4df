"""Jenkins: the Generic Webhook Trigger plugin, whose jobs take variables from the body by JSONPath."""

from pydantic import Field

from regista.webhooks.presets.preset import (
    VARIABLES,
    Filled,
    NeededSecret,
    Parameters,
    Preset,
    Secret,
    Url,
    Values,
    reference,
)


class GenericTrigger(Parameters):
    """``url`` is where Jenkins is; ``payload`` a template, of which a job reads ``$.version`` and the like."""

    url: Url
    token_secret: Secret = Field("JENKINS_TOKEN", description="name of the secret that holds the job's token")
    payload: Values = Field(default_factory=lambda: dict(VARIABLES))


def _fill(parameters: GenericTrigger) -> Filled:
    return Filled(
        f"{parameters.url.rstrip('/')}/generic-webhook-trigger/invoke",
        parameters.payload,
        (NeededSecret(parameters.token_secret, "the token that the job has under Generic Webhook Trigger"),),
        {"token": reference(parameters.token_secret)},
    )


GENERIC_TRIGGER = Preset(
    "jenkins",
    "Jenkins: Generic Webhook Trigger",
    "Starts the jobs that have the token, with values of the payload as their variables.",
    GenericTrigger,
    _fill,
)
