"""Which database, Redis and FreeSWITCH an admin command is for.

The environment says so. Where it names neither a database nor a Redis, the stack that `make up`
runs in this folder is meant, and the admin is told.
"""

import os
import re
import sys
from collections.abc import Mapping
from typing import Final

import click

from controlplane.commands.stack_address import STACK_FILE, StackAddress
from controlplane.errors import ConfigurationError, ServiceUnavailable
from controlplane.secret_box import SETTING, SecretBox

LOOPBACK: Final = "127.0.0.1"
_STACK: Final = f"{__name__}.stack"


def database_url() -> str:
    """Where Postgres is. This and all below raise `ConfigurationError` for what is not set."""
    return _required("DATABASE_URL", "write postgresql://…")


def database_url_if_set() -> str | None:
    """Where Postgres is, for commands that can do without it."""
    return _find("DATABASE_URL")


def redis_url() -> str:
    """Where Redis is, which has the bridges' heartbeats."""
    return _required("REDIS_URL", "write redis://…")


def public_url() -> str:
    """Where the site is reached from outside, without a slash at its end."""
    url = _required("ALLORESTO_PUBLIC_URL", "the site's own, https://…")
    if not re.fullmatch(r"https?://\S+", url):
        raise ConfigurationError("ALLORESTO_PUBLIC_URL does not begin with https://")
    return url.rstrip("/")


def esl_password(host: str = LOOPBACK) -> str:
    """What opens a FreeSWITCH's event socket. The stack's is never sent to another host."""
    if host == LOOPBACK:
        return _required("ALLORESTO_ESL_PASSWORD", "FreeSWITCH's ESL password")
    password = os.environ.get("ALLORESTO_ESL_PASSWORD")
    if not password:
        raise ConfigurationError(f"ALLORESTO_ESL_PASSWORD is not set: the ESL password of {host}")
    return password


def esl_port(host: str = LOOPBACK) -> int:
    """Where that event socket listens; 8021 is FreeSWITCH's own choice."""
    name = "ALLORESTO_ESL_PORT"
    port = (_find(name) if host == LOOPBACK else os.environ.get(name)) or "8021"
    if not port.isdecimal():
        raise ConfigurationError("ALLORESTO_ESL_PORT is not a number")
    return int(port)


def sip_profile() -> str:
    """Which of its SIP profiles has the gateways."""
    return os.environ.get("ALLORESTO_SIP_PROFILE") or "external"


def secret_box() -> SecretBox:
    """What seals and opens SIP passwords."""
    return SecretBox.from_keys(_required(SETTING, "keys, newest first, separated by commas"))


def secret_keys_if_set() -> str | None:
    """Its keys, for migrations that need them only where passwords are in clear."""
    return _find(SETTING)


def _required(name: str, what: str) -> str:
    value = _find(name)
    if value is None:
        or_else = "" if _names_services() else "; or start a stack in this folder: make up"
        raise ConfigurationError(f"{name} is not set: {what}{or_else}")
    return value


def _find(name: str) -> str | None:
    return os.environ.get(name) or _stack().get(name)


def _stack() -> Mapping[str, str]:
    """The settings of the stack in this folder; looked for, and told of, once a command."""
    found_already = click.get_current_context().meta
    if _STACK not in found_already:
        found_already[_STACK] = _look_for_stack()
    settings: Mapping[str, str] = found_already[_STACK]
    return settings


def _look_for_stack() -> Mapping[str, str]:
    if _names_services():
        return {}
    try:
        settings = StackAddress.load(STACK_FILE).settings()
    except ServiceUnavailable:
        return {}
    print("alloresto: on the stack that `make up` runs in this folder", file=sys.stderr)
    return settings


def _names_services() -> bool:
    return bool(os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"))
