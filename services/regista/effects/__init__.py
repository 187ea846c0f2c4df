"""What all ways of sending have in common, between an execution and its row of the ledger, and from there to an event.

A way (webhooks, Slack) is a consumer group with a `Planner`, a worker of what is due by itself (`DueExecutions`), and a
`Sender` that delivery calls; what it makes of executions is a `Way`'s own.

Who writes
    `Planner` and `DueExecutions` decide, plan rows of the ledger and commit, in one transaction, and hand the fresh rows
    to the dispatcher of their own process after it. `announce` appends what delivery says of a lane as an event.

What a crash leaves
    A batch that was not committed comes again from the bus, and what was due is due still; what was committed is
    dropped by its keys when it comes again.
"""
