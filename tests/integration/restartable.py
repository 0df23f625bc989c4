"""Redis and Postgres of a test's own, which go away and come back at the same address."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest import mock

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.local.launch import postgres as postgres_module
from controlplane.local.launch.ports import LOOPBACK, free_tcp_port
from controlplane.local.launch.postgres import PostgresServer, find_postgres
from controlplane.local.launch.unprivileged import reachable_folder, service_user
from controlplane.local.launch.valkey import find_valkey
from controlplane.migrations.schema import upgrade
from tests.waiting import block_until

RUN_CONTROLLER: Final = "from controlplane.cli import main; main(['run', 'controller'])"


class RestartableRedis:
    """Runs one Valkey on one port; it comes back with its data or without after a kill -9."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_tcp_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://{LOOPBACK}:{self._port}/0"
        self.client = Redis.from_url(
            self.url, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=2
        )

    def start(self) -> None:
        arguments = f"--bind {LOOPBACK} --port {self._port} --appendonly yes --appendfsync always"
        self._process = subprocess.Popen(
            [find_valkey().path, *arguments.split(), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        block_until(self._answers)

    def kill(self, *, forget: bool) -> None:
        """Kill it (-9), and `forget` its data too if asked."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if forget:
            shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False


@contextmanager
def restartable_redis() -> Iterator[RestartableRedis]:
    with tempfile.TemporaryDirectory(prefix="alloresto-test-") as folder:
        redis = RestartableRedis(Path(folder))
        redis.start()
        try:
            yield redis
        finally:
            redis.client.close()
            redis.kill(forget=False)


@contextmanager
def restartable_postgres() -> Iterator[PostgresServer]:
    """Run a migrated Postgres; `stop()` and `start()` keep its data and its port."""
    folder = Path(tempfile.mkdtemp(prefix="alloresto-test-"))
    folder.chmod(0o711)
    user = service_user(folder)
    port = free_tcp_port()
    server = PostgresServer(
        find_postgres(),
        reachable_folder(folder, user),
        log_file=folder / "postgres.log",
        user=user,
        disposable=True,
    )
    with mock.patch.object(postgres_module, "free_tcp_port", return_value=port):
        try:
            upgrade(server.start().url)
            yield server
        finally:
            server.stop()
            link = folder / "services"
            if link.is_symlink():
                shutil.rmtree(link.resolve(), ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_controller(
    database_url: str, redis_url: str, *, replica_id: str = "controller-0", setup: str = ""
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a controller in a process of its own; `setup` is Python run before it."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALLORESTO_REPLICA_ID": replica_id,
    }
    with subprocess.Popen(
        [sys.executable, "-c", f"{setup}\n{RUN_CONTROLLER}"], env=environment
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
