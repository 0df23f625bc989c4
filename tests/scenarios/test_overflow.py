"""A caller whom nobody can serve still leaves a message, and it is heard: on the whole stack."""

import asyncio
import time

import httpx2
import psycopg
import pytest

from controlplane.database import libpq_url
from controlplane.local.demo.caller import CALLER_NUMBER, speech
from controlplane.local.demo.stack import Stack
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.switch_under_test import heard
from tests.scenarios.listening import LONGEST_SILENCE_S, longest_silence_s
from tests.waiting import DEADLINE_S, elapse, until
from webapp.show import last_digits

pytestmark = pytest.mark.scenario

BEEP_HZ = 1_000
BEEP_MS = 300


async def until_beep(dialog: Dialog, *, deadline_s: float) -> float:
    """When the beep was over."""

    def over() -> float | None:
        beeps = [ms for hertz, ms in heard(dialog.received[-60:]) if hertz == BEEP_HZ]
        return time.monotonic() if beeps and max(beeps) >= BEEP_MS else None

    at = await until(over, deadline_s=deadline_s)
    await elapse(0.3, because="the beep ends")
    return at


async def test_the_agent_is_dead_and_the_caller_leaves_a_message(stack: Stack) -> None:
    """
    1. The bridge agent is dead: after the greeting the caller hears that all agents are busy; the
       restaurant's phone is rung; then "laissez votre message après le bip".
    2. The caller speaks and presses #; "merci, le restaurant vous rappellera".
    3. The agent starts again: the kitchen page shows the message with the last digits of the
       caller's number, and plays it.
    """
    stack.kill("bridge-agent")
    async with Phone() as phone:
        dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
        beep_at = await until_beep(dialog, deadline_s=60.0)
        await dialog.play(speech("deux_margherita_un_coca"))
        await dialog.send_dtmf("#")
        assert await dialog.wait_ended(deadline_s=10.0) is CallEnd.REMOTE_HANGUP
    assert dialog.answered_at is not None
    silence = longest_silence_s(dialog.received, since=dialog.answered_at, until=beep_at)
    assert silence <= LONGEST_SILENCE_S
    await asyncio.to_thread(stack.launch_again, "bridge-agent")
    page = await until_shown(stack, last_digits(CALLER_NUMBER))
    audio = await fetch(stack, page.partition("<audio")[2].partition('src="')[2].split('"')[0])
    assert audio.headers["content-type"] == "audio/wav"
    assert len(audio.content) > len(speech("deux_margherita_un_coca")) // 2
    recorded = stored_audio(stack)
    assert recorded == audio.content


async def until_shown(stack: Stack, number: str) -> str:
    """The kitchen page, once it has a message."""
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:

        async def shown() -> str | None:
            page = (await client.get(stack.address.kitchen_url, headers=_tablet(stack))).text
            return page if "<audio" in page else None

        page = await until(shown)
    assert number in page
    return page


async def fetch(stack: Stack, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
        return await client.get(f"{stack.address.public_url}{path}", headers=_tablet(stack))


def _tablet(stack: Stack) -> dict[str, str]:
    return {"cookie": f"tablet={stack.address.kitchen_token}"}


def stored_audio(stack: Stack) -> bytes:
    with psycopg.connect(libpq_url(stack.address.database_url)) as database:
        row = database.execute("SELECT audio FROM voice_message").fetchone()
    assert row is not None
    return bytes(row[0])
