"""Provides Postgres and Valkey on one machine: `DATABASE_URL` and `REDIS_URL` when set, else our
own.

Servers of our own come from PATH or from the wheels, keep their data in one folder and end with the
process that started them.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import psycopg
import structlog
from redis.exceptions import RedisError

from controlplane.commands.stack_address import DATA_FOLDER
from controlplane.database import libpq_url
from controlplane.errors import ConfigurationError, ServiceUnavailable
from controlplane.local.launch.postgres import PostgresPrograms, PostgresServer, find_postgres
from controlplane.local.launch.unprivileged import reachable_folder, service_user
from controlplane.local.launch.valkey import ValkeyProgram, ValkeyServer, find_valkey
from controlplane.redis_clients import sync_redis

TEMPORARY_PREFIX = "alloresto-"
LOCK_DEADLINE_SECONDS = 30.0
"""Servers of a run that has just been killed are still shutting down for this long at most."""
LOCK_POLL_SECONDS = 0.1
GIVEN_URL_DEADLINE_SECONDS = 5
REDIS_DEADLINE_S: Final = 5.0
"""A Redis on this machine that is silent for this long is stuck."""
ABANDONED_AFTER_SECONDS = 60.0
"""A temporary folder this old with no lock on it was left by a crash."""

_log = structlog.get_logger()


class LocalServices:
    """The two services that AlloResto's processes depend on; a context manager.

    A folder is not for two users at a time: the second one raises ServiceUnavailable.
    """

    def __init__(
        self,
        data_folder: Path | None = None,
        *,
        temporary: bool = False,
        environment: Mapping[str, str] | None = None,
        postgres: PostgresPrograms | None = None,
        valkey: ValkeyProgram | None = None,
    ) -> None:
        """`temporary` makes a fresh folder, removed on `stop`. DATABASE_URL, REDIS_URL and
        ALLORESTO_DATA are looked up in `environment` (None: the process's). `postgres` and `valkey`
        name the programs to use instead of those found.
        """
        if temporary and data_folder is not None:
            raise ValueError("a temporary folder is not given a name")
        self._environment = os.environ if environment is None else environment
        self._temporary = temporary
        self._wanted_folder = data_folder
        self._postgres_programs = postgres
        self._valkey_program = valkey
        self._undo = contextlib.ExitStack()
        self.data_folder: Path | None = None
        """Logs and data are here once started; None when both services were given."""
        self.database_url = ""
        """The `postgresql://…` of an existing database that its role owns."""
        self.redis_url = ""
        """The `redis://…` of the Redis to use."""
        self.pids: tuple[int, ...] = ()
        """The process ids of the servers started here."""
        self.valkey: ValkeyServer | None = None
        self.postgres: PostgresServer | None = None
        """Both servers are here for whoever stops one and starts it again at the same address."""

    def start(self) -> Self:
        """Start what was not given; return when both answer. Nothing is left on failure.

        Raises ConfigurationError (programs, folder or user), ServiceUnavailable (folder in use,
        given service not answering) or ProcessFailed (with the end of the server's log).
        """
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def stop(self) -> None:
        """Stop what was started here. It may be called twice."""
        self._undo.close()
        self.pids = ()

    def _start(self, undo: contextlib.ExitStack) -> None:
        started = time.monotonic()
        self.database_url = self._environment.get("DATABASE_URL", "")
        self.redis_url = self._environment.get("REDIS_URL", "")
        if self.database_url:
            _check_database(self.database_url)
        if self.redis_url:
            _check_redis(self.redis_url)
        if self.database_url and self.redis_url:
            return
        folder = self.data_folder = self._folder(undo)
        user = service_user(folder)
        lock = _lock(folder)
        undo.callback(os.close, lock)
        home = reachable_folder(folder, user)
        if not self.redis_url:
            valkey = self.valkey = ValkeyServer(
                self._valkey_program or find_valkey(),
                home,
                log_file=folder / "valkey.log",
                user=user,
                held_files=(lock,),
            )
            undo.callback(valkey.stop)
            self.redis_url = valkey.start().url
            self.pids += (valkey.pid,)
        if not self.database_url:
            postgres = self.postgres = PostgresServer(
                self._postgres_programs or find_postgres(),
                home,
                log_file=folder / "postgres.log",
                user=user,
                disposable=self._temporary,
                held_files=(lock,),
            )
            undo.callback(postgres.stop)
            self.database_url = postgres.start().url
            self.pids += (postgres.pid,)
        _log.info("local_services_ready", seconds=round(time.monotonic() - started, 2))

    def _folder(self, undo: contextlib.ExitStack) -> Path:
        if not self._temporary:
            given = self._wanted_folder or self._environment.get("ALLORESTO_DATA") or DATA_FOLDER
            return _made(Path(given).absolute())
        _remove_abandoned(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX))
        undo.callback(_remove, folder)
        return _closed_to_readers(folder)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _made(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    try:
        folder.mkdir(parents=True)
    except OSError as failure:
        raise _unusable(folder, failure) from failure
    return _closed_to_readers(folder)


def _closed_to_readers(folder: Path) -> Path:
    """Close the folder to readers. Root's services run as another user, who passes through it."""
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder


def _unusable(folder: Path, failure: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"le dossier de données {folder} n’est pas utilisable ({failure.strerror}) : "
        "donnez-en un autre dans ALLORESTO_DATA"
    )


def _lock(folder: Path) -> int:
    """Take the folder's lock. The servers' subreapers hold it too: it is free when all are gone."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise _unusable(folder, failure) from failure
    until = time.monotonic() + LOCK_DEADLINE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            # A holder that has ended leaves the lock to servers that are shutting down.
            if time.monotonic() >= until or (holder.isdecimal() and _runs(int(holder))):
                os.close(lock)
                raise ServiceUnavailable(
                    f"les services de {folder} sont déjà lancés (processus {holder}) : "
                    "arrêtez-les, ou donnez un autre dossier dans ALLORESTO_DATA"
                ) from busy
            time.sleep(LOCK_POLL_SECONDS)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            age = time.time() - about.st_mtime
            if about.st_uid == os.geteuid() and age > ABANDONED_AFTER_SECONDS:
                lock = os.open(folder / "lock", os.O_RDWR)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(folder)
                finally:
                    os.close(lock)


def _remove(folder: Path) -> None:
    """Remove the folder, and what /var/lib holds for it."""
    link = folder / "services"
    if link.is_symlink():
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _check_database(url: str) -> None:
    try:
        psycopg.connect(libpq_url(url), connect_timeout=GIVEN_URL_DEADLINE_SECONDS).close()
    except psycopg.OperationalError as failure:
        raise ServiceUnavailable(f"DATABASE_URL ne répond pas : {failure}") from failure


def _check_redis(url: str) -> None:
    try:
        client = sync_redis(url, timeout_s=GIVEN_URL_DEADLINE_SECONDS)
    except ValueError as failure:
        raise ConfigurationError("REDIS_URL doit être de la forme redis://…") from failure
    try:
        client.ping()
    except RedisError as failure:
        raise ServiceUnavailable(f"REDIS_URL ne répond pas : {failure}") from failure
    finally:
        client.close()
