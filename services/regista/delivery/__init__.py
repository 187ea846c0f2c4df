"""The ledger of effects: what is to be sent, in which lane, what became of each attempt. Knows no HTTP and no Slack.

Who writes
    A *planner* (webhooks, Slack) inserts rows of ``delivery`` and ``delivery_due`` with `plan`, in the transaction that
    consumes the event. ``delivery.position`` is the order of the ledger; of a strict FIFO lane (concurrency 1) `plan`
    locks the row first, so there it is also the order of commits. From then on only the *owner* of the lane writes
    them: the one `Dispatcher` that holds the lane's shard (``lane_shard``: 64 of each kind of lanes, ``lane.shard``),
    among those that serve its kind. People write too: redeliver, cancel, enable, disable.

Who reads
    The owner keeps a short queue in memory per lane: fresh rows handed over by a planner of its own process after the
    commit, and whatever the database holds besides. Memory is never the only copy: ``delivery_due`` has every row that
    is still to be sent, and a row in memory is not marked anywhere.

Ownership
    A dispatcher beats twice a second by the database's clock; whoever finds one silent for 4 s, or for 2.25 s where its
    connection has ended too, deletes its row and frees its shards in one statement, and each new owner raises the
    shard's epoch. Each kind of lanes has shards of its own, shared by those dispatchers alone that have a sender for it:
    shares are counted per kind, and who sends webhooks only never holds a lane of Slack. Nothing is sent when the last
    beat was asked for more than 2 s ago. Every write of an owner checks (owner, epoch) in the same statement and holds a
    share lock on the owner's row in ``dispatcher``, which that deletion needs: a writer that was declared dead writes
    nothing.

What a crash leaves
    before the plan's commit     nothing; the bus repeats the event, and the ledger's key drops what is there already
    after it                     a pending row, which the owner's poll finds within a second
    between send and record      a pending row: it is sent again with the same id by the next owner, as attempt of the
                                 same number. At most what was in flight or not yet recorded, some milliseconds' worth
    during the record            all of a batch or nothing of it, its announcements included
    PostgreSQL down              outcomes are kept and recorded when it is back, if the shard is still ours; sending
                                 stops with the beat

Attempts are judged by `verdict`, streaks of failures by `streak`, lanes closed by `circuit`, all pure; `lane` is the
queue of one lane and `rota` decides which lane is served next.
"""

from regista.delivery.contract import Claimed, LaneNews, NewDelivery, News, Outcome, Sender, Throttle
from regista.delivery.dispatcher import Dispatcher
from regista.delivery.lanes import create_lane, disable_lane, enable_lane, remove_lane, update_lane
from regista.delivery.planning import plan

__all__ = [
    "Claimed",
    "Dispatcher",
    "LaneNews",
    "NewDelivery",
    "News",
    "Outcome",
    "Sender",
    "Throttle",
    "create_lane",
    "disable_lane",
    "enable_lane",
    "plan",
    "remove_lane",
    "update_lane",
]
