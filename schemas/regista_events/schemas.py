"""JSON Schemas of what travels, and the committed snapshots that hold every version to the ones before."""

import json
from pathlib import Path
from typing import Any

from regista_events.catalog import EVENT_TYPES
from regista_events.envelope import full_name
from regista_events.metrics import MetricBatch
from regista_events.topics import RUN_METRICS

SNAPSHOTS = Path(__file__).parent / "snapshots"
"""Where the committed schemas stand, one file a type."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ALWAYS_WRITTEN = ("specversion", "type", "hops")


def schema_path(event_type: str) -> str:
    """Return the path of a type's schema below the public URL, as `/schemas/dev.regista.alias.added.json`.

    That of the records of a topic of no events stands under the topic's name.

    The public URL followed by this path is the event's `dataschema`.
    """
    return f"/schemas/{event_type if event_type == RUN_METRICS else full_name(event_type)}.json"


def schema_of(event_type: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a type by its full or short name: the whole event, envelope and data.

    Or of a batch of metrics, by its topic's name.

    Raises:
        KeyError: the catalogue has no such type.

    """
    if event_type == RUN_METRICS:
        return {"$schema": _DIALECT, **MetricBatch.model_json_schema(mode="validation")}
    schema = EVENT_TYPES[full_name(event_type)].model_json_schema(mode="validation")
    required = {*schema["required"], *_ALWAYS_WRITTEN}
    schema["required"] = [name for name in schema["properties"] if name in required]
    return {"$schema": _DIALECT, **schema}


def read_snapshots(folder: Path = SNAPSHOTS) -> dict[str, dict[str, Any]]:
    """Return the committed schema of each type, by its full name."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def current() -> dict[str, dict[str, Any]]:
    """Return the schema of each type as the code has it now, by its full name; that of metrics by its topic's."""
    return {name: schema_of(name) for name in (*EVENT_TYPES, RUN_METRICS)}


def stale_snapshots(folder: Path = SNAPSHOTS) -> list[str]:
    """Return the types whose snapshot is missing, superfluous or not what the code has now."""
    before, now = read_snapshots(folder), current()
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def write_snapshots(folder: Path = SNAPSHOTS) -> list[str]:
    """Write the schema of each type, delete the files of types that are gone, and return the types that changed."""
    now = current()
    changed = stale_snapshots(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name not in now:
            (folder / f"{name}.json").unlink()
        else:
            text = json.dumps(now[name], indent=2, ensure_ascii=False)
            (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    return changed
