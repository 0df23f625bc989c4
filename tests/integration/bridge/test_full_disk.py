"""A full disk takes no call down: it is seen, refused where it must be, and heals by itself. What
was heard takes no room.

On the simulator, and on the real FreeSWITCH where one is found, with small file systems mounted
over its folders; skipped where mounting is not allowed.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controlplane.contracts.messages import Clear, Cleared
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from freeswitch.telephone.phone import Phone
from tests.integration.bridge_under_test import (
    CALLER_NUMBER,
    codes,
    prompts,
    short_prompts,
    until_heard,
)
from tests.integration.overflow_site import OverflowSite, site_of_a_module, until_beep
from tests.integration.switch_under_test import tone, write_gateway
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"


site = site_of_a_module(GATEWAY)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Mount a file system without room for a byte over the folder."""
    size = "size=64k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        filler = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, bytes(4_096))
        except OSError:
            os.close(filler)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


async def variable(site: OverflowSite, name: str) -> str:
    return (await asyncio.to_thread(site.switch.api, f"global_getvar {name}")).strip()


async def refused(site: OverflowSite) -> bool:
    return await variable(site, "alloresto_messages_refused") == "true"


async def test_without_room_for_a_message_the_caller_is_told_instead_of_cut_off(
    site: OverflowSite,
) -> None:
    """
    1. The disk of the messages is full: the agent says so, and tells FreeSWITCH.
    2. A caller nobody can serve hears the restaurant rung, then goodbye, and no beep.
    3. There is room again: the next caller may leave a message.
    """
    with full(site.switch.voicemail_folder):
        await until(lambda: refused(site))
        await until(lambda: site.bridge.log("voice_messages_refused"))
        async with Phone() as phone:
            dialog = await site.dial(phone)
            await site.fail_every_worker()
            await dialog.wait_ended(deadline_s=DEADLINE_S)
        assert prompts(dialog)[-2:] == ["transfer", "goodbye"]
        assert "leave_message" not in prompts(dialog)
    await until(lambda: site.bridge.log("voice_messages_taken_again"))
    async with Phone() as phone:
        dialog = await site.dial(phone)
        await site.fail_every_worker()
        await until_beep(dialog)
        await dialog.play(tone(300, 1_500))
        await dialog.hangup()
    await site.row("SELECT 1 FROM voice_message")


async def test_a_voice_that_cannot_be_written_leaves_the_caller_to_the_prompts(
    site: OverflowSite,
) -> None:
    """
    1. FreeSWITCH's folder for the assistant's voice is full while they talk.
    2. What the assistant says is lost; the caller hears a prompt within 3 s, then the way out.
    3. There is room again: the next call is talked to.
    """
    temp = Path(await variable(site, "temp_dir"))
    async with Phone() as phone:
        with full(temp):
            async with site.talking(phone) as (dialog, stream):
                await stream.speak(1_000, chunks=3)
                spoken_at = asyncio.get_running_loop().time()
                await until_heard(dialog, "busy")
                assert asyncio.get_running_loop().time() - spoken_at <= 3.0
                await until_heard(dialog, "transfer")
        assert site.bridge.log("voice_not_written")
        async with site.talking(phone) as (dialog, stream):
            await stream.speak(2_000, chunks=3)
            await until(lambda: 2_004 in codes(dialog))


async def test_the_assistants_voice_takes_room_only_until_it_was_heard(site: OverflowSite) -> None:
    """
    1. What is heard to its end is gone from the folder while they talk on.
    2. What is cleared is gone too, and what is said next is heard.
    3. The agent dies with words in hand: they are gone with the call.
    """
    temp = Path(await variable(site, "temp_dir"))

    def held() -> list[Path]:
        return list(temp.glob("*.tmp.r8"))

    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        await stream.speak(1_000, chunks=4)
        await until(lambda: len(held()) > 1)
        await until(lambda: 1_019 in codes(dialog))
        await until(lambda: not held())

        await stream.speak(2_000, chunks=5)
        await until(lambda: 2_002 in codes(dialog))
        await stream.ask(Clear(generation=1))
        await stream.message(Cleared)
        await until(lambda: not held())
        await stream.speak(3_000, generation=1, chunks=2)
        await until(lambda: 3_009 in codes(dialog))
        await until(lambda: not held())

        await stream.speak(3_100, generation=1, chunks=5)
        await until(lambda: 3_102 in codes(dialog))
        site.stop_agent()
        assert held()
    await until(lambda: not held())
    await site.start_agent()


@pytest.mark.asyncio(loop_scope="function")
async def test_freeswitch_takes_calls_when_its_log_cannot_be_written(tmp_path: Path) -> None:
    program = find_freeswitch()
    if program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    gateways = tmp_path / "gateways"
    gateways.mkdir()
    server = FreeSwitchServer(
        program,
        runtime_folder=tmp_path,
        ports=FreeSwitchPorts.free(),
        gateway_folder=gateways,
        sounds_folder=short_prompts(tmp_path / "sounds"),
        extra_settings={"ALLORESTO_FREESWITCH_LOG_FILE": "/dev/full"},
    )
    with server:
        write_gateway(gateways, GATEWAY)
        server.api("sofia profile external rescan")
        async with Phone() as phone:
            for _ in range(2):
                dialog = await phone.call(
                    f"sip:gw+{GATEWAY}@{server.sip_address}", from_number=CALLER_NUMBER
                )
                await until_heard(dialog, "greeting_generic")
                await dialog.hangup()
