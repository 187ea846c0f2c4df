"""The commands and their options."""

import asyncio
import json
import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from regista.cli.automations.commands import automations
from regista.kit.errors import RegistaError
from regista.kit.settings import Settings
from regista.kit.telemetry import configure_logging
from regista.supervisor.parts import Part

T = TypeVar("T")

app = typer.Typer(
    name="regista",
    help="A self-hosted model registry whose every change is an event. Settings are REGISTA_* variables: `regista doctor`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
audit = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(automations, name="automations")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Where the embedded PostgreSQL, files and generated keys live [REGISTA_DATA_DIR].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,  # noqa: FBT002
) -> None:
    """Print the version when that is all that is asked for."""
    if version:
        typer.echo(f"regista {metadata.version('regista')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(0)


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: DataDir = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="API processes; each uses one core.")] = 1,
) -> None:
    """Run everything in one process tree: PostgreSQL, API, relay, consumers, dispatcher, upkeep.

    Prints `ready: URL` when requests are served. SIGINT or SIGTERM drains and exits 0. PostgreSQL and the bus are
    embedded unless REGISTA_DATABASE_URL and REGISTA_KAFKA_BOOTSTRAP_SERVERS name others.
    """
    from regista.supervisor.up import up as run  # noqa: PLC0415

    with _explained():
        settings = _settings(data_dir)
        configure_logging(settings.log_level, "supervisor")
        asyncio.run(run(settings, host=host, port=port, workers=workers, say=_say))


@app.command()
def serve(
    name: Annotated[str, typer.Argument(help=", ".join(Part))],
    host: Host = "127.0.0.1",
    port: Port = 8080,
) -> None:
    """Run one service of a distributed installation; SIGTERM drains it.

    Needs REGISTA_DATABASE_URL, REGISTA_SECRET_KEY and, for all but `api` and `upkeep`, REGISTA_KAFKA_BOOTSTRAP_SERVERS.
    Serves /livez, /readyz and /metrics at its port and prints `ready: URL`. Run `regista migrate` first.
    """
    from regista.supervisor.serve import serve as run  # noqa: PLC0415

    with _explained():
        settings = _settings(None)
        configure_logging(settings.log_level, name)
        run(settings, name, host=host, port=port, say=_say)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the schema and the Kafka topics up to date; safe to run twice, or from two places at once."""
    from regista.cli.maintenance import migrate as run  # noqa: PLC0415

    with _explained():
        settings = _settings(data_dir)
        configure_logging(settings.log_level, "migrate")
        for line in _run(run(settings)):
            typer.echo(line)


@app.command()
def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print every setting, secrets masked, and check what they point to; exit 1 if something is wrong."""
    from regista.cli.doctor import examine  # noqa: PLC0415

    with _explained():
        settings = _settings(data_dir)
        configure_logging("error", "doctor")
        report = _run(examine(settings))
        typer.echo(json.dumps(report.as_json(), indent=2) if as_json else report.as_text())
        if not report.healthy:
            raise typer.Exit(1)


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option(help="Keep the data directory there instead of a temporary one.")] = None,
) -> None:
    """Show the main job on a temporary server: a file becomes a version, an alias moves, a webhook and audit rows follow.

    Exit 0 only if all of it happened and the webhook's signature was right.
    """
    from regista.cli.demo import demo as run  # noqa: PLC0415

    with _explained():
        configure_logging("error", "demo")
        raise typer.Exit(0 if _run(run(typer.echo, keep)) else 1)


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - options
    automation: Annotated[int | None, typer.Option(help="Let this automation act on them; its number.")] = None,
    webhook: Annotated[int | None, typer.Option(help="Send them to this endpoint as they are; its number.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="An event by its id; may be repeated.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="A type as alias.added; may be repeated.")] = None,
    subject: Annotated[str | None, typer.Option(help="What the subject begins with.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first moment, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The moment up to which, itself not included.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be sent, and send nothing.")] = False,  # noqa: FBT002
    url: Annotated[str, typer.Option(envvar="REGISTA_URL", help="The server.")] = "http://127.0.0.1:8080",
    api_key: Annotated[str, typer.Option(envvar="REGISTA_API_KEY", help="An API key; better in the variable.")] = "",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Send events of the past once more, to one automation or endpoint; exit 0 when all of them were judged."""
    from regista.cli.replays import Replayer, Target  # noqa: PLC0415

    if (automation is None) == (webhook is None):
        raise typer.BadParameter("give either --automation or --webhook")
    target = Target("automations", automation) if automation is not None else Target("webhooks", webhook or 0)
    asked = {"events": event, "types": kind, "subject": subject, "from": since, "to": until}
    wanted = {name: value for name, value in asked.items() if value}
    if not wanted:
        raise typer.BadParameter("say which events: --event, --type, --subject, --from or --to")
    with _explained(), Replayer(url, api_key) as server:
        hidden = as_json or not sys.stderr.isatty()
        with typer.progressbar(length=1000, label="replaying", file=sys.stderr, hidden=hidden) as bar:

            def tell(share: float) -> None:
                bar.update(int(1000 * share) - bar.pos)

            if dry_run:
                ended = server.rehearse(target, wanted, tell)
            else:
                ended = server.follow(server.start(target, wanted), tell)
        if as_json:
            typer.echo(json.dumps(ended))
        elif dry_run:
            typer.echo(f"events examined: {ended['examined']}, would be sent: {ended['fires']}")
        else:
            typer.echo(
                f"replay {ended['id']} {ended['state']}; events examined: {ended['examined']}, fired: {ended['fired']}"
            )
        if not dry_run and ended["state"] != "finished":
            raise typer.Exit(1)


@audit.command("verify")
def audit_verify(data_dir: DataDir = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Recompute the hash chains of the audit log; name the first row that does not fit and exit 1."""
    from regista.cli.maintenance import verify_audit  # noqa: PLC0415

    with _explained():
        settings = _settings(data_dir)
        configure_logging("error", "audit verify")
        result = _run(verify_audit(settings, progress=not as_json and sys.stderr.isatty()))
        typer.echo(json.dumps(result.as_json()) if as_json else result.as_text())
        if not result.intact:
            raise typer.Exit(1)


def _settings(data_dir: Path | None) -> Settings:
    settings = Settings()
    return settings if data_dir is None else settings.model_copy(update={"data_dir": data_dir})


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


@contextmanager
def _explained() -> Generator[None]:
    """Say in a sentence what an operator can mend, instead of a traceback."""
    try:
        yield
    except RegistaError as error:
        typer.echo(f"regista: {error.message}", err=True)
        raise typer.Exit(2) from None
    except ValidationError as error:
        for one in error.errors():
            name, said = str(one["loc"][0]).upper(), one["msg"].removeprefix("Value error, ")
            typer.echo(f"regista: REGISTA_{name} is not valid: {said}", err=True)
        raise typer.Exit(2) from None
    except Exception as error:
        advice = _advice(error)
        if advice is None:
            raise
        typer.echo(f"regista: {str(error) or type(error).__name__}; {advice}", err=True)
        raise typer.Exit(2) from None


def _advice(error: Exception) -> str | None:
    """Return what to do about an error of the system or of the database; None for one that is ours."""
    from asyncpg import InvalidCatalogNameError  # noqa: PLC0415

    from regista.kit.db.faults import cause_of, is_outage  # noqa: PLC0415

    if isinstance(error, OSError) and error.filename is not None:
        return "check --data-dir and REGISTA_DATA_DIR"
    if is_outage(error) or isinstance(cause_of(error), InvalidCatalogNameError):
        return "check REGISTA_DATABASE_URL and that the server runs"
    return None
