"""A call's stream over TLS: the worker's server, and whom the real FreeSWITCH takes for it.

mod_audio_stream compares names, not addresses, with a certificate: a worker is reached by a name.
"""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from aiworker.media.server import MediaServer, tls_context
from controlplane.errors import ConfigurationError
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from freeswitch.telephone.phone import Phone
from tests.certificates import Authority
from tests.integration.bridge_under_test import short_prompts
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import GATEWAY, SwitchUnderTest, park, write_gateway
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration

NAME = "localhost"
UNTRUSTED_S = 3.0
"""mod_audio_stream gives up after 1 s."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def real(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SwitchUnderTest]:
    program = find_freeswitch()
    if program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    folder: Path = tmp_path_factory.mktemp("tls")
    with FreeSwitchServer(
        program,
        runtime_folder=folder / "switch",
        ports=FreeSwitchPorts.free(legs=20),
        sounds_folder=short_prompts(folder / "sounds"),
        extra_settings={"ALLORESTO_WORKER_CA_FILE": str(authority.file)},
    ) as server:
        write_gateway(server.gateway_folder, GATEWAY)
        server.api("sofia profile external rescan")
        yield SwitchUnderTest(server, real=True)


def media_server(authority: Authority, name: str = NAME) -> MediaServer:
    return MediaServer(host="127.0.0.1", port=0, tls=tls_context(*authority.server_files(name)))


def url_of(server: MediaServer, url: str) -> str:
    port = server.base_url.rpartition(":")[2]
    return url.replace(server.base_url, f"wss://{NAME}:{port}")


async def test_the_worker_speaks_tls(authority: Authority) -> None:
    async with media_server(authority).listening() as server:
        awaited = server.expect_stream()
        assert awaited.url.startswith("wss://127.0.0.1:")
        trust = ssl.create_default_context(cafile=str(authority.file))
        async with connect(url_of(server, awaited.url), ssl=trust):
            async with asyncio.timeout(DEADLINE_S):
                await awaited.connection
            server.release(awaited)


def test_a_certificate_that_cannot_be_used_is_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.server_files(NAME)
    assert tls_context(None, None) is None
    for pair in ((certificate, None), (None, key), (key, certificate), (tmp_path / "no", key)):
        with pytest.raises(ConfigurationError, match="ALLORESTO_MEDIA_CERTIFICATE"):
            tls_context(*pair)


@pytest.mark.parametrize("trusted", [True, False])
async def test_freeswitch_streams_to_whom_it_trusts_alone(
    real: SwitchUnderTest,
    authority: Authority,
    tmp_path: Path,
    trusted: bool,  # noqa: FBT001
) -> None:
    signer = authority if trusted else Authority(tmp_path)
    async with (
        media_server(signer).listening() as server,
        EventSocketClient(real.server.ports.esl, real.server.esl_password) as client,
        Phone() as phone,
    ):
        await client.subscribe("CHANNEL_PARK")
        call = await park(real, client, phone)
        awaited = server.expect_stream()
        url = url_of(server, awaited.url)
        await client.api(f"uuid_audio_stream {call.uuid} start {url} mono 8000")
        if trusted:
            async with asyncio.timeout(DEADLINE_S):
                stream = await awaited.connection
                assert isinstance(await stream.recv(), bytes)
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(UNTRUSTED_S):
                    await asyncio.shield(awaited.connection)
        server.release(awaited)
        await call.dialog.hangup()
