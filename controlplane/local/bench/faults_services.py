"""Redis and Postgres of a benchmark of faults: two of each behind one address, to be broken."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from controlplane.local.launch.postgres import PostgresServer
from controlplane.local.launch.postgres_pair import PostgresPair
from controlplane.local.launch.tcp_proxy import TcpProxy
from controlplane.local.launch.valkey import ValkeyServer
from controlplane.local.launch.valkey_pair import ValkeyPair

SLOW_S: Final = 3.0
"""Every answer comes so late…"""
SLOW_FOR_S: Final = 10.0
"""… for so long."""


class FaultyServices:
    """A context manager; `environment` tells a stack where to find both."""

    def __init__(self, folder: Path) -> None:
        """`folder` exists, and the services' user can pass through it."""
        self.redis, self.postgres = ValkeyPair(folder), PostgresPair(folder)
        self._undo = contextlib.ExitStack()

    @property
    def environment(self) -> Mapping[str, str]:
        return {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.redis)
            undo.enter_context(self.postgres)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def restart_redis(self, *, away_s: float) -> None:
        """End it and start it again, empty, after so long."""
        _restart(self.redis.primary, away_s=away_s)

    def restart_postgres(self, *, away_s: float) -> None:
        """End it and start it again after so long; what was committed is there."""
        _restart(self.postgres.primary, away_s=away_s)

    def demote_redis(self) -> None:
        """Make the other server the primary: connections stay with the old one, which reads."""
        self.redis.fail_over()

    def demote_postgres(self) -> None:
        """Make the standby the primary; then give it a standby of its own for the next time."""
        self.postgres.fail_over()

    def renew_standby(self) -> None:
        """Give Postgres a standby again after `demote_postgres`, once nobody needs the old one."""
        self.postgres.renew_standby()

    @contextlib.contextmanager
    def slow(self, proxy: TcpProxy) -> Iterator[None]:
        """Let every answer come `SLOW_S` late: half on the way there, half on the way back."""
        proxy.delay_s = SLOW_S / 2
        try:
            yield
        finally:
            proxy.delay_s = 0.0


def _restart(server: ValkeyServer | PostgresServer, *, away_s: float) -> None:
    server.stop()
    time.sleep(away_s)
    server.start()
