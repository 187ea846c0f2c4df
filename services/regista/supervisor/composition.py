"""Which services run together in a process."""

import hashlib
import socket
from collections.abc import Callable, Sequence

from regista.audit.consumer import AuditProjection
from regista.automations.catalogue import Catalogue
from regista.delivery import Dispatcher
from regista.kit.bus.local import LocalBus
from regista.kit.bus.model import Consumer
from regista.kit.dead_letter import DeadLetters
from regista.kit.errors import ConfigurationError
from regista.kit.runtime import Runtime
from regista.kit.service import Service
from regista.kit.settings import Settings
from regista.relay.service import Relay
from regista.supervisor.parts import Part
from regista.upkeep import Upkeep
from regista.upkeep.schedule import sweeps
from regista.webhooks.consumer import Planner
from regista.webhooks.sender import WebhookSender


def engine(runtime: Runtime) -> Sequence[Service]:
    """Return all but the API, for one process: relay, consumers, dispatcher, upkeep."""
    dispatcher = _dispatcher(runtime)
    consumers: list[Consumer] = [_planner(runtime, dispatcher), _audit(runtime)]
    parking = DeadLetters(runtime.database)
    bootstrap = runtime.settings.kafka_bootstrap_servers
    if bootstrap is None:
        return [dispatcher, Relay(runtime, LocalBus(consumers, parking)), _upkeep(runtime)]
    from regista.supervisor.kafka import KafkaRelay, KafkaSubscriber  # noqa: PLC0415 - the local bus never pays for it

    instance = _instance(runtime.settings)
    subscribers = [KafkaSubscriber(bootstrap, consumer, parking, instance=instance) for consumer in consumers]
    return [dispatcher, *subscribers, KafkaRelay(runtime, bootstrap), _upkeep(runtime)]


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

    def consuming(consumer: Consumer) -> KafkaSubscriber:
        return KafkaSubscriber(bootstrap, consumer, DeadLetters(runtime.database))

    def webhooks() -> Sequence[Service]:
        dispatcher = _dispatcher(runtime)
        return [dispatcher, consuming(_planner(runtime, dispatcher))]

    made: dict[Part, Callable[[], Sequence[Service]]] = {
        Part.RELAY: lambda: [KafkaRelay(runtime, bootstrap)],
        Part.WEBHOOKS: webhooks,
        Part.AUDIT: lambda: [consuming(_audit(runtime))],
    }
    return made[name]()


def _planner(runtime: Runtime, dispatcher: Dispatcher) -> Consumer:
    return Planner(runtime.database, Catalogue(), dispatcher)


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


def _dispatcher(runtime: Runtime) -> Dispatcher:
    return Dispatcher(runtime, [WebhookSender(runtime)])
