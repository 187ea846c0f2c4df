"""Which services run together in a process."""

import hashlib
import socket
from collections.abc import Callable, Sequence

from regista.audit.consumer import AuditProjection
from regista.automations.catalogue import Catalogue
from regista.automations.past import due_repository, replay
from regista.automations.past.replaying import Replays
from regista.automations.watching.watcher import Watcher
from regista.delivery import Dispatcher
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner, Way
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Consumer, Source
from regista.kit.dead_letter import DeadLetters
from regista.kit.errors import ConfigurationError
from regista.kit.rounds import Rounds
from regista.kit.runtime import Runtime
from regista.kit.service import Service
from regista.kit.settings import Settings
from regista.relay import METRICS, Relay
from regista.slack.planning import SLACK
from regista.slack.sender import SlackSender
from regista.supervisor.parts import Part
from regista.upkeep import Upkeep
from regista.upkeep.schedule import sweeps
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.sender import WebhookSender
from regista_events import metrics

_SENDERS = {WEBHOOKS.kind: WebhookSender, SLACK.kind: SlackSender}
_METRIC_LINES = Source(METRICS.topic, metrics.decode)


def engine(runtime: Runtime) -> Sequence[Service]:
    """Return all but the API, for one process: relays, consumers, dispatcher, upkeep."""
    planners, sending = _sending(runtime, [WEBHOOKS, SLACK])
    consumers: list[Consumer] = [*planners, _audit(runtime)]
    watcher = _watcher(runtime)
    parking = DeadLetters(runtime.database)
    bootstrap = runtime.settings.kafka_bootstrap_servers
    if bootstrap is None:
        watching = LocalBus([watcher], parking, outbox=METRICS.table, decode=_METRIC_LINES.decode)
        return [
            *sending,
            Relay(runtime, LocalBus(consumers, parking)),
            Relay(runtime, watching, outlet=METRICS),
            _upkeep(runtime),
        ]
    from regista.supervisor.kafka import KafkaRelay, KafkaSubscriber  # noqa: PLC0415 - the local bus never pays for it

    instance = _instance(runtime.settings)
    return [
        *sending,
        *(KafkaSubscriber(bootstrap, consumer, parking, instance=instance) for consumer in consumers),
        KafkaSubscriber(bootstrap, watcher, parking, source=_METRIC_LINES, instance=instance),
        KafkaRelay(runtime, bootstrap),
        KafkaRelay(runtime, bootstrap, METRICS),
        _upkeep(runtime),
    ]


def part(runtime: Runtime, name: Part) -> Sequence[Service]:
    """Return the services of one process of a distributed installation.

    Raises `ConfigurationError` without Kafka for all that the bus joins: on the local one the relay hands records to
    consumers of its own process.
    """
    if name is Part.UPKEEP:
        return [_upkeep(runtime)]
    bootstrap = runtime.settings.kafka_bootstrap_servers
    if bootstrap is None:
        raise ConfigurationError(
            f"`regista serve {name}` needs Kafka: without REGISTA_KAFKA_BOOTSTRAP_SERVERS, relay and consumers share one "
            "process; run `regista up` instead"
        )
    from regista.supervisor.kafka import KafkaRelay, KafkaSubscriber  # noqa: PLC0415 - as above

    parking = DeadLetters(runtime.database)

    def sending(way: Way) -> Sequence[Service]:
        planners, rest = _sending(runtime, [way])
        return [*rest, *(KafkaSubscriber(bootstrap, planner, parking) for planner in planners)]

    def watching() -> Sequence[Service]:
        watcher = _watcher(runtime)
        return [KafkaSubscriber(bootstrap, watcher, parking, source=_METRIC_LINES)]

    made: dict[Part, Callable[[], Sequence[Service]]] = {
        Part.RELAY: lambda: [KafkaRelay(runtime, bootstrap), KafkaRelay(runtime, bootstrap, METRICS)],
        Part.WEBHOOKS: lambda: sending(WEBHOOKS),
        Part.SLACK: lambda: sending(SLACK),
        Part.AUDIT: lambda: [KafkaSubscriber(bootstrap, _audit(runtime), parking)],
        Part.METRICS: watching,
    }
    return made[name]()


def _watcher(runtime: Runtime) -> Watcher:
    return Watcher(runtime.database, Catalogue(), runtime.public_url)


def _sending(runtime: Runtime, ways: Sequence[Way]) -> tuple[list[Consumer], list[Service]]:
    """Return the planners of these ways, and what runs beside them: what sends, what is due by itself, what replays.

    Whoever sends webhooks drives the replays.
    """
    database, catalogue = runtime.database, Catalogue()
    dispatcher = Dispatcher(runtime, [_SENDERS[way.kind](runtime) for way in ways])
    services: list[Service] = [
        dispatcher,
        *(
            Rounds(
                f"due of {way.group}",
                database,
                due_repository.CHANNEL,
                DueExecutions(way, database, catalogue, dispatcher).round,
            )
            for way in ways
        ),
    ]
    if WEBHOOKS in ways:
        services.append(Rounds("replays", database, replay.CHANNEL, Replays(database).round))
    return [Planner(way, database, catalogue, dispatcher) for way in ways], services


def _audit(runtime: Runtime) -> Consumer:
    return AuditProjection(runtime.database, runtime.vault)


def _upkeep(runtime: Runtime) -> Upkeep:
    return Upkeep(runtime, sweeps(runtime.settings))


def _instance(settings: Settings) -> str:
    """Return a name that the engine's successor on this data directory has too.

    A static member of the group takes its partitions back at once; another would wait until the dead one's session ends.
    """
    place = f"{socket.gethostname()}:{settings.data_dir.absolute()}"
    return f"engine-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
