"""Twice a second the bridge says that it lives: what it holds, and whether FreeSWITCH takes calls.

Controllers give a bridge's registrations away when it says that its FreeSWITCH has ended, when they
see for themselves that both have, or when they have not heard of it for `HEARTBEAT_TTL_S`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import redis
import structlog
from gevent.event import Event

from controlplane.bridge import metrics
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.switchboard import Switchboard
from controlplane.bridge.postgres_probe import PostgresProbe
from controlplane.bridge.sip_probe import ProfileAddress, SipProbe
from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, DrainStep
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslError
from controlplane.loop import run_loop
from controlplane.settings import BridgeSettings

HEARTBEAT_S: Final = 0.5
HEARTBEAT_TTL_S: Final = 5
"""`bridge_timeout`: a bridge not heard of for this long is lost."""

log = structlog.get_logger()


class Heartbeat:
    """One bridge's; silent while FreeSWITCH's event socket is away, for then nobody takes care of
    its calls.
    """

    def __init__(
        self,
        *,
        settings: BridgeSettings,
        esl: EslClient,
        client: "redis.Redis",
        offers: Offers,
        switchboard: Switchboard,
        probe: SipProbe,
        postgres: PostgresProbe,
        registered: Callable[[], int],
        drain: Callable[[], DrainStep | None],
        firewall: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._esl = esl
        self._redis = client
        self._offers = offers
        self._switchboard = switchboard
        self._probe = probe
        self._postgres = postgres
        self._registered = registered
        self._drain = drain
        self._firewall = firewall
        self._instance = ""
        self._news = Event()

    def run(self) -> None:
        """Send it, and renew the demand of the calls, for as long as the process lives."""
        run_loop(
            "heartbeat",
            self._turn,
            every_s=HEARTBEAT_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._news,
        )

    def switch_lost(self) -> None:
        """Look now whether FreeSWITCH has ended: its event socket has closed."""
        self._news.set()

    def _turn(self) -> None:
        self._news.clear()
        if self._esl.connected and self._probe.address is None:
            self._meet()
        if self._esl.connected:
            self._send(self._message())
        elif self._probe.closed():
            self._send(self._message().model_copy(update={"switch_ended": True}))
        self._offers.renew_demand(self._switchboard.call_ids)

    def _send(self, message: BridgeHeartbeat) -> None:
        key = redis_keys.bridge_heartbeat(self._settings.bridge_id)
        self._redis.set(key, message.to_json(), ex=HEARTBEAT_TTL_S)
        self._offers.heard()

    def _meet(self) -> None:
        """Ask which FreeSWITCH this is, and where it listens once its profile runs."""
        try:
            self._instance = self._esl.api("global_getvar core_uuid")
            profile = self._esl.api(f"sofia status profile {self._settings.sip_profile}")
        except EslError as error:
            log.warning("freeswitch_not_met", error=type(error).__name__)
        else:
            self._probe.met(ProfileAddress.parse(profile))

    def _message(self) -> BridgeHeartbeat:
        address = self._probe.address
        return BridgeHeartbeat(
            bridge_id=self._settings.bridge_id,
            capacity=self._settings.capacity,
            active_calls=self._switchboard.active_calls,
            drain=self._drain(),
            sent_at=datetime.now(UTC),
            instance=self._instance,
            sip_address=address.public if address else "",
            sip_bound=address.bound if address else "",
            registered=self._registered(),
            postgres_answers=self._postgres.answers,
            # Without its profile FreeSWITCH takes no call: nothing is to be registered here.
            sip_answers=address is not None and self._probe.answers,
            keeps_firewall=self._firewall() or None,
        )
