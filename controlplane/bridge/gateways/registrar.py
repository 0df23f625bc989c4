"""This bridge's registrations: what Postgres wants, made true in FreeSWITCH, and reported back.

The registrar looks, and has a worker look at each gateway that is not what its row says
(`gateway_worker.py`). Why it is so: docs/decisions/0009-registrar.md.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import gevent
import gevent.event
import redis
import structlog
from sqlalchemy import Engine

from controlplane.bridge import metrics
from controlplane.bridge.gateways.accounts import Account, Accounts, Role
from controlplane.bridge.gateways.carrier_networks import CarrierNetworks
from controlplane.bridge.gateways.differences import Differences
from controlplane.bridge.gateways.gateway import Gateway
from controlplane.bridge.gateways.gateway_files import gateway_files, remove_gateway_file
from controlplane.bridge.gateways.gateway_steps import GatewaySteps
from controlplane.bridge.gateways.gateway_worker import RETRY_S, GatewayWorker, GatewayWorkers
from controlplane.bridge.gateways.gateways import Gateways
from controlplane.bridge.gateways.handover import Handover
from controlplane.bridge.gateways.register_messages import RegisterAnswer
from controlplane.bridge.gateways.register_pace import RegisterPace
from controlplane.bridge.gateways.register_watch import RegisterWatch
from controlplane.bridge.gateways.reporter import Reporter
from controlplane.bridge.gateways.reports import Outcome, Reports
from controlplane.bridge.prompt_files import PromptFiles
from controlplane.contracts.assignments import BindingGivenBack
from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.sip_credentials import InvalidGateway
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslError
from controlplane.loop import run_loop, spawn
from controlplane.secret_box import SecretBox

RECONCILE_S: Final = 30.0
"""A missed notification heals within this time."""
FRESH_PLACEMENT: Final = timedelta(minutes=2)
"""An agent that starts that soon after a placement may have missed the end of a move, after which
the owner registers once more."""

HURRIED_ANSWERS: Final = 5
"""So many renewals in a hurry are told: FreeSWITCH keeps no pace there, and UDP would."""
EMPTY_ANSWERS: Final = 2
"""So many 200s that leave no binding are told: one may be that of FreeSWITCH's own un-REGISTER."""

log = structlog.get_logger()


