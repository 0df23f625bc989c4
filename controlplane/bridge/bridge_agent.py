"""The bridge agent: one process beside one FreeSWITCH. `run()` is the process."""

import resource
import signal
from typing import Final

import gevent
import gevent.event
import structlog
from prometheus_client import start_http_server
from sqlalchemy import Engine

from controlplane.bridge.assignment_listener import AssignmentListener
from controlplane.bridge.calls import bridge_load
from controlplane.bridge.calls import switchboard as switchboard_module
from controlplane.bridge.calls.admission import Admission
from controlplane.bridge.calls.bridge_load import BridgeLoad
from controlplane.bridge.calls.call_policy import CallPolicies
from controlplane.bridge.calls.call_record import CallEventPublisher
from controlplane.bridge.calls.call_requests import CallRequests
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.restaurant_limits import RestaurantLimits
from controlplane.bridge.calls.resume_calls import resume_calls
from controlplane.bridge.calls.switchboard import Switchboard
from controlplane.bridge.calls.voice_messages import VoiceMessages
from controlplane.bridge.disk_space import DiskSpace
from controlplane.bridge.drain import Drain
from controlplane.bridge.firewall import Firewall
from controlplane.bridge.firewall_table import controllers
from controlplane.bridge.fs_cli_tables import FsCliTables
from controlplane.bridge.gateways import gateways as gateways_module
from controlplane.bridge.gateways.gateway_folder import check_folder, held_alone
from controlplane.bridge.gateways.registrar import Registrar
from controlplane.bridge.heartbeat import Heartbeat
from controlplane.bridge.postgres_probe import PostgresProbe
from controlplane.bridge.prompt_files import PromptFiles
from controlplane.bridge.sip_probe import SipProbe
from controlplane.contracts.claim_keys import ClaimKeys
from controlplane.contracts.heartbeats import DrainStep
from controlplane.database import sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslError
from controlplane.esl.executions import Executions
from controlplane.log import configure_logging
from controlplane.loop import log_failed_greenlets, spawn
from controlplane.redis_clients import sync_redis
from controlplane.secret_box import SecretBox
from controlplane.settings import BridgeSettings

REDIS_DEADLINE_S: Final = 3.0
"""Longer than the longest BLPOP of an offer."""

FREESWITCH_DEADLINE_S: Final = 30.0
"""FreeSWITCH is ready about 2 s after its start, later on a loaded node."""

EVENT_LATENCY_S: Final = 0.005
"""While calls are up. FreeSWITCH by itself lets an event wait 20 ms: half of what an interruption
may take. Costs 2.5 % of a core."""

FLUSH_DEADLINE_S: Final = 2.0

log = structlog.get_logger()


def run() -> int:
    """Run until a drain is over, which SIGTERM asks for. SIGINT, or another SIGTERM: leave at once;
    calls and registrations stay up, and the next agent resumes them.

    Raises `ServiceUnavailable` when this FreeSWITCH has an agent already.
    """
    settings = BridgeSettings.from_environment()
    configure_logging(process="bridge-agent", level=settings.log_level, human=settings.log_human)
    log_failed_greenlets()
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no opened password on a disk
    with held_alone(settings.gateway_folder):
        check_folder(settings.gateway_folder)
        return _serve(BridgeAgent(settings))


def _serve(agent: "BridgeAgent") -> int:
    leave = gevent.event.Event()

    def terminate() -> None:
        if agent.drain.told_to_end:
            leave.set()
        agent.drain.end_when_empty()

    gevent.signal_handler(signal.SIGTERM, terminate)
    gevent.signal_handler(signal.SIGINT, leave.set)
    agent.start()
    gevent.wait([leave, agent.drain.ended, agent.failed], count=1)
    agent.stop()
    return 1 if agent.failed.is_set() else 0


