"""What admin commands find in the environment; a setting that is missing is named."""

import os
from typing import TYPE_CHECKING

from controlplane.errors import ConfigurationError

if TYPE_CHECKING:
    from controlplane.secret_box import SecretBox


def database_url() -> str:
    """Raises `ConfigurationError`, as all of these."""
    return _required("DATABASE_URL", "write postgresql://…")


def redis_url() -> str:
    """Where heartbeats are."""
    return _required("REDIS_URL", "write redis://…")


def esl_password() -> str:
    """Of the FreeSWITCH on this machine."""
    return _required("ALLORESTO_ESL_PASSWORD", "FreeSWITCH's ESL password")


def secret_box() -> "SecretBox":
    """With the keys that seal and open SIP passwords."""
    from controlplane.secret_box import SETTING, SecretBox

    return SecretBox.from_keys(_required(SETTING, "keys, newest first, separated by commas"))


def _required(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"{name} is not set: {what}")
    return value
