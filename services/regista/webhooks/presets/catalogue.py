"""The presets that there are."""

from collections.abc import Mapping
from typing import Any, Final

from regista.webhooks.presets import argo, discord, github, gitlab, jenkins, teams
from regista.webhooks.presets.preset import Preset

PRESETS: Final[Mapping[str, Preset[Any]]] = {
    preset.name: preset
    for preset in (
        github.REPOSITORY_DISPATCH,
        github.WORKFLOW_DISPATCH,
        gitlab.PIPELINE_TRIGGER,
        jenkins.GENERIC_TRIGGER,
        argo.WORKFLOW_EVENT,
        teams.CARD,
        discord.MESSAGE,
    )
}