class BridgeAgent:
    """Wires the bridge's parts together and keeps its loops running."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._settings = settings
        self.failed = gevent.event.Event()
        """A loop ended, which none should: better a new process than half a bridge."""
        self._redis = sync_redis(
            settings.redis_url,
            timeout_s=REDIS_DEADLINE_S,
            retries=1,  # a caller waits behind an offer
            connections=2 * settings.capacity + 10,
        )
        self._control = self._esl_client(
            "control",
            [*switchboard_module.EVENTS, *gateways_module.EVENTS, *bridge_load.EVENTS],
        )
        self._media = self._esl_client("media", [], executions=self._control.executions)
        claim_keys = ClaimKeys.from_text(settings.claim_keys)
        if not claim_keys.keys:
            log.warning("claims_not_proven", reason="ALLORESTO_CLAIM_KEYS is not set")
        self._offers = Offers(self._redis, keys=claim_keys)
        self._publisher = CallEventPublisher(self._redis)
        tenants = self._connections(pool_size=2)
        self._policies = CallPolicies(engine=tenants, bridge_id=settings.bridge_id)
        messages = settings.voicemail_folder or settings.gateway_folder.parent / "messages"
        self._messages = VoiceMessages(engine=tenants, folder=messages)
        self._disk = DiskSpace(esl=self._control, messages=messages)
        self._limits = RestaurantLimits(
            self._redis,
            calls=lambda: self._switchboard.calls,
            policy_of=self._policies.of,
        )
        engine = self._connections(pool_size=4)
        self._prompts = PromptFiles(
            engine,
            bridge_id=settings.bridge_id,
            folder=settings.prompt_folder or settings.gateway_folder.parent / "prompts",
            packaged=settings.sounds_folder,
        )
        self._switchboard = Switchboard(
            control=self._control,
            media=self._media,
            offers=self._offers,
            publisher=self._publisher,
            policies=self._policies,
            messages=self._messages,
            admission=Admission(calls=settings.caller_calls, at_once=settings.caller_calls_at_once),
            limits=self._limits,
            bridge_id=settings.bridge_id,
            sounds=settings.sounds_folder,
            prompts_of=self._prompts.folder,
        )
        self._load = BridgeLoad(
            esl=self._control,
            most=settings.max_calls,
            calls=lambda: self._switchboard.calls_to_serve,
            everybody=lambda: self._switchboard.active_calls,
            margin_s=self._switchboard.margin.least_s,
        )
        self._registrar = Registrar(
            esl=self._control,
            engine=engine,
            client=self._redis,
            secrets=SecretBox.from_keys(settings.secret_keys),
            bridge_id=settings.bridge_id,
            profile=settings.sip_profile,
            capture_port=settings.esl_port,
            gateway_folder=settings.gateway_folder,
            prompts=self._prompts,
        )
        self._assignments = AssignmentListener(
            self._redis,
            bridge_id=settings.bridge_id,
            given_back=self._registrar.given_back,
            call_asked=CallRequests(self._redis, find=self._switchboard.find).obey,
            look_soon=self._look_soon,
        )
        self._probe = SipProbe()
        self._firewall = Firewall(
            wanted=settings.firewall == "nftables",
            bridge_id=settings.bridge_id,
            profile=lambda: self._probe.address,
            networks=lambda: self._registrar.networks.known,
            controllers=controllers(settings.controller_networks),
        )
        self.drain = Drain(
            esl=self._control,
            engine=engine,
            gateways=self._registrar.gateways,
            bridge_id=settings.bridge_id,
            deadline_s=settings.drain_deadline_s,
            calls=lambda: self._switchboard.active_calls,
            stop_registering=self._registrar.stop,
        )
        self._postgres = PostgresProbe(engine)
        self._heartbeat = Heartbeat(
            settings=settings,
            esl=self._control,
            client=self._redis,
            offers=self._offers,
            switchboard=self._switchboard,
            probe=self._probe,
            postgres=self._postgres,
            registered=lambda: self._registrar.registered,
            drain=lambda: self.drain.step,
            firewall=lambda: self._firewall.kept,
        )
        self._fs_cli = FsCliTables(
            esl=self._control,
            engine=tenants,
            bridge_id=settings.bridge_id,
            calls=lambda: self._switchboard.calls,
            drain=lambda: self.drain.step,
        )

    def start(self) -> None:
        """Connect to FreeSWITCH and start the loops."""
        self._switchboard.subscribe()
        self._load.subscribe()
        self._registrar.subscribe()
        self._media.start()
        self._control.start()
        for loop in (
            self._publisher.run,
            self._switchboard.run,
            self._load.run,
            self._heartbeat.run,
            self._assignments.run,
            self._registrar.run,
            self._registrar.run_retries,
            self._registrar.watch.run,
            self._registrar.reports.run,
            self._probe.run,
            self._postgres.run,
            self._policies.run,
            self._prompts.run,
            self._limits.run,
            self._messages.run,
            self._disk.run,
            self._firewall.run,
            self.drain.run,
            self._fs_cli.run,
        ):
            spawn(loop.__qualname__, loop, failed=self.failed.set)
        log.info("bridge_agent_started", bridge_id=self._settings.bridge_id)

    def stop(self) -> None:
        """Stop listening; FreeSWITCH keeps the calls and the registrations."""
        self._publisher.flush(timeout_s=FLUSH_DEADLINE_S)
        if self.drain.step is DrainStep.STOPPING:  # FreeSWITCH has ended
            self._firewall.remove()
        self._control.close()
        self._media.close()
        step = self.drain.step.value if self.drain.step else None
        log.info("bridge_agent_stopped", active_calls=self._switchboard.active_calls, drain=step)

    def _connections(self, *, pool_size: int) -> Engine:
        return sync_engine(
            self._settings.database_url,
            application_name="bridge-agent",
            role=DatabaseRole.BRIDGE,
            pool_size=pool_size,
        )

    def _esl_client(
        self, name: str, events: list[str], *, executions: Executions | None = None
    ) -> EslClient:
        return EslClient(
            host=self._settings.esl_host,
            port=self._settings.esl_port,
            password=self._settings.esl_password,
            events=events,
            name=name,
            executions=executions,
            on_connected=self._freeswitch_connected if name == "control" else None,
            on_disconnected=self._freeswitch_lost if name == "control" else None,
            wake_every_s=EVENT_LATENCY_S if events else None,
            wake_while=lambda: self._switchboard.active_calls > 0,
        )

    def _freeswitch_connected(self, client: EslClient) -> None:
        self._fs_cli.connected()
        self._disk.connected()
        try:
            self._probe.met(None)
            self._load.connected()
            self._media.wait_connected(FREESWITCH_DEADLINE_S)
            resume_calls(client, self._switchboard)
        except EslError as error:
            log.warning("calls_not_resumed", error=type(error).__name__)
        finally:  # whatever a call is like: this FreeSWITCH may have no gateway at all
            self._registrar.connected()

    def _freeswitch_lost(self) -> None:
        self._heartbeat.switch_lost()

    def _look_soon(self) -> None:
        self._registrar.reconcile_soon()
        self._policies.reload_soon()
        self._prompts.reload_soon()
        self.drain.look_soon()
