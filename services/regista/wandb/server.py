"""What the server says of itself: the features that unlock the newer paths of the client."""

from importlib import metadata
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.wandb.exchange import Info
from regista.wandb.roots import Root

query = Root("Query")
info_type = ObjectType("ServerInfo")

FEATURES = (
    "ARTIFACT_REGISTRY_SEARCH",
    "INCLUDE_ARTIFACT_TYPES_IN_REGISTRY_CREATION",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "QUERY_AUTOMATIONS_ON_ENTITY",
    "AUTOMATION_SCOPE_ENTITY",
    "AUTOMATION_EVENT_ADD_ARTIFACT_TAG",
    "AUTOMATION_EVENT_REMOVE_ARTIFACT_TAG",
    "AUTOMATION_EVENT_ADD_COLLECTION_TAG",
    "AUTOMATION_EVENT_REMOVE_COLLECTION_TAG",
    "AUTOMATION_EVENT_UNLINK_ARTIFACT",
    "AUTOMATION_EVENT_RUN_METRIC",
    "AUTOMATION_EVENT_RUN_METRIC_CHANGE",
    "AUTOMATION_EVENT_RUN_METRIC_ZSCORE",
    "AUTOMATION_EVENT_RUN_STATE",
    "AUTOMATION_ACTION_NO_OP",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
)
_CLIENTS = {"min_cli_version": "0.21.0", "max_cli_version": "0.31.0"}


@query.names("serverInfo", action=Action.SELF_READ)
def _server_info(_root: None, _info: Info) -> dict[str, Any]:
    version = metadata.version("regista")
    return {
        "features": [{"name": name, "is_enabled": True} for name in FEATURES],
        "cli_version_info": _CLIENTS,
        "latest_local_version_info": {
            "out_of_date": False,
            "latest_version_string": version,
            "version_on_this_instance_string": version,
        },
    }


BINDINGS = (query, info_type)
