"""Redis over TLS, with a user a process (`docs/redis-users.acl`): everything the processes do is
allowed, nothing of another process's is, and a lost connection is made again.

The embedded Valkey has no TLS of its own: a proxy speaks it, as a provider's does. A server that
has is tried too, where `redis-server` or `valkey-server` on PATH was built with it.
"""

import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from controlplane.bridge.assignment_listener import AssignmentListener
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import BindingGivenBack
from controlplane.contracts.identifiers import new_id
from controlplane.errors import ServiceUnavailable
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from controlplane.local.launch.tcp_proxy import TcpProxy
from controlplane.local.launch.unprivileged import reachable_folder, service_user
from controlplane.local.launch.valkey import ValkeyServer, find_valkey
from controlplane.redis_clients import asyncio_redis, sync_redis
from freeswitch.telephone.phone import Phone
from tests.certificates import Authority
from tests.integration.answered_bridge import GATEWAY
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    Bridge,
    controller,
    fresh_database,
    run_bridge,
    short_prompts,
)
from tests.waiting import DEADLINE_S, block_until, until

pytestmark = pytest.mark.integration

USERS: Final = Path(__file__).resolve().parents[3] / "docs" / "redis-users.acl"
PASSWORD: Final = "of-this-test"
NO_KEYS: Final = {"HEARTBEATS", "CALL_EVENT_FIELD", "RECORDER_GROUP"}
"""A pattern of keys, an entry's field and a group of its readers are no keys themselves."""
ADDRESS: Final = "127.0.0.1"
CHANNEL: Final = redis_keys.bridge_assignments("bridge-0")
GIVEN_BACK: Final = BindingGivenBack(gateway_name="pizza-0a1b2c3d")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


class TlsRedis:
    """A Redis that is reached by TLS alone, as one of its users."""

    def __init__(self, server: ValkeyServer, proxy: TcpProxy, authority: Authority) -> None:
        self.server, self.proxy, self._authority = server, proxy, authority

    def url(self, user: str, *, trust: Path | None = None, host: str = ADDRESS) -> str:
        login = f"{user}:{PASSWORD}@{host}:{self.proxy.port}"
        return f"rediss://{login}/0?ssl_ca_certs={trust or self._authority.file}"


