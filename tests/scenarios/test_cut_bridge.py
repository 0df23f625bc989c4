"""A bridge is cut from Redis and Postgres, and not from its carrier: its callers are served all the
same, its restaurants move, and when the cut ends it gives way without a word to anybody.

The carrier keeps one binding an account and forgets it with any un-REGISTER of that account.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import pytest
import structlog
from sqlalchemy import text

from controlplane.local.bench.fleet import Fleet
from controlplane.local.launch.carrier.server import BindingRule
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.tcp_proxy import TcpProxy
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.switch_under_test import tone
from tests.scenarios.listening import LONGEST_SILENCE_S, longest_silence_s
from tests.waiting import until

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.skipif(find_freeswitch() is None, reason="what a carrier keeps is FreeSWITCH's"),
]

log = structlog.get_logger()

CUT: Final = "bridge-0"
OTHER: Final = "bridge-1"
RESTAURANTS: Final = 3
MOVED_S: Final = 15.0
"""5 s of silence, one look, REGISTER; two cores may be busy."""
HEALED_S: Final = 30.0
SWALLOWED_S: Final = 3_600.0
"""Nothing that is sent arrives while it lasts."""
VOICE_HZ, VOICE_MS = 300, 2_000


class CutFleet(Fleet):
    """Two bridges; the first reaches its services through proxies that can swallow everything."""

    def __init__(self) -> None:
        super().__init__(
            bridges=2, accounts=RESTAURANTS, controllers=1, binding_rule=BindingRule.ONE
        )
        self._proxies: dict[str, TcpProxy] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._open:
            super().__enter__()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._open.close()

    def environment_of(self, bridge_id: str) -> dict[str, str]:
        environment = super().environment_of(bridge_id)
        if bridge_id == CUT:
            for name in ("DATABASE_URL", "REDIS_URL"):
                proxy = self._open.enter_context(TcpProxy(urlsplit(environment[name]).port or 0))
                self._proxies[name] = proxy
                environment[name] = proxy.url(environment[name])
        return environment

    def cut(self) -> None:
        for proxy in self._proxies.values():
            proxy.delay_s = SWALLOWED_S

    def heal(self) -> None:
        for proxy in self._proxies.values():
            proxy.delay_s = 0.0
            proxy.cut()


@pytest.fixture
def fleet() -> Iterator[CutFleet]:
    with CutFleet() as fleet:
        fleet.add_restaurants(RESTAURANTS, bridge_id=CUT)
        fleet.wait_registered(RESTAURANTS, deadline_s=MOVED_S)
        fleet.wait_reported(RESTAURANTS, deadline_s=MOVED_S)
        yield fleet


def holders(fleet: Fleet) -> list[list[str]]:
    return [fleet.holders(account.number) for account in fleet.accounts]


def recordings(fleet: Fleet) -> list[Path]:
    return list(fleet.bridges[CUT].switch.voicemail_folder.glob("*.wav"))


def messages(fleet: Fleet) -> int:
    with fleet.engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM voice_message")) or 0


def gateways(fleet: Fleet) -> str:
    return fleet.bridges[CUT].switch.api("sofia status")


async def leaves_a_message(fleet: CutFleet, phone: Phone, number: str) -> Dialog:
    """Call the cut bridge, as a carrier does that knows its binding; speak when it records."""
    (account,) = (one for one in fleet.accounts if one.number == number)
    before = len(recordings(fleet))
    address = fleet.bridges[CUT].sip_address
    uri = f"sip:gw+{account.gateway_name}@{address}"
    dialog = await phone.call(uri, from_number="+33639980123")
    await until(lambda: len(recordings(fleet)) > before)
    await dialog.play(tone(VOICE_HZ, VOICE_MS))
    await dialog.hangup()
    return dialog


async def test_a_bridge_cut_from_its_services_serves_its_callers_and_gives_way_later(
    fleet: CutFleet,
) -> None:
    """
    1. The cut. A caller reaches the cut bridge: greeting, busy message, the restaurant's phone, and
       a message that stays on its disk; nothing longer than 3 s is silent.
    2. The other bridge has all registrations within seconds, by itself.
    3. A caller who still reaches the cut bridge is sent the same way, without any delay.
    4. The cut ends: the messages arrive, the bridge finds that it owns nothing, and at the end the
       carrier has one binding of each restaurant: the other bridge's.
    """
    first, second = fleet.accounts[0].number, fleet.accounts[1].number
    async with Phone() as phone:
        fleet.cut()
        cut_at = time.monotonic()
        early = asyncio.create_task(leaves_a_message(fleet, phone, first))
        await until(
            partial(asyncio.to_thread, lambda: holders(fleet) == [[OTHER]] * RESTAURANTS),
            deadline_s=MOVED_S,
        )
        log.info("measured", moved_s=round(time.monotonic() - cut_at, 1))
        late = await leaves_a_message(fleet, phone, second)
        for dialog in (await early, late):
            assert dialog.answered_at is not None
            assert dialog.ended_at is not None
            spoke_s = VOICE_MS / 1_000
            silence_s = longest_silence_s(
                dialog.received, since=dialog.answered_at, until=dialog.ended_at - spoke_s
            )
            log.info(
                "measured",
                silence_s=round(silence_s, 1),
                message_after_s=round(dialog.ended_at - spoke_s - dialog.answered_at, 1),
            )
            assert silence_s <= LONGEST_SILENCE_S
        assert len(recordings(fleet)) == 2
        assert messages(fleet) == 0

        fleet.heal()
        healed_at = time.monotonic()
        unbound: list[str] = []

        def healed() -> bool:
            unbound.extend(str(found) for found in holders(fleet) if not found)
            return (
                not any(one.gateway_name in gateways(fleet) for one in fleet.accounts)
                and holders(fleet) == [[OTHER]] * RESTAURANTS
                and messages(fleet) == 2
            )

        await until(partial(asyncio.to_thread, healed), deadline_s=HEALED_S)
        log.info(
            "measured", healed_s=round(time.monotonic() - healed_at, 1), looks_unbound=len(unbound)
        )
