"""Two Valkeys behind one address, to try failovers on: the old primary lives on as a replica."""

import time
from pathlib import Path
from typing import Final, Self

from controlplane.local.launch.process import ProcessFailed
from controlplane.local.launch.tcp_proxy import TcpProxy
from controlplane.local.launch.unprivileged import reachable_folder, service_user
from controlplane.local.launch.valkey import ValkeyServer, find_valkey

LINKED_S: Final = 20.0
"""A replica without data follows within a second."""
POLL_S: Final = 0.05


class ValkeyPair:
    """A context manager. Clients connect to `url`, which leads to `primary`."""

    def __init__(self, folder: Path) -> None:
        """`folder` exists, and the services' user can pass through it."""
        self._folder = folder
        self.primary = self._server("one")
        self.replica = self._server("two", password=self.primary.password)
        self.proxy = TcpProxy(0)
        self.url = ""

    def fail_over(self, *, linked: bool = True) -> None:
        """Promote the replica, make the old primary its replica, route new connections to the new.

        Not `linked`, the old one reaches nobody: what it answers grows old. Existing connections
        stay where they are.
        """
        self.primary, self.replica = self.replica, self.primary
        self.primary.lead()
        self.replica.follow(self.primary if linked else self.replica)
        self.proxy.route(self.primary.port)

    @property
    def left_behind(self) -> int:
        """Count the connections that are still to the demoted server."""
        return self.proxy.connections(self.replica.port)

    def __enter__(self) -> Self:
        try:
            self.primary.start()
            self.replica.start().follow(self.primary)
            self._wait_linked()
            self.proxy.route(self.primary.port)
            self.url = self.proxy.__enter__().url(self.primary.url)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()
        self._stop()

    def _server(self, name: str, *, password: str | None = None) -> ValkeyServer:
        home = self._folder / f"valkey-{name}"
        home.mkdir(mode=0o711)
        user = service_user(home)
        return ValkeyServer(
            find_valkey(),
            reachable_folder(home, user),
            log_file=home / "valkey.log",
            user=user,
            password=password,
        )

    def _wait_linked(self) -> None:
        until = time.monotonic() + LINKED_S
        with self.replica.admin() as client:
            while client.info("replication")["master_link_status"] != "up":
                if time.monotonic() >= until:
                    raise ProcessFailed("the replica does not follow")
                time.sleep(POLL_S)

    def _stop(self) -> None:
        self.primary.stop()
        self.replica.stop()
