"""Says where the stack that `alloresto up` runs in this folder is: it writes, others read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from redis.exceptions import RedisError

from controlplane.errors import ServiceUnavailable
from controlplane.redis_clients import sync_redis

DATA_FOLDER: Final = Path(".alloresto")
"""One machine's stack keeps its data here, under the current directory; `ALLORESTO_DATA` moves what
`LocalServices` keeps there."""
STACK_FILE: Final = DATA_FOLDER / "stack.json"
PING_DEADLINE_S: Final = 2.0
"""A Redis on loopback answers in a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAddress:
    """Says where a running stack is, and holds its secrets."""

    switch: str
    realtime: str
    dial_uri: str
    """A caller dials this, through the carrier."""
    direct_uri: str
    """The carrier dials this; benchmarks of the bridge alone do so too."""
    database_url: str
    redis_url: str
    secret_keys: str
    """These keys of the SIP passwords are separated by commas, newest first."""
    esl_port: int
    esl_password: str
    public_url: str
    """Links to the site begin with it."""
    kitchen_url: str
    kitchen_token: str
    """It is that of a tablet that is paired with the demo restaurant."""
    owner_password: str
    """The demo's owner signs in with it."""
    journal: str | None
    """The Realtime simulator writes its journal here; None with OpenAI."""

    def save(self, file: Path) -> None:
        """Write it for other processes of this user, and for nobody else."""
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(asdict(self), handle)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote. Raises `ServiceUnavailable` when no stack of this user runs."""
        try:
            address = cls(**json.loads(_own_text(file)))
            sync_redis(address.redis_url, timeout_s=PING_DEADLINE_S).ping()
            return address
        except (OSError, ValueError, TypeError, RedisError) as error:
            raise ServiceUnavailable("rien ne tourne ici : lancez d’abord `make up`") from error

    def settings(self) -> dict[str, str]:
        """Return the environment an admin would set to work on this stack."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "ALLORESTO_PUBLIC_URL": self.public_url,
            "ALLORESTO_SECRET_KEYS": self.secret_keys,
            "ALLORESTO_ESL_PORT": str(self.esl_port),
            "ALLORESTO_ESL_PASSWORD": self.esl_password,
        }


def _own_text(file: Path) -> str:
    """Read the file. Raises `PermissionError` when others can reach it: passwords go where it
    points to.
    """
    with file.open(encoding="utf-8") as handle:
        about = os.fstat(handle.fileno())
        if about.st_uid != os.geteuid() or about.st_mode & 0o077:
            raise PermissionError(f"{file} is not this user's alone")
        return handle.read()
