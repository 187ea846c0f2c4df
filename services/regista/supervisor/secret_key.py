"""Is the secret key the one that the database was sealed with? A wrong one would show only where a secret is needed.

Who writes: `keep_secret_key`, wherever an installation is prepared. Who reads: every process when it starts, and doctor.
The table has no row before the first preparation, and then the id of the key that whatever is stored needs, if only to
tell the installation's own signatures.
"""

from regista.kit.db import Transaction
from regista.kit.errors import ConfigurationError
from regista.kit.vault import Vault

_SEALED = """
    SELECT sealed FROM webhook_key WHERE expires_at IS NULL OR expires_at > now()
    UNION ALL SELECT headers FROM endpoint UNION ALL SELECT access_token FROM endpoint
    UNION ALL SELECT token FROM slack_channel UNION ALL SELECT url FROM slack_channel
    UNION ALL SELECT sealed FROM secret
"""
"""Whatever a `Vault` has sealed."""


async def check_secret_key(transaction: Transaction, vault: Vault) -> None:
    """Return if the vault has the key that the database needs. Raises `ConfigurationError`.

    That is the one which is kept, or whatever all that is sealed needs, once it was sealed anew.
    """
    kept: bytes | None = await transaction.connection.fetchval("SELECT id FROM secret_key")
    if kept is None or kept in vault.key_ids:
        return
    opens: bool | None = await transaction.connection.fetchval(
        f"SELECT bool_and(substring(sealed FROM 2 FOR 8) = ANY($1::bytea[])) FROM ({_SEALED}) stored (sealed)",  # noqa: S608 - constants
        list(vault.key_ids),
    )
    if not opens:
        raise ConfigurationError(
            "REGISTA_SECRET_KEY is not the key that this database was sealed with, and its secrets do not open; put the "
            "old key back (a generated one is in secret.key of the data directory), behind a new one if it is to be "
            "replaced: newest first, separated by commas. If it is lost, so are the secrets: DELETE FROM secret_key in the "
            "database, start, and set each of them again"
        )


async def keep_secret_key(transaction: Transaction, vault: Vault) -> None:
    """Check the key and keep the id of the newest, once nothing that is stored needs an older one.

    Raises `ConfigurationError`.
    """
    await check_secret_key(transaction, vault)
    newest = vault.key_ids[0]
    await transaction.connection.execute(
        f"""INSERT INTO secret_key (id) VALUES ($1)
            ON CONFLICT (single) DO UPDATE SET id = $1
            WHERE secret_key.id <> $1
              AND NOT EXISTS (SELECT FROM ({_SEALED}) stored (sealed) WHERE substring(sealed FROM 2 FOR 8) <> $1)""",  # noqa: S608 - constants
        newest,
    )
