"""Automations as files declare them: read, checked as far as files alone tell, and brought into one form."""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from regista.automations.api import NewAutomation
from regista.automations.documents import schema
from regista.automations.language.conditions import check_condition
from regista.automations.payloads.checks import Checks
from regista.automations.payloads.templates import check_payload
from regista.automations.run_triggers import check_trigger, parse_trigger
from regista.automations.triggers import parse_events
from regista.cli.automations.faults import Fault, FaultyFilesError, Place, UsageError
from regista.cli.automations.yaml_text import MOST_BYTES, Document, YamlError, documents
from regista.cli.automations.yaml_text import Path as Steps
from regista.kit.complaints import said
from regista.kit.errors import RegistaError
from regista.registry.scopes import parse_scope

FIELDS = ("scope", "description", "on", "where", "trigger", "actions", "limits", "enabled")
"""What an automation is besides its name, in the order in which it is shown."""
_MOST_FILES = 10_000

Identity = tuple[str, str]
"""Scope and name."""


class Declared(NamedTuple):
    """One automation of a file. ``fields`` are `FIELDS` in the form in which the server shows them."""

    scope: str
    name: str
    fields: Mapping[str, Any]
    document: Document

    @property
    def identity(self) -> Identity:
        """What it is known by."""
        return self.scope, self.name

    @property
    def body(self) -> dict[str, Any]:
        """Return what is sent to make it."""
        given = {name: value for name, value in self.fields.items() if value is not None}
        return {"name": self.name, **given}

    def fault(self, error: Mapping[str, Any], message: str) -> Fault:
        """Return what is wrong with it at the place that an error's members name."""
        return Fault(self.document.file, _place(self.document, error), message)


def read(sources: Iterable[Path], *, may_be_empty: bool = False) -> list[Declared]:
    """Return what files, and directories with all below them, declare, in the order of paths.

    Raises `FaultyFilesError` with everything that is wrong in any of them, `UsageError` where there is no file at all
    unless they ``may_be_empty``.
    """
    found: list[Declared] = []
    faults: list[Fault] = []
    for path in _files(sources, may_be_empty=may_be_empty):
        try:
            for document in documents(_text(path), str(path)):
                declared = _declared(document)
                if isinstance(declared, Declared):
                    found.append(declared)
                else:
                    faults += declared
        except YamlError as error:
            faults.append(Fault(str(path), error.place, error.message))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(str(path), None, f"cannot be read: {error}"))
    faults += _repeated(found)
    if faults:
        raise FaultyFilesError(faults)
    return found


