"""Secrets by name: written once, never shown, put in where something is sent.

Who writes: people, through `service`, each change with its event. Who reads: senders, which resolve the references
(``${secret.NAME}``) of what they are about to send and forget the values when `repository.CHANNEL` is notified. What a
secret is used by is recorded, integrations in ``secret_use``, payloads of automations in ``automation_secret``, under a
shared lock on the secret, so that none is deleted while in use.
"""
