"""Plans made and carried out: every file and every answer is looked at before anything changes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from regista.cli.automations.changes import Deletion, Plan, Shown, Step, compare, lies_in
from regista.cli.automations.declared import Declared, Identity, read
from regista.cli.automations.faults import Fault, FaultyFilesError, UsageError
from regista.cli.automations.server import Server, faults_of
from regista.cli.rest import RefusedError, ServerError
from regista.kit.errors import InvalidError
from regista.registry.scopes import parse_scope

_SIDE_BY_SIDE = 8


class Outcome(NamedTuple):
    """What became of a plan: steps done, and steps not done with the reason."""

    done: list[Step]
    failed: list[tuple[Step, str]]


def make_plan(server: Server, sources: Sequence[Path], scopes: Sequence[str], *, prune: bool) -> Plan:
    """Return what is to be done. Raises `FaultyFilesError`, `ServerError`, `UsageError`."""
    if prune and not scopes:
        raise UsageError("--prune needs --scope: name the scopes within which what no file declares is to be deleted")
    check_scopes(scopes)
    declared = read(sources, may_be_empty=prune)
    if outside := [one for one in declared if scopes and not any(lies_in(one.scope, scope) for scope in scopes)]:
        said = f"outside of --scope {' and '.join(scopes)}"
        raise FaultyFilesError([one.fault({"field": "scope"}, f"{one.scope} lies {said}") for one in outside])
    existing, others = _existing(server, declared)
    return compare(declared, existing, others, scopes if prune else None)


def check_scopes(scopes: Sequence[str]) -> None:
    """Return if all of these are scopes. Raises `UsageError`."""
    for scope in scopes:
        try:
            parse_scope(scope)
        except InvalidError as error:
            raise UsageError(f"--scope: {error.message}") from None


def carry_out(server: Server, plan: Plan, tell: Callable[[Step, str | None], None]) -> Outcome:
    """Take the steps in order; tell of each when it is done (None) or refused (why).

    One that is refused does not keep the others, but nothing is deleted then. Where the server stops answering, what
    is left is not tried. What was done stays done, and the next apply goes on from there.
    """
    outcome = Outcome([], [])
    gone: str | None = None
    for step in plan.steps:
        reason = gone
        if reason is None and outcome.failed and isinstance(step, Deletion):
            reason = "not tried: another step failed"
        if reason is None:
            try:
                server.take(step)
            except RefusedError as error:
                reason = error.sentence
            except ServerError as error:
                reason = error.message
                gone = "not tried: the server does not answer"
        if reason is None:
            outcome.done.append(step)
        else:
            outcome.failed.append((step, reason))
        tell(step, reason)
    return outcome


def _existing(server: Server, declared: Sequence[Declared]) -> tuple[dict[Identity, Shown], list[Shown]]:
    """Return what the server has of what is declared, and what else it has. Raises `FaultyFilesError`.

    The server says which is which: what a scope is called may have changed since an automation was saved.
    """
    shown: dict[int | None, Shown] = {each["id"]: each for each in server.automations()}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        answers = list(pool.map(partial(_checked, server), declared))
    faults: list[Fault] = []
    known: dict[Identity, Shown] = {}
    first: dict[int, Declared] = {}
    for one, answer in zip(declared, answers, strict=True):
        if isinstance(answer, list):
            faults += answer
        elif answer is not None and (other := first.setdefault(answer, one)) is not one:
            place = other.document.at(())
            there = f"{other.document.file}:{place.line}"
            faults.append(
                one.fault({"field": "scope"}, f"{one.scope} is the scope in {there}; {one.name!r} stands twice")
            )
        elif answer in shown:
            known[one.identity] = shown.pop(answer)
    if faults:
        raise FaultyFilesError(faults)
    return known, list(shown.values())


def _checked(server: Server, declared: Declared) -> int | list[Fault] | None:
    try:
        return server.check(declared)
    except RefusedError as error:
        return faults_of(error, declared)