def canonical(value: Any) -> str:
    """Return a JSON value as text, the same whatever the order of its members."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _files(sources: Iterable[Path], *, may_be_empty: bool) -> list[Path]:
    found: dict[Path, None] = {}
    for source in sources:
        if source.is_file():
            found[source] = None
            continue
        if not source.is_dir():
            raise UsageError(f"{source} is no file and no directory")
        below = [path for path in source.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file()]
        hidden = {path for path in below if any(part.startswith(".") for part in path.relative_to(source).parts)}
        if len(below) > _MOST_FILES:
            raise UsageError(f"{source} holds {len(below)} YAML files; {_MOST_FILES} are read at most")
        found.update(dict.fromkeys(sorted(set(below) - hidden)))
    if not found and not may_be_empty:
        raise UsageError(
            "no *.yaml or *.yml file was found; name another directory, or delete all in a scope with --prune --scope SCOPE"
        )
    return list(found)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise YamlError(f"longer than {MOST_BYTES} bytes; split the file", Place(1, 1))
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _declared(document: Document) -> Declared | list[Fault]:
    if not isinstance(document.value, dict):
        return [
            Fault(document.file, document.at(()), "an automation is a mapping: `name:`, `scope:`, `on:`, `actions:`")
        ]
    try:
        body = NewAutomation.model_validate(document.value)
    except ValidationError as error:
        return list(_refused(document, error))
    if faults := list(_senseless(document, body)):
        return faults
    fields = {
        "scope": body.scope,
        "description": body.description,
        "on": parse_events(body.on),
        "where": body.where if body.where and body.where.strip() else None,
        "trigger": body.trigger,
        "actions": [each.wanted().written() for each in body.actions],
        "limits": body.limits and body.limits.written(),
        "enabled": body.enabled,
    }
    return Declared(body.scope, body.name, {name: fields[name] for name in FIELDS}, document)


def _refused(document: Document, error: ValidationError) -> Iterator[Fault]:
    for one in error.errors(include_url=False):
        path = _path(document.value, one["loc"])
        match one["type"]:
            case "extra_forbidden":
                yield Fault(document.file, document.key(path), _unknown(path))
            case "missing":
                yield Fault(document.file, document.at(path), f"`{one['loc'][-1]}` is missing")
            case _:
                named = ".".join(map(str, path))
                yield Fault(document.file, document.at(path), f"{named}: {said(one)}" if named else said(one))


def _senseless(document: Document, body: NewAutomation) -> Iterator[Fault]:
    """Yield what is wrong although it has the right shape: what the server would refuse wherever it runs."""
    wanted = body.wanted()
    checks: list[tuple[str, Callable[[], Any]]] = [
        ("scope", lambda: parse_scope(body.scope)),
        ("trigger", lambda: check_trigger(parse_events(body.on), parse_trigger(body.trigger))),
        ("where", lambda: check_condition(body.where, parse_events(body.on))),
    ]
    shared = Checks()
    for index, action in enumerate(wanted.actions):
        checks.append(
            (f"actions.{index}.{action.kind}", lambda given=action: check_payload(given.settings, body.on, shared))
        )
    try:
        parse_events(body.on)
    except RegistaError as error:
        yield Fault(document.file, _place(document, error.details), error.message)
        del checks[1:]
    for name, check in checks:
        try:
            check()
        except RegistaError as error:
            within = {"place": f"{name}.{error.details.get('place', '')}"} if name.startswith("actions") else {}
            yield Fault(document.file, _place(document, error.details | within), error.message)


def _path(value: Any, steps: Iterable[Any]) -> Steps:
    """Return the steps that lead to a part of the value; between them, pydantic names what it tried."""
    found: list[str | int] = []
    for step in steps:
        known = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if known and not (isinstance(value, list) and step >= len(value)):
            found.append(step)
            value = value[step]
    return tuple(found)


def _unknown(path: Steps) -> str:
    key = str(path[-1])
    known = sorted(_members(schema(), path[:-1]))
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"there is no key {key!r} here; " + (
        f"the nearest is {nearest[0]!r}" if nearest else f"there are {', '.join(known)}"
    )


def _members(node: Mapping[str, Any], path: Steps) -> set[str]:
    """Return the keys that the schema knows in the mapping at ``path``."""
    branches = [node]
    for step in (*path, None):
        opened: list[Mapping[str, Any]] = []
        while branches:
            branch = branches.pop()
            if "$ref" in branch:
                branch = schema()["$defs"][branch["$ref"].rpartition("/")[2]]
            branches += [*branch.get("anyOf", ()), *branch.get("oneOf", ())]
            opened.append(branch)
        if step is None:
            return {name for branch in opened for name in branch.get("properties", ())}
        for branch in opened:
            if isinstance(step, int):
                branches += [branch["items"]] if "items" in branch else []
            elif step in branch.get("properties", {}):
                branches.append(branch["properties"][step])
    raise AssertionError("the last step is None")


def _place(document: Document, error: Mapping[str, Any]) -> Place:
    """Return where an error's ``field`` or ``place`` stands; within it, ``line`` and ``column`` if it names them."""
    written = str(error.get("place") or error.get("field") or "")
    steps = [int(step) if step.isdigit() else step for step in written.replace("[", ".").replace("]", "").split(".")]
    path = _path(document.value, steps)
    line, column = error.get("line"), error.get("column")
    if isinstance(line, int) and isinstance(column, int) and path:
        return document.inside(path, line, column)
    return document.at(path)


def _repeated(declared: Iterable[Declared]) -> Iterator[Fault]:
    first: dict[Identity, Declared] = {}
    for each in declared:
        other = first.setdefault(each.identity, each)
        if other is not each:
            place = other.document.at(())
            there = f"{other.document.file}:{place.line}"
            yield each.fault({"field": "name"}, f"{each.scope} has {each.name!r} already, in {there}")
