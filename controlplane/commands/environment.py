"""What admin commands find in the environment; a setting that is missing is named."""

import os

from controlplane.errors import ConfigurationError
from controlplane.secret_box import SETTING, SecretBox


def database_url() -> str:
    """Raises `ConfigurationError`, as all of these."""
    return _required("DATABASE_URL", "write postgresql://…")


def redis_url() -> str:
    """Where heartbeats are."""
    return _required("REDIS_URL", "write redis://…")


def esl_password() -> str:
    """Of the FreeSWITCH on this machine."""
    return _required("ALLORESTO_ESL_PASSWORD", "FreeSWITCH's ESL password")


def secret_keys_if_set() -> str | None:
    """The keys of the SIP passwords, newest first, separated by commas."""
    return _given(SETTING)


def secret_box() -> SecretBox:
    """With the keys that seal and open SIP passwords."""
    return SecretBox.from_keys(_required(SETTING, "keys, newest first, separated by commas"))


def has_database() -> bool:
    """Whether `database_url` would find one."""
    return _given("DATABASE_URL") is not None


def _required(name: str, what: str) -> str:
    value = _given(name)
    if value is None:
        raise ConfigurationError(f"{name} is not set: {what}")
    return value


def _given(name: str) -> str | None:
    return os.environ.get(name) or None
