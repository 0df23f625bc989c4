"""A Postgres and its standby behind one address, to try a failover on: the old primary lives on,
read-only, and keeps its sessions.
"""

import time
from pathlib import Path
from typing import Final, Self

import psycopg

from controlplane.local.launch.postgres import PostgresServer, find_postgres
from controlplane.local.launch.process import ProcessFailed
from controlplane.local.launch.tcp_proxy import TcpProxy
from controlplane.local.launch.unprivileged import reachable_folder, service_user

CAUGHT_UP_S: Final = 20.0
"""On loopback a standby is milliseconds behind."""
POLL_S: Final = 0.02

_WRITING: Final = b"SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
_WRITTEN: Final = b"SELECT pg_current_wal_flush_lsn()"
_REPLAYED: Final = b"SELECT pg_last_wal_replay_lsn() >= %s"


class PostgresPair:
    """A context manager. Clients connect to `url`, which leads to `primary`."""

    def __init__(self, folder: Path) -> None:
        """`folder` exists, and the services' user can pass through it."""
        self._folder = folder
        self.primary = self._server("one")
        self.standby = self._server("two")
        self._servers = 2
        self.proxy = TcpProxy(0)
        self.url = ""

    def fail_over(self) -> None:
        """Promote the standby, with all that was committed, and route new connections to it.

        It is done once, and once more after each `renew_standby`.

        Existing connections stay with the old primary, which only reads from now on.
        """
        self.primary.demote()
        with self.primary.admin() as old, self.standby.admin() as new:
            _wait(old, _WRITING)
            old.execute(b"CHECKPOINT")  # sends what was committed asynchronously
            (written,) = old.execute(_WRITTEN).fetchone() or (None,)
            _wait(new, _REPLAYED, written)
            new.execute(b"SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary
        self.proxy.route(self.primary.port)

    def renew_standby(self) -> None:
        """Give the primary another standby in place of the one it left: it may fail over again."""
        self.standby.stop()
        self._servers += 1
        self.standby = self._server(f"standby-{self._servers}")
        self.standby.follow(self.primary)
        self.standby.start()

    @property
    def left_behind(self) -> int:
        """Count the connections that are still to the demoted server."""
        return self.proxy.connections(self.standby.port)

    def __enter__(self) -> Self:
        try:
            self.primary.start()
            self.standby.follow(self.primary)
            self.standby.start()
            self.proxy.route(self.primary.port)
            self.url = self.proxy.__enter__().url(self.primary.url)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()
        self._stop()

    def _server(self, name: str) -> PostgresServer:
        home = self._folder / f"postgres-{name}"
        home.mkdir(mode=0o711)
        user = service_user(home)
        return PostgresServer(
            find_postgres(),
            reachable_folder(home, user),
            log_file=home / "postgres.log",
            user=user,
            disposable=True,
        )

    def _stop(self) -> None:
        self.standby.stop()
        self.primary.stop()


def _wait(connection: psycopg.Connection, condition: bytes, *values: object) -> None:
    until = time.monotonic() + CAUGHT_UP_S
    while connection.execute(condition, values or None).fetchone() != (True,):
        if time.monotonic() >= until:
            raise ProcessFailed("the standby did not catch up")
        time.sleep(POLL_S)
