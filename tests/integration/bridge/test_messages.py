"""The last rung of the ladder: nobody can answer, and what the caller says reaches the restaurant.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from controlplane.contracts.hangup_causes import CallOutcome
from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import CallRefused, Phone
from tests.integration.bridge_under_test import (
    CALLER_NUMBER,
    prompts,
    until_heard,
)
from tests.integration.overflow_site import OverflowSite, site_of_a_module, until_beep
from tests.integration.switch_under_test import tone
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"
VOICE_HZ = 300
BLOCKED = "+33639980666"
PREMIUM = "+33899123456"


site = site_of_a_module(GATEWAY)


async def message_of(site: OverflowSite, since: int) -> tuple[Any, ...]:
    return await site.row(
        "SELECT restaurant_id, caller_number, duration_ms, audio, id FROM voice_message"
        " ORDER BY recorded_at OFFSET %s",
        since,
    )


async def messages(site: OverflowSite) -> int:
    return int((await site.row("SELECT count(*) FROM voice_message"))[0])


def failed_turns(site: OverflowSite, loop: str) -> list[dict[str, Any]]:
    return [line for line in site.bridge.log("loop_turn_failed") if line["loop"] == loop]


def recordings(site: OverflowSite) -> list[Path]:
    return list(site.switch.voicemail_folder.glob("*"))


async def test_a_caller_nobody_can_serve_leaves_a_message(site: OverflowSite) -> None:
    """Busy message, the restaurant's phone, then the message, ended with a key."""
    before = await messages(site)
    async with Phone() as phone:
        dialog = await site.dial(phone)
        await site.fail_every_worker()
        await until_beep(dialog)
        await dialog.play(tone(VOICE_HZ, 2_000))
        await dialog.send_dtmf("#")
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert prompts(dialog)[-4:] == ["busy", "transfer", "leave_message", "message_left"]
    assert dialog.answered_at is not None
    assert dialog.ended_at is not None
    restaurant_id, number, duration_ms, audio, message_id = await message_of(site, before)
    assert (restaurant_id, number) == (site.restaurant_id, CALLER_NUMBER)
    assert 1_800 <= duration_ms <= 3_500
    assert abs(len(audio) - 44 - duration_ms * 16) <= 16
    assert CALLER_NUMBER.encode()[3:] not in audio
    events = await site.rows(
        "SELECT payload FROM event_outbox WHERE topic = 'voice_message_left' ORDER BY id"
    )
    assert events[-1][0] == {"voice_message_id": str(message_id)}
    await until(lambda: not recordings(site))
    assert (await site.ended()).outcome is CallOutcome.MESSAGE


async def test_a_hidden_number_is_not_kept(site: OverflowSite) -> None:
    before = await messages(site)
    async with Phone() as phone:
        dialog = await site.dial(phone, headers={"Privacy": "id"})
        await site.fail_every_worker()
        await until_beep(dialog)
        await dialog.play(tone(VOICE_HZ, 1_500))
        await dialog.hangup()
    _, number, _, audio, _ = await message_of(site, before)
    assert number is None
    assert CALLER_NUMBER.encode()[3:] not in audio


async def test_silence_ends_the_recording_and_is_no_message(site: OverflowSite) -> None:
    before = await messages(site)
    async with Phone() as phone:
        dialog = await site.dial(phone)
        await site.fail_every_worker()
        await until_beep(dialog)
        silent_since = time.monotonic()
        await until_heard(dialog, "message_left")
        assert 2.5 <= time.monotonic() - silent_since <= 5.5
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    await until(lambda: site.bridge.log("voice_message_dropped"))
    await until(lambda: not recordings(site))
    assert await messages(site) == before


