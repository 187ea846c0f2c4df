"""``regista automations plan | apply | export | schema``."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from regista.kit.errors import RegistaError

if TYPE_CHECKING:
    from regista.cli.automations.server import Server

CHANGES = 2
"""Exit status of a plan that is not empty."""
_MISUSED = 2

automations = typer.Typer(help="Automations as files.", no_args_is_help=True)

Files = Annotated[
    list[Path], typer.Option("--file", "-f", help="A YAML file, or a directory whose *.yaml and *.yml are read.")
]
Url = Annotated[str, typer.Option(envvar="REGISTA_URL", help="The server.")]
Key = Annotated[
    str, typer.Option(envvar="REGISTA_API_KEY", help="An API key; better in the variable than on the command line.")
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="Only what lies in this scope: org, entity/E, project/E/P, registry/NAME or collection/E/P/NAME; may be repeated.",
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what no file declares in the scopes named by --scope.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class _Command(TyperCommand):
    """A command that ends with 1 where its options are wrong: 2 says that a plan has changes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "exit_code", None) == _MISUSED:
                error.exit_code = 1  # type: ignore[attr-defined]
            raise


@automations.command(cls=_Command)
def plan(
    file: Files,
    url: Url = "http://127.0.0.1:8080",
    api_key: Key = "",
    scope: Scopes = None,
    prune: Prune = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show what apply would do, and do nothing: exit 0 if nothing is to be done, 2 if something is, 1 on an error.

    A key of scope read is enough, of somebody who may save what the files declare.
    """
    from regista.cli.automations import applying, showing  # noqa: PLC0415

    with _explained(as_json=as_json), _server(url, api_key) as server:
        made = applying.make_plan(server, file, scope or [], prune=prune)
        typer.echo(_json(showing.as_json(made)) if as_json else showing.as_text(made))
        if made.steps:
            raise typer.Exit(CHANGES)


@automations.command(cls=_Command)
def apply(
    file: Files,
    url: Url = "http://127.0.0.1:8080",
    api_key: Key = "",
    scope: Scopes = None,
    prune: Prune = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Bring the server to what the files declare: exit 0 if it is there, 1 on an error.

    All files are checked before anything is changed. What the server then refuses is named, the rest is done, and a
    second apply goes on from there.
    """
    from regista.cli.automations import applying, showing  # noqa: PLC0415

    def tell(step: Any, reason: str | None) -> None:
        if reason is not None:
            typer.echo(f"failed   {showing.title(step)}: {reason}", err=True)
        elif not as_json:
            typer.echo(showing.done(step))

    with _explained(as_json=as_json), _server(url, api_key) as server:
        made = applying.make_plan(server, file, scope or [], prune=prune)
        if not as_json:
            typer.echo(showing.as_text(made))
        outcome = applying.carry_out(server, made, tell)
        if as_json:
            failed = [showing.step_as_json(step) | {"error": reason} for step, reason in outcome.failed]
            done = [showing.step_as_json(step) for step in outcome.done]
            typer.echo(_json({"plan": showing.as_json(made), "applied": done, "failed": failed}))
        if outcome.failed:
            typer.echo(f"regista: {len(outcome.done)} done, {len(outcome.failed)} not; apply again to go on", err=True)
            raise typer.Exit(1)


@automations.command(cls=_Command)
def export(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", "-d", help="Write a file for each there, which must not exist, instead of printing all."),
    ] = None,
    url: Url = "http://127.0.0.1:8080",
    api_key: Key = "",
    scope: Scopes = None,
) -> None:
    """Write the automations that the server has as files for which plan shows no change."""
    from regista.cli.automations.applying import check_scopes  # noqa: PLC0415
    from regista.cli.automations.changes import lies_in  # noqa: PLC0415
    from regista.cli.automations.exporting import store  # noqa: PLC0415
    from regista.cli.automations.written import text  # noqa: PLC0415

    with _explained(as_json=False), _server(url, api_key) as server:
        check_scopes(scope or [])
        found = [
            each
            for each in server.automations()
            if not scope or any(lies_in(each["scope"], wanted) for wanted in scope)
        ]
        if directory is None:
            typer.echo(text(found, server.url), nl=False)
        else:
            typer.echo(f"{store(directory, found, server.url)} files in {directory}")


@automations.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a document; a server has it at /schemas/automations.json."""
    from regista.automations.documents import schema  # noqa: PLC0415

    typer.echo(_json(schema()))


@contextmanager
def _server(url: str, key: str) -> "Generator[Server]":
    from regista.cli.automations.faults import UsageError  # noqa: PLC0415
    from regista.cli.automations.server import Server  # noqa: PLC0415

    if not key:
        raise UsageError("an API key is needed: set REGISTA_API_KEY, or give --api-key")
    with Server(url, key) as server:
        yield server


@contextmanager
def _explained(*, as_json: bool) -> Generator[None]:
    """Say what is wrong in sentences, each fault at its place, and exit 1."""
    from regista.cli.automations.faults import FaultyFilesError  # noqa: PLC0415

    try:
        yield
    except FaultyFilesError as error:
        if as_json:
            typer.echo(_json({"errors": [fault.as_json() for fault in error.faults]}))
        else:
            for fault in error.faults:
                typer.echo(fault.as_text(), err=True)
            typer.echo(f"regista: {error.message}", err=True)
        raise typer.Exit(1) from None
    except RegistaError as error:
        if as_json:
            typer.echo(_json({"errors": [{"file": None, "line": None, "column": None, "message": error.message}]}))
        typer.echo(f"regista: {error.message}", err=True)
        raise typer.Exit(1) from None


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
