"""Slack: channels, what is said in them, and the call that says it.

Who writes
    People make and change channels (`service`), each change with its event in one transaction. The planner of the group
    ``slack`` (`effects.planner`, with `planning.SLACK`) turns events into decisions and rows of delivery's ledger. The
    message is rendered then (`message`) and frozen in its row; channel and token are put beside it when it is sent.

Who reads
    Delivery calls `SlackSender.send` with no database connection in hand; a channel is cached as any route is. The lane
    of a channel starts one message a second, and rests for as long as Slack asks for.

What a crash leaves
    A batch that was not committed comes again from the bus; one that was is dropped by its keys. A message that was
    posted and not recorded is posted again: Slack has no key by which it would know it.
"""