async def test_with_the_agent_dead_the_message_is_left_and_delivered_at_its_restart(
    site: OverflowSite,
) -> None:
    before = await messages(site)
    await asyncio.to_thread(site.stop_agent)
    async with Phone() as phone:
        dialog = await site.dial(phone)
        await until_beep(dialog)
        await dialog.play(tone(VOICE_HZ, 2_000))
        await dialog.send_dtmf("#")
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    assert dialog.answered_at is not None
    assert dialog.ended_at is not None
    assert prompts(dialog)[-3:] == ["transfer", "leave_message", "message_left"]
    assert len(recordings(site)) == 1
    name = recordings(site)[0].stem
    assert UUID(name)
    await site.start_agent()
    restaurant_id, number, _, _, _ = await message_of(site, before)
    assert (restaurant_id, number) == (site.restaurant_id, CALLER_NUMBER)
    await until(lambda: not recordings(site))


async def test_with_postgres_away_the_message_waits_and_the_policy_stays(
    site: OverflowSite,
) -> None:
    """
    1. Postgres goes; the agent, told of a change, cannot read its policies.
    2. A blocked caller is still refused. Another leaves a message: its file is kept.
    3. Postgres is back: the message is delivered, once, and its file is gone.
    """
    before = await messages(site)
    await site.change_policies(
        "INSERT INTO blocked_caller (restaurant_id, phone_e164) VALUES (%s, %s)",
        *(site.restaurant_id, BLOCKED),
    )
    with site.database_away():
        await site.tell_agent()
        await until(lambda: failed_turns(site, "call_policies"))
        refusals = len(site.bridge.log("call_refused"))
        async with Phone() as phone:
            with suppress(CallRefused):
                await (await site.dial(phone, from_number=BLOCKED)).wait_ended(
                    deadline_s=DEADLINE_S
                )
            assert len(site.bridge.log("call_refused")) == refusals + 1
            dialog = await site.dial(phone)
            await site.fail_every_worker()
            await until_beep(dialog)
            await dialog.play(tone(VOICE_HZ, 2_000))
            await dialog.send_dtmf("#")
            await dialog.wait_ended(deadline_s=DEADLINE_S)
        await until(lambda: failed_turns(site, "voice_messages"))
        assert len(recordings(site)) == 1
    restaurant_id, number, _, _, _ = await message_of(site, before)
    assert (restaurant_id, number) == (site.restaurant_id, CALLER_NUMBER)
    await until(lambda: not recordings(site))
    assert await messages(site) == before + 1


async def test_a_restaurant_whose_phone_is_premium_is_registered_and_never_rung(
    site: OverflowSite,
) -> None:
    """Its callers go straight to the message; the log says why, without the number."""
    (phone_e164,) = await site.row(
        "SELECT phone_e164 FROM restaurant WHERE id = %s", site.restaurant_id
    )
    change = "UPDATE restaurant SET phone_e164 = %s WHERE id = %s"
    await site.rows(change, PREMIUM, site.restaurant_id)
    try:
        await site.tell_agent()
        await until(lambda: site.bridge.log("fallback_refused"))
        await until_gateway(site, None)
        rung = len(site.carrier.invites)
        async with Phone() as phone:
            dialog = await site.dial(phone)
            await site.fail_every_worker()
            await until_heard(dialog, "leave_message")
            await dialog.hangup()
        assert "transfer" not in prompts(dialog)
        assert len(site.carrier.invites) == rung
        assert PREMIUM[3:] not in site.bridge.log_file.read_text()
    finally:
        await site.rows(change, phone_e164, site.restaurant_id)
        await site.tell_agent()
        await until_gateway(site, f"sofia/gateway/{GATEWAY}/{phone_e164}")


async def until_gateway(site: OverflowSite, fallback: str | None) -> None:
    """Registered again, with this phone to ring; None: with none."""
    look = f"sofia_gateway_data {GATEWAY} ivar alloresto_fallback_dial"

    async def made_again() -> bool:
        dial = (await asyncio.to_thread(site.switch.api, look)).strip()
        status = await asyncio.to_thread(site.switch.api, f"sofia status gateway {GATEWAY}")
        found = None if dial.startswith("-ERR") else dial
        return found == fallback and "REGED" in status

    await until(made_again)
