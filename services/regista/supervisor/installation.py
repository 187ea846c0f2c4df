"""What an installation needs and nobody set: made once, kept in the data directory, mode 0600."""

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from regista.kit import ids
from regista.kit.errors import ConfigurationError
from regista.kit.postgres import place
from regista.kit.settings import MAKE_KEY, Settings

SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name
ADMIN_KEY_FILE = "admin.key"
DATABASE_URL_FILE = "database.url"


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings with nothing left open; ``new_admin_key`` is the file of a key generated just now, None otherwise."""

    settings: Settings
    new_admin_key: Path | None


def is_installed(settings: Settings) -> bool:
    """Return whether there is a database: one that is named, or the embedded one in the data directory."""
    data = settings.data_dir.absolute().resolve()
    homes = (data / "postgres", place.SYSTEM_DIRECTORY / f"postgres-{place.fingerprint(data)}")
    return settings.database_url is not None or (data.is_dir() and any((home / "cluster").exists() for home in homes))


def complete(settings: Settings, *, embedded: bool) -> Installation:
    """Fill in the secret key and the admin's key from the data directory, generating what is not there yet.

    Raises `ConfigurationError` when ``REGISTA_SECRET_KEY`` is unset although the database is not ``embedded``: whoever
    loses that key loses every secret in the database, so it must be kept where the database's other keys are.
    """
    data = settings.data_dir.absolute()
    update: dict[str, object] = {"data_dir": data}
    if settings.secret_key is None:
        if not embedded:
            raise ConfigurationError(
                "REGISTA_SECRET_KEY is not set; with a database of your own it must be, since it encrypts the secrets in it. "
                f"Generate one with: {MAKE_KEY}"
            )
        update["secret_key"] = SecretStr(_kept(data / SECRET_KEY_FILE, ids.token(32))[0])
    new = False
    if settings.admin_api_key is None:
        key, new = _kept(data / ADMIN_KEY_FILE, ids.api_key())
        update["admin_api_key"] = SecretStr(key)
    return Installation(settings.model_copy(update=update), data / ADMIN_KEY_FILE if new else None)


def kept_secret_key(settings: Settings) -> SecretStr | None:
    """Return the secret key that was generated into the data directory, None where none was."""
    try:
        return SecretStr((settings.data_dir / SECRET_KEY_FILE).read_text().strip())
    except FileNotFoundError:
        return None


def publish_database_url(settings: Settings, url: str) -> None:
    """Keep the running embedded server's URL beside it, for maintenance commands and psql; it holds the password."""
    path = settings.data_dir / DATABASE_URL_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(url + "\n")


def published_database_url(settings: Settings) -> str | None:
    """Return the URL of the embedded server that `regista up` runs on the data directory, None if none was kept."""
    try:
        return (settings.data_dir / DATABASE_URL_FILE).read_text().strip()
    except FileNotFoundError:
        return None


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables under which a child process reads the same settings."""
    found = dict(os.environ)
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        variable = f"REGISTA_{name.upper()}"
        if value is None:
            found.pop(variable, None)
        elif isinstance(value, SecretStr):
            found[variable] = value.get_secret_value()
        else:
            found[variable] = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _kept(path: Path, fresh: str) -> tuple[str, bool]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name and linked: of two processes that start at once, both read the same key.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
        new = True
    except FileExistsError:
        new = False
    finally:
        draft.unlink()
    return path.read_text().strip(), new
