"""Automations written as YAML: what is read again is the same, by this program and by readers of YAML 1.1. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from regista.automations.documents import SCHEMA_PATH
from regista.cli.automations.scalars import scalar

_EXPORTED = ("name", "scope", "description", "on", "where", "trigger", "actions", "limits", "enabled")
_WIDTH = 120
_END = "\n...\n"
_OTHER_ENDS = re.compile("[\r\x85\u2028\u2029]")
_UNSAFE = re.compile(r"[^\w.@+-]+|\A\.+")


class _Dumper(yaml.SafeDumper):
    """Quotes what either YAML reads as anything but text, and writes texts of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - what stands twice is written twice
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Escaped: what ends a line in YAML besides the line feed, which a reader would fold.
    style = '"' if _OTHER_ENDS.search(value) else "|" if "\n" in value else None if _is_plain(value) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


def _is_plain(value: str) -> bool:
    try:
        return scalar(value) == value
    except ValueError:
        return False


_Dumper.add_representer(str, _text)


def field(name: str, value: Any) -> str:
    """Return a field of an automation and its JSON value as YAML."""
    dumped = yaml.dump({name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    # The end of a document is written behind a text that ends with empty lines; other fields follow this one.
    if dumped.endswith(_END):
        dumped = dumped[: 1 - len(_END)]
    # YAML 1.1 takes the word for a truth value; nobody writes it in quotes.
    return dumped.replace("'on':", "on:", 1) if name == "on" else dumped


def document(shown: Mapping[str, Any]) -> str:
    """Return an automation, as the server shows it, as a document; what is as it is by default is left out."""
    given = {name: shown[name] for name in _EXPORTED if shown[name] is not None}
    if given["enabled"]:
        del given["enabled"]
    if len(given["on"]) == 1:
        (given["on"],) = given["on"]
    return "".join(field(name, value) for name, value in given.items())


def text(automations: Iterable[Mapping[str, Any]], url: str) -> str:
    """Return a file of automations, with a line that tells editors where the schema is."""
    head = f"# yaml-language-server: $schema={url}{SCHEMA_PATH}\n"
    return head + "---\n".join(document(each) for each in automations)


def file_names(automations: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return a path of its own for each automation: directories as its scope has parts, and its name."""
    found: dict[str, Mapping[str, Any]] = {}
    taken: set[str] = set()
    for each in automations:
        parts = [_UNSAFE.sub("_", part) or "_" for part in (*each["scope"].split("/"), each["name"])]
        parts[-1] = parts[-1][:100]
        path = "/".join(parts) + ".yaml"
        if path.lower() in taken:
            path = "/".join(parts) + f".{each['id']}.yaml"
        taken.add(path.lower())
        found[path] = each
    return found
