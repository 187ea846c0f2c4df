"""The audit: a projection of every event into rows that are chained, signed at intervals, and can be asked.

Who writes
    The consumer group ``audit``: one transaction per batch locks the chains of its shards (``audit_chain``), drops the
    ids that are there, links the others (SHA-256 over the hash before, the event's bytes and its context) and inserts
    them. It parks nothing: what it cannot decode is a row too.

Who reads
    ``GET /audit`` and the histories of collections and versions; `verification`, which computes every row again.

What a crash leaves
    before the commit        nothing; the batch comes again
    between commit and ack   the rows: the batch comes again and every id is found to be there
    two consumers on a shard the second waits for the chain's lock and continues behind the first
"""
