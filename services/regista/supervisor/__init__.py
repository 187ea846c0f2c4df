"""Composes services into processes, and watches over the processes of ``regista up``.

Processes of ``regista up``, and what the end of each leaves:

- *supervisor* (this one): PostgreSQL, the listening socket, signals, restarts. Killed: every child gets SIGTERM from the
  kernel (PostgreSQL SIGINT) and drains; nothing is lost, since nothing is kept here.
- *api*, ``--workers`` of them: accept on the shared socket. Killed: requests in flight fail without a commit or are
  committed whole; the socket stays open, so new connections wait for the successor instead of being refused.
- *engine*, one: relay, consumers, dispatchers, upkeep. Killed: outbox rows stay and are published again, batches not
  committed are handled again, deliveries in flight are sent again under the same ``webhook-id``, and what has become due
  meanwhile is dealt with at the next start.

Stop order: API, engine, PostgreSQL: what the API accepted is on the outbox, and goes out at the next start at the latest.
"""
