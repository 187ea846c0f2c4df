"""Automations: what is to happen on which events, and the one decision about each pair of event and automation.

Where things are
    Definitions, their index and their REST stand here. `language` is CEL on the words of events, `payloads` what an action
    sends, `deciding` the decision with its limits, `executions` what became of it, `past` explain, simulate and replay,
    `watching` the consumer of metrics, `secrets` what payloads and headers may refer to.

Who writes
    People save automations: each save is an immutable revision, and moves the catalogue's version in the same
    transaction. Planners (`deciding.decisions.decide`) insert a decision per candidate, first come first served: the others, and
    every redelivery, read it back and obey.

Who reads
    Every batch reads the catalogue's version first, one row, and loads what has moved: a saved change holds from the
    next event on, in every process. Explanations read decisions.

What holds an automation back
    Its limits (`deciding.allowance`, pure, in the time of events), counted once where a decision is made: whoever decides holds
    the automation's row of ``automation_limit`` until it commits. Its author, who must still have access at that moment.
    Itself: an event that its own action led to, or at the end of a chain of 16, is a loop. Each is a decision with its
    reason, and each action of a decision is an execution, read through the view of that name.

What no batch brings
    Replays (`past.replaying`) and what a limit has put off stand in ``execution_due`` until a planner's worker takes them, in
    the transaction that plans them.

What a crash leaves
    A decision and the ledger rows that follow from it commit together in the planner's transaction, so either both are
    there or neither, and the batch comes again.
"""
