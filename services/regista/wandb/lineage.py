"""What runs logged and used, and which runs logged and used an artifact."""

from typing import Any, Literal

from ariadne import ObjectType, UnionType

from regista.access.actions import Action
from regista.access.directory import Person
from regista.access.verdict import decide
from regista.kit.db import Transaction
from regista.registry import service
from regista.registry.subjects import Artifact
from regista.tracking.repository import projects_by_ids, runs_by_ids
from regista.tracking.subjects import Run
from regista.wandb.artifacts import artifacts
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.loading import people
from regista.wandb.paging import connection, page_size, read_position

artifact_type = ObjectType("Artifact")
run_type = ObjectType("Run")
creator_type = UnionType("ArtifactCreator")


@creator_type.type_resolver
def _creator(creator: Run | Person, *_rest: Any) -> str:
    return "Run" if isinstance(creator, Run) else "User"


@artifact_type.field("createdBy")
async def _created_by(artifact: Artifact, info: Info) -> Run | Person | None:
    exchange, number = exchange_of(info), artifact.run_id
    if number is not None:
        return (await exchange.read(lambda tx: _runs(tx, exchange, [number]))).get(number)
    return await people.get(exchange, artifact.account_id) if artifact.account_id is not None else None


@artifact_type.field("usedBy")
async def _used_by(artifact: Artifact, info: Info, first: int | None = None, after: str | None = None) -> Any:
    exchange, size, behind = exchange_of(info), page_size(first, 1000), read_position(after)

    async def load(tx: Transaction) -> list[Run]:
        numbers = await service.runs_using(tx, exchange.actor, artifact.id, behind, size + 1)
        return list((await _runs(tx, exchange, numbers)).values())

    return connection(await exchange.read(load), size, lambda run: (run.id,))


@run_type.field("outputArtifacts")
async def _output(run: Run, info: Info, first: int | None = None, after: str | None = None) -> Any:
    return await _of_run(run, exchange_of(info), "output", first, after)


@run_type.field("inputArtifacts")
async def _input(run: Run, info: Info, first: int | None = None, after: str | None = None) -> Any:
    return await _of_run(run, exchange_of(info), "input", first, after)


async def _of_run(
    run: Run, exchange: Exchange, direction: Literal["input", "output"], first: int | None, after: str | None
) -> dict[str, Any]:
    size, behind, actor = page_size(first), read_position(after), exchange.actor

    async def load(tx: Transaction) -> list[Artifact]:
        logged = await service.artifacts_of_run(tx, actor, run.id, direction, behind, size + 1)
        loaded = await service.artifacts_by_ids(tx, actor, [each.artifact_id for each in logged])
        artifacts.remember(exchange, loaded)
        return [loaded[each.artifact_id] for each in logged if each.artifact_id in loaded]

    return connection(
        await exchange.read(load),
        size,
        lambda artifact: (artifact.id,),
        total=lambda: exchange.read(lambda tx: service.count_artifacts_of_run(tx, actor, run.id, direction)),
    )


async def _runs(transaction: Transaction, exchange: Exchange, numbers: list[int]) -> dict[int, Run]:
    """Return the runs that the caller may see, by id, in the order of ids."""
    organization = exchange.actor.organization_id
    found = await runs_by_ids(transaction, organization, numbers)
    projects = await projects_by_ids(transaction, organization, [run.project_id for run in found.values()])
    return {
        number: found[number]
        for number in sorted(found)
        if decide(exchange.actor, Action.RUN_READ, projects[found[number].project_id].resource()).allowed
    }


BINDINGS: tuple[Any, ...] = (artifact_type, run_type, creator_type)
