"""Webhooks: endpoints, what is planned for them, and the request itself.

Who writes
    People make and change endpoints (`service`), each change with its event in one transaction. The `consumer` turns
    events into decisions and rows of delivery's ledger, in one transaction per batch, and hands the fresh rows to the
    dispatcher of its own process after the commit. A payload is rendered then (`planning`) and frozen in its row, with
    holes where secrets go in when it is sent.

Who reads
    Delivery calls `WebhookSender.send` with no database connection in hand. Endpoints are cached for 10 s at most,
    forgotten on a notification, and not cached at all while none can be heard.

What a crash leaves
    A batch that was not committed comes again from the bus; one that was is dropped by its keys. A row that was sent
    and not recorded is sent again with the same ``webhook-id``.
"""