@pytest.fixture(scope="module")
def tls_redis(authority: Authority) -> Iterator[TlsRedis]:
    with tempfile.TemporaryDirectory(prefix="alloresto-test-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        home.chmod(0o711)
        user = service_user(home)
        server = ValkeyServer(
            find_valkey(), reachable_folder(home, user), log_file=home / "valkey.log", user=user
        )
        try:
            server.start()
            with server.admin() as admin:
                for words in users().values():
                    admin.execute_command("ACL", "SETUSER", *words)
            with TcpProxy(server.port, tls=authority.server_context(ADDRESS)) as proxy:
                yield TlsRedis(server, proxy, authority)
        finally:
            server.stop()


def users() -> dict[str, list[str]]:
    """The documented users, as words of ACL SETUSER; the default one is the test's own way in."""
    lines = [line.split() for line in USERS.read_text(encoding="ascii").splitlines()]
    assert lines[0] == ["user", "default", "off"]
    return {
        words[1]: [re.sub("^>.*", f">{PASSWORD}", word) for word in words[1:]]
        for words in lines[1:]
    }


# --- The clients ---------------------------------------------------------------------------------


def test_both_clients_speak_tls(tls_redis: TlsRedis) -> None:
    with sync_redis(tls_redis.url("bridge"), timeout_s=5) as client:
        assert client.register_script("return redis.call('LPUSH', KEYS[1], 'x')")(
            keys=[redis_keys.QUEUE_INCOMING_CALLS]
        )


async def test_asyncio_too(tls_redis: TlsRedis) -> None:
    client = asyncio_redis(tls_redis.url("worker"), connect_timeout_s=5, timeout_s=5)
    empty, own = redis_keys.worker_offers("v"), redis_keys.worker_offers("w")
    assert await client.blmove(empty, own, 1) is None
    await client.aclose()


def test_whom_nobody_we_trust_has_signed_is_not_spoken_to(
    tls_redis: TlsRedis, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").file
    with sync_redis(tls_redis.url("bridge", trust=other), timeout_s=5) as client:
        with pytest.raises(RedisError, match="certificate verify failed"):
            client.get(redis_keys.bridge_heartbeat("b"))


def test_a_certificate_of_another_name_is_none(tls_redis: TlsRedis) -> None:
    with sync_redis(tls_redis.url("bridge", host="localhost"), timeout_s=5) as client:
        with pytest.raises(RedisError, match="certificate verify failed"):
            client.get(redis_keys.bridge_heartbeat("b"))


def test_a_lost_subscription_is_made_again(tls_redis: TlsRedis) -> None:
    heard: list[BindingGivenBack] = []
    with sync_redis(tls_redis.url("bridge"), timeout_s=2, retries=1) as client:
        listener = AssignmentListener(
            client,
            bridge_id="bridge-0",
            given_back=heard.append,
            call_asked=lambda _: None,
            look_soon=lambda: None,
        )
        for count in (1, 2):

            def told(count: int = count) -> bool:
                with tls_redis.server.admin() as admin:
                    admin.publish(CHANNEL, GIVEN_BACK.to_json())
                with suppress(ServiceUnavailable, RedisError):
                    listener._turn()
                return len(heard) >= count

            block_until(told)
            heard[count:] = []
            tls_redis.proxy.cut()


def test_a_server_that_speaks_tls_itself(folder: Path, authority: Authority) -> None:
    program = tls_program()
    certificate, key = authority.server_files(ADDRESS)
    port = free_tcp_port()
    arguments = {
        "port": "0",
        "tls-port": str(port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-ca-cert-file": str(authority.file),
        "tls-auth-clients": "no",
        "bind": ADDRESS,
        "save": "",
        "dir": str(folder),
    }
    words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    url = f"rediss://{ADDRESS}:{port}/0?ssl_ca_certs={authority.file}"
    with ManagedProcess([program, *words], name="redis", log_file=folder / "redis.log") as server:
        with sync_redis(url, timeout_s=5) as client:
            server.wait_for(lambda: answers(client), deadline=DEADLINE_S)
            for words in users().values():
                client.execute_command("ACL", "SETUSER", *words)
        as_bridge = url.replace("rediss://", f"rediss://bridge:{PASSWORD}@")
        with sync_redis(as_bridge, timeout_s=5) as client:
            assert client.publish(CHANNEL, "x") == 0
            with pytest.raises(NoPermissionError):
                client.hgetall(redis_keys.UNSETTLED_ORDERS)


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def tls_program() -> str:
    """A server that was built with TLS: it asks for a certificate, the others for the module."""
    for name in ("valkey-server", "redis-server"):
        program = shutil.which(name)
        if program is None:
            continue
        trial = subprocess.run(
            [program, "--port", "0", "--tls-port", "1"],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if "No tls-cert-file configured" in trial.stdout:
            return program
    pytest.skip("no valkey-server or redis-server with TLS on PATH")


# --- The users -----------------------------------------------------------------------------------


class Anything:
    """Whatever a key is made of, as a pattern has it."""

    def __str__(self) -> str:
        return "*"

    def isoformat(self) -> str:
        return "*"


def test_every_key_has_a_user_and_each_user_only_its_keys() -> None:
    """What a user may touch is what its process uses: the patterns name every key of ours once."""
    granted = {
        word[1:] for words in users().values() for word in words if word.startswith(("~", "&"))
    }
    spelt = {name: value for name, value in vars(redis_keys).items() if not name.startswith("_")}
    fixed = {
        value for name, value in spelt.items() if isinstance(value, str) and name not in NO_KEYS
    }
    ours = fixed | {
        name(*(Anything() for _ in inspect.signature(name).parameters))
        for name in spelt.values()
        if inspect.isfunction(name)
    }
    assert granted == ours


async def test_a_call_needs_no_right_that_its_users_lack(
    tls_redis: TlsRedis, services: LocalServices, migrated_template: str, tmp_path: Path
) -> None:
    """1 Bridge, controller and worker, each as its user. 2 A restaurant is placed and registered, a
    call is taken, recorded and ends. 3 Redis has refused nothing.
    """
    with tls_redis.server.admin() as admin:
        admin.acl_log_reset()
    with site(tls_redis, services, migrated_template, tmp_path) as bridge:
        async with Phone() as phone:
            dialog = await phone.call(bridge.uri(GATEWAY), from_number=CALLER_NUMBER)
            await until(lambda: bridge.query("SELECT worker_id FROM call") == [("worker-tls",)])
            await dialog.hangup()
            await until(lambda: bridge.query("SELECT 1 FROM call WHERE ended_at IS NOT NULL"))
    with tls_redis.server.admin() as admin:
        refused: Any = admin.acl_log()
    assert [(one["username"], one["reason"], one["object"]) for one in refused] == []


@contextmanager
def site(
    tls_redis: TlsRedis, services: LocalServices, template: str, folder: Path
) -> Iterator[Bridge]:
    """Everything that talks to Redis, on one machine."""
    realtime = free_tcp_port()
    with ExitStack() as running:
        database_url = running.enter_context(fresh_database(services, template))
        switch = running.enter_context(
            SimulatorServer(
                runtime_folder=folder / "switch",
                ports=FreeSwitchPorts.free(legs=20),
                sounds_folder=short_prompts(folder / "sounds"),
                accounts={GATEWAY: ACCOUNT_PASSWORD},
                time_factor=0.1,
            )
        )
        bridge = running.enter_context(
            run_bridge(
                switch, database_url=database_url, redis_url=tls_redis.url("bridge"), folder=folder
            )
        )
        running.enter_context(controller(database_url, tls_redis.url("controller"), folder))
        simulator = ["-m", "aiworker.simulator", "--port", str(realtime)]
        running.enter_context(python(*simulator, folder=folder))
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": tls_redis.url("worker"),
            "OPENAI_API_KEY": "simulator",
            "ALLORESTO_WORKER_ID": "worker-tls",
            "ALLORESTO_REALTIME_URL": f"ws://{ADDRESS}:{realtime}/v1",
        }
        running.enter_context(python("-m", "aiworker.ai_worker", folder=folder, **environment))
        bridge.place(GATEWAY, registrar=switch.registrar, bridge_id=None)
        bridge.agent.wait_for(lambda: bridge.state(GATEWAY)[0] == "REGED", deadline=DEADLINE_S)
        yield bridge


def python(*arguments: str, folder: Path, **environment: str) -> ManagedProcess:
    name = arguments[1]
    return ManagedProcess(
        [sys.executable, *arguments],
        name=name,
        env={**os.environ, **environment},
        log_file=folder / f"{name}.log",
        stop_grace=3.0,
    )


CALL: Final = new_id()


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("bridge", ("HGETALL", redis_keys.UNSETTLED_ORDERS)),
        ("bridge", ("GET", redis_keys.call_state(CALL))),
        ("bridge", ("SET", redis_keys.worker_heartbeat("w"), "x")),
        ("worker", ("PUBLISH", CHANNEL, GIVEN_BACK.to_json())),
        ("worker", ("SUBSCRIBE", CHANNEL)),
        ("worker", ("SET", redis_keys.bridge_heartbeat("b"), "x")),
        ("controller", ("LPUSH", redis_keys.call_claim(CALL), "x")),
        ("controller", ("GET", redis_keys.call_state(CALL))),
        ("admin", ("LPUSH", redis_keys.call_claim(CALL), "x")),
        ("site", ("LPUSH", redis_keys.call_claim(CALL), "x")),
        *(
            (user, command)
            for user in ("bridge", "worker", "controller", "admin", "site")
            for command in (
                ("FLUSHALL",),
                ("KEYS", "*"),
                ("CONFIG", "GET", "*"),
                ("ACL", "LIST"),
                ("MONITOR",),
            )
        ),
    ],
)
def test_what_is_anothers_is_refused(
    tls_redis: TlsRedis, user: str, command: tuple[str, ...]
) -> None:
    with sync_redis(tls_redis.url(user), timeout_s=5) as client:
        with pytest.raises(NoPermissionError):
            client.execute_command(*command)
