"""The bus between the outbox and the consumers: Kafka, or the consumers of this process (local).

Both give the same promise: each record reaches each group at least once, in the order of its shard; a record that a
group cannot take is parked with its origin; an outage of a dependency blocks and parks nothing.
"""
