"""The documents that describe the log to programs: JSON Schemas and AsyncAPI."""

from functools import cache
from typing import Any

from regista_events import topics
from regista_events.catalog import EVENT_TYPES
from regista_events.envelope import short_name
from regista_events.schemas import schema_of, schema_path

_BATCH = "metricBatch"
_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"


@cache
def schema(event_type: str) -> dict[str, Any]:
    """Return the JSON Schema of a type by its full or short name. Raises `KeyError` for one that there is not."""
    return schema_of(event_type)


def asyncapi(public_url: str, version: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of what Regista publishes: one channel a topic, one message an event type."""
    types = {short_name(name): event_class for name, event_class in EVENT_TYPES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Regista events",
            "version": version,
            "description": "Every change of the registry, as CloudEvents 1.0 in JSON.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": topics.EVENTS,
                "description": "The whole log. Order holds per key, the event's `partitionkey`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types},
                "bindings": {"kafka": {"topic": topics.EVENTS}},
            },
            "runMetrics": {
                "address": topics.RUN_METRICS,
                "description": "Metric lines of runs, for the metric watcher; no events.",
                "messages": {_BATCH: {"$ref": f"#/components/messages/{_BATCH}"}},
                "bindings": {"kafka": {"topic": topics.RUN_METRICS}},
            },
        },
        "operations": {
            "publishEvents": {"action": "send", "channel": {"$ref": "#/channels/events"}},
            "publishRunMetrics": {"action": "send", "channel": {"$ref": "#/channels/runMetrics"}},
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "title": (event_class.__doc__ or name).strip().partition("\n")[0],
                    "contentType": "application/cloudevents+json",
                    "payload": {
                        "schemaFormat": _SCHEMA_FORMAT,
                        "schema": {"$ref": f"{public_url}{schema_path(name)}"},
                    },
                    "bindings": {"kafka": {"key": {"type": "string", "description": "the event's partitionkey"}}},
                }
                for name, event_class in types.items()
            }
            | {
                _BATCH: {
                    "name": _BATCH,
                    "title": "Lines of one run that were logged together, in order.",
                    "contentType": "application/json",
                    "payload": {
                        "schemaFormat": _SCHEMA_FORMAT,
                        "schema": {"$ref": f"{public_url}{schema_path(topics.RUN_METRICS)}"},
                    },
                    "bindings": {"kafka": {"key": {"type": "string", "description": "the batch's partitionkey"}}},
                }
            },
        },
    }
