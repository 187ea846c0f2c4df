"""The number of shards: outbox lanes, Kafka partitions and audit chains alike.

Fixed at installation. An aggregate's shard is ``id % SHARDS``, computed by the database in the generated column
``aggregate.shard``, so that no two programs can disagree about it.
"""

SHARDS = 16


def shard_of(aggregate_id: int) -> int:
    """Return the shard, 0 to 15, in whose order the aggregate's events are published."""
    return aggregate_id % SHARDS