class Registrar:
    """Keeps FreeSWITCH's gateways what Postgres says."""

    def __init__(
        self,
        *,
        esl: EslClient,
        engine: Engine,
        client: redis.Redis,
        secrets: SecretBox,
        bridge_id: str,
        profile: str,
        capture_port: int,
        gateway_folder: Path,
        prompts: PromptFiles,
    ) -> None:
        self._esl = esl
        self._bridge_id = bridge_id
        self._folder = gateway_folder
        self.gateways = Gateways(
            esl, profile=profile, on_state=self._state_changed, on_surprise=self.reconcile_soon
        )
        """What FreeSWITCH has; its commands are for drains too."""
        self.watch = RegisterWatch(
            esl, port=capture_port, profile=profile, on_answer=self._registrar_answered
        )
        """Heard by a loop of its own: `RegisterWatch.run`."""
        self.reports = Reports(engine=engine, bridge_id=bridge_id, on_written=self._written)
        """Written by a loop of their own: `Reports.run`."""
        self._accounts = Accounts(engine, bridge_id)
        self.networks = CarrierNetworks(esl=esl, engine=engine, gateway_folder=gateway_folder)
        """Where calls may come from; the firewall lets in the same."""
        self._handover = Handover(engine=engine, client=client, bridge_id=bridge_id)
        self._reporter = Reporter(self.reports)
        self._differences = Differences(
            accounts=self._accounts, gateways=self.gateways, reports=self.reports
        )
        steps = GatewaySteps(
            gateways=self.gateways,
            accounts=self._accounts,
            networks=self.networks,
            handover=self._handover,
            reporter=self._reporter,
            secrets=secrets,
            gateway_folder=gateway_folder,
            prompts=prompts,
        )
        self._workers = GatewayWorkers(
            new_worker=partial(
                GatewayWorker,
                differences=self._differences,
                steps=steps,
                accounts=self._accounts,
                pace=RegisterPace(client),
            ),
            differences=self._differences,
            accounts=self._accounts,
            reporter=self._reporter,
            look_soon=self.reconcile_soon,
        )
        self._wanted = gevent.event.Event()
        self._something_due = gevent.event.Event()
        self._must_learn = True
        """FreeSWITCH may be another one than the gateways were learnt from."""
        self._stopped = False
        self._proven_again: dict[str, int] = {}
        """Epoch by gateway: the end of that move has been heard of, and REGISTERed after."""

    def subscribe(self) -> None:
        """Connect the handlers of gateway events."""
        self.gateways.subscribe()

    @property
    def registered(self) -> int:
        """Count the gateways that are REGED now."""
        return sum(gateway.registered for gateway in self.gateways.all())

    def reconcile_soon(self) -> None:
        """Look now rather than at the next turn: something changed."""
        self._wanted.set()

    def given_back(self, message: BindingGivenBack) -> None:
        """REGISTER once more, at once: a carrier with one binding an account may have dropped ours.
        The former bridge has waited for this REGISTER's turn before it gave its own back.
        """
        name = message.gateway_name
        gateway, account = self.gateways.get(name), self._accounts.owned(name)
        if gateway and gateway.registered and account:
            gateway.needs_register = gateway.has_turn = True
            self._proven_again[name] = account.epoch
            self._workers.look_at(name)

    def connected(self) -> None:
        """Ask FreeSWITCH everything: it is there (again), and may be another one."""
        self._must_learn = True
        self._wanted.set()

    def stop(self) -> None:
        """Start and remove nothing any more, whatever Postgres wants."""
        self._stopped = True
        self._workers.stop()

    def run(self) -> None:
        """Look whenever something may have changed, as long as the process lives."""
        run_loop(
            "registrar",
            self._turn,
            every_s=RECONCILE_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._wanted,
        )

    def run_retries(self) -> None:
        """Have gateways REGISTER when they are due, as long as the process lives."""
        run_loop(
            "retries",
            self._register_due,
            every_s=self._until_due_s,
            failures=metrics.LOOP_FAILURES,
            wake=self._something_due,
        )

    def _register_due(self) -> None:
        """Each takes its place in its carrier's row: after an outage hundreds are due at once."""
        self._something_due.clear()
        for gateway in self.gateways.all():
            if (due_in_s := gateway.due_in_s) is not None and due_in_s <= 0:
                gateway.needs_register = True
                self._workers.look_at(gateway.name)

    def _until_due_s(self) -> float:
        waits = [one for gateway in self.gateways.all() if (one := gateway.due_in_s) is not None]
        return max(0.0, min(waits, default=RECONCILE_S))

    def _turn(self) -> None:
        self._wanted.clear()
        if self._esl.connected and not self._stopped:
            self.reconcile()

    def reconcile(self) -> None:
        """Read the rows, and have somebody work on each gateway that is not what they say.

        Raises EslError, SQLAlchemyError: nothing was looked at.
        """
        if self._must_learn:
            self._learn()
        elif self.watch.deaf:
            self.watch.connected()
        before = self._accounts.read()
        self._prove_moved(before)
        self._remove_files()  # a broken one would keep the networks from being loaded
        self._open_networks()
        for name in self._differences.names():
            self._workers.look_at(name)
        self._tell_again()
        self._count()

    def _learn(self) -> None:
        self._must_learn = False  # before asking: it may connect anew meanwhile
        try:
            self.gateways.learn()
            self.watch.connected()
        except Exception:  # whatever went wrong: gateways never asked for would be given up
            self._must_learn = True
            raise
        self._reporter.forget_all()
        self._something_due.set()

    def _prove_moved(self, before: Mapping[str, Account]) -> None:
        """Ask for one more REGISTER at the end of a move: some registrars hold one binding only,
        and drop it when the former bridge gives its own back.
        """
        fresh = datetime.now(UTC) - FRESH_PLACEMENT
        for account in self._accounts.all():
            name, gateway = account.gateway_name, self.gateways.get(account.gateway_name)
            if gateway is None or account.role is not Role.OWNER or account.former_bridge_id:
                continue
            was = before.get(name)
            ended = was is not None and was.former_bridge_id and was.epoch == account.epoch
            missed = not before and account.placed_at is not None and account.placed_at > fresh
            if (ended or missed) and gateway.registered:
                if self._proven_again.pop(name, None) != account.epoch:
                    gateway.needs_register = True

    def _open_networks(self) -> None:
        """Load carriers' networks before a gateway is added: without, its calls are refused."""
        try:
            self.networks.make_true()
        except (EslError, OSError) as error:
            log.error("carrier_networks_not_in_force", reason=str(error))
            spawn("reconcile_soon", self.reconcile_soon, after_s=RETRY_S)

    def _remove_files(self) -> None:
        """Remove what a killed agent left; files of gateways being started are their workers'."""
        for name in gateway_files(self._folder) - self._workers.busy_with():
            try:
                remove_gateway_file(self._folder, name)
            except (InvalidGateway, OSError) as error:
                log.error("gateway_not_reconciled", gateway=name, reason=str(error))

    def _tell_again(self) -> None:
        busy = self._workers.busy_with()
        for account in self._accounts.all():
            gateway = self.gateways.get(account.gateway_name)
            if gateway is None or gateway.name in busy:
                continue
            if account.role is Role.OWNER:
                self._reporter.tell_again(account, gateway)

    # --- What is heard ---------------------------------------------------------------------

    def _registrar_answered(self, name: str, answer: RegisterAnswer) -> None:
        self.gateways.heard(name, answer)
        self._something_due.set()
        gateway, account = self.gateways.get(name), self._accounts.owned(name)
        if gateway and account and gateway.emptied >= EMPTY_ANSWERS:
            self._reporter.cannot(account, GatewayState.FAIL_WAIT, "200, and no binding of ours")
        if gateway and gateway.hurried == HURRIED_ANSWERS:
            log.warning("registrar_closes_connections", gateway=name)

    def _state_changed(self, gateway: Gateway) -> None:
        self._something_due.set()
        self._count()
        log.info(
            "gateway_state",
            gateway=gateway.name,
            state=gateway.state,
            sip_code=gateway.sip_code,
        )
        account = self._accounts.get(gateway.name)
        if account is None or gateway.deleting:
            return
        if account.role is Role.OWNER:
            self._reporter.state_changed(gateway)
            if gateway.registered:
                _observe(account)
        if account.role is Role.FORMER or self._differences.suspended(account):
            self._workers.look_at(gateway.name)

    def _written(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what Postgres counted until the rows are read again."""
        for one in outcomes:
            self._accounts.written(one.gateway_name, one.after, epoch=one.reports[-1].epoch)
            if self._differences.suspended(self._accounts.get(one.gateway_name)):
                self._workers.look_at(one.gateway_name)
        proven = {one.former_bridge_id for one in outcomes if one.after.state.registered}
        self._handover.proven(former for former in proven if former is not None)

    def _count(self) -> None:
        states = [gateway.state for gateway in self.gateways.all()]
        accounts = self._accounts.all()
        metrics.REGISTRATIONS.labels(bridge=self._bridge_id).set(states.count(GatewayState.REGED))
        owned = sum(account.role is Role.OWNER for account in accounts)
        metrics.REGISTRATIONS_ASSIGNED.labels(bridge=self._bridge_id).set(owned)
        metrics.REGISTRATIONS_BY_STATE.clear()
        for state in set(states):
            metrics.REGISTRATIONS_BY_STATE.labels(state=state).set(states.count(state))
        suspended = sum(account.state is GatewayState.SUSPENDED for account in accounts)
        metrics.REGISTRATIONS_BY_STATE.labels(state=GatewayState.SUSPENDED).set(suspended)


def _observe(account: Account) -> None:
    """Measure how long the restaurant waited for the first binding under an epoch."""
    if account.placed_at is not None and account.state_epoch != account.epoch:
        waited = datetime.now(UTC) - account.placed_at
        metrics.TIME_TO_REGISTERED.observe(waited.total_seconds())
