"""This bridge's registrations: what Postgres wants, made true in FreeSWITCH, and reported back.

One gateway is changed by one greenlet at a time (`_work_on`), many gateways side by side: a carrier
that is dead, or paced, delays nobody else's. What is to be done next is decided by `next_step`
alone. Why it is so: docs/decisions/0009-registrar.md.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import gevent
import gevent.event
import redis
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from controlplane.bridge import metrics
from controlplane.bridge.gateways.accounts import Account, Role, gateway_settings, read_accounts
from controlplane.bridge.gateways.carrier_networks import CarrierNetworks
from controlplane.bridge.gateways.gateway import Gateway
from controlplane.bridge.gateways.gateway_report import Report
from controlplane.bridge.gateways.gateway_xml import (
    InvalidGateway,
    gateway_files,
    remove_gateway_file,
    write_gateway_file,
)
from controlplane.bridge.gateways.gateways import EVENTS as EVENTS
from controlplane.bridge.gateways.gateways import GatewayNotChanged, Gateways
from controlplane.bridge.gateways.next_step import Step, next_step
from controlplane.bridge.gateways.register_pace import Pace
from controlplane.bridge.gateways.registrar_dns import Names, NameUnanswered
from controlplane.bridge.gateways.reports import GIVEN_BACK, Reports
from controlplane.contracts.gateway_states import GatewayState
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslError
from controlplane.secret_box import SecretBox, SecretUnreadable

RECONCILE_S: Final = 30.0
"""However nobody told us: a missed notification heals within this time."""
RETRY_S: Final = 1.0
"""Before the next turn, after Postgres or FreeSWITCH was away."""
LINGER_S: Final = 2.0
"""Between giving a binding back and forgetting its gateway: a carrier that looked the binding up
before still sends its INVITE here, and FreeSWITCH knows the restaurant by the gateway alone."""
FRESH_PLACEMENT: Final = timedelta(minutes=2)
"""An agent that starts that soon after a placement may have missed the end of a move, after which
the owner registers once more."""

log = structlog.get_logger()


class Registrations:
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
        gateway_folder: Path,
        sounds_folder: Path,
    ) -> None:
        self._engine = engine
        self._secrets = secrets
        self._bridge_id = bridge_id
        self._folder = gateway_folder
        self._sounds = sounds_folder
        self._networks = CarrierNetworks(esl=esl, engine=engine, gateway_folder=gateway_folder)
        self._open_carriers: frozenset[str] = frozenset()
        self._names = Names()
        self._pace = Pace(client)
        self._reports = Reports(
            engine=engine, client=client, bridge_id=bridge_id, on_written=self._written
        )
        self._gateways = Gateways(
            esl,
            profile=profile,
            on_state=self._state_changed,
            on_surprise=self.reconcile_soon,
        )
        self._accounts: dict[str, Account] = {}
        self._wanted = gevent.event.Event()
        self._forgotten = True
        self._stopped = False
        self._work: dict[str, gevent.Greenlet[[str], None]] = {}
        self._again: set[str] = set()
        self._paced: set[str] = set()
        """Gateways being made again, whose REGISTER has had its place in the carrier's row."""
        self._proven_again: dict[str, int] = {}
        """Epoch by gateway: the end of that move has been heard of, and REGISTERed after."""
        self._told: dict[str, tuple[GatewayState, int, int | None]] = {}

    def subscribe(self) -> None:
        """Connect the handlers of gateway events."""
        self._gateways.subscribe()

    @property
    def registered(self) -> int:
        """Gateways that are REGED now."""
        return sum(gateway.registered for gateway in self._gateways.all())

    def reconcile_soon(self) -> None:
        """Something changed: look now rather than at the next turn."""
        self._wanted.set()

    def heard(self, message: str) -> None:
        """On this bridge's channel. Whatever it says, it is a reason to look."""
        name = message.removeprefix(GIVEN_BACK)
        gateway, account = self._gateways.get(name), self._accounts.get(name)
        if gateway and gateway.registered and account and account.role is Role.OWNER:
            gateway.needs_register = True
            self._proven_again[name] = account.epoch
            self._look_at(name)
        self._wanted.set()

    def connected(self) -> None:
        """FreeSWITCH is there (again), maybe another one: ask it everything."""
        self._forgotten = True
        self._wanted.set()

    def stop(self) -> None:
        """For good: from here on nothing is started or removed, whatever Postgres wants."""
        self._stopped = True
        gevent.killall(list(self._work.values()), block=False)

    def run(self) -> None:
        """For ever."""
        reports = gevent.spawn(self._reports.run)
        reports.link(lambda _: self.reconcile_soon())
        while True:
            self._wanted.wait(timeout=RECONCILE_S)
            if reports.ready():
                reports.get()  # raises what ended it, which nothing should
            self._wanted.clear()
            try:
                self.reconcile()
            except (SQLAlchemyError, EslError, OSError) as error:
                log.warning("registrations_not_reconciled", error=type(error).__name__)
                gevent.sleep(RETRY_S)
                self._wanted.set()

    def reconcile(self) -> None:
        """Read the rows, and have somebody work on each gateway that is not what they say."""
        if self._stopped:
            return
        if self._forgotten:
            self._forgotten = False
            try:
                self._gateways.learn()
            except EslError:
                self._forgotten = True
                raise
            self._told.clear()
        before, self._accounts = self._accounts, read_accounts(self._engine, self._bridge_id)
        self._prove_moved(before)
        self._try_again()
        self._remove_files()  # a broken one would keep the networks from being loaded
        self._open_networks()
        for name in self._gateways.names() | self._accounts.keys():
            self._look_at(name)
        self._tell_again()
        self._count()

    # --- One gateway -----------------------------------------------------------------------

    def _step(self, name: str) -> Step:
        if self._stopped:
            return Step.NOTHING
        account, gateway = self._accounts.get(name), self._gateways.get(name)
        suspended = self._suspended(account)
        if account is not None and account.role is Role.FORMER and gateway is not None:
            # The row counts its owner's refusals alone.
            suspended = suspended or gateway.failures >= account.max_auth_failures
        return next_step(account, gateway, suspended=suspended)

    def _suspended(self, account: Account | None) -> bool:
        """Refused too often, by what Postgres knows and what it does not know yet."""
        if account is None:
            return False
        waiting = self._reports.unwritten_refusals(account.gateway_name)
        return account.auth_failures + waiting >= account.max_auth_failures

    def _look_at(self, name: str) -> None:
        if name in self._work:
            self._again.add(name)
        elif self._step(name) is not Step.NOTHING:
            self._work[name] = gevent.spawn(self._work_on, name)

    def _work_on(self, name: str) -> None:
        """Step by step, until there is nothing to do or something is in the way."""
        try:
            while True:
                self._again.discard(name)
                while (step := self._step(name)) is not Step.NOTHING:
                    self._take(step, name)
                if name not in self._again:
                    return
        except NameUnanswered as error:
            self._cannot(name, GatewayState.UNRESOLVED, str(error))
        except (InvalidGateway, SecretUnreadable) as error:
            self._cannot(name, GatewayState.INVALID, str(error))
        except (GatewayNotChanged, EslError, SQLAlchemyError, OSError) as error:
            log.error("gateway_not_reconciled", gateway=name, reason=str(error))
            gevent.spawn_later(RETRY_S, self.reconcile_soon)
        finally:
            del self._work[name]
            self._paced.discard(name)

    def _cannot(self, name: str, state: GatewayState, reason: str) -> None:
        """Another turn will try again; meanwhile people shall see why."""
        log.error("gateway_not_reconciled", gateway=name, reason=reason)
        account = self._accounts.get(name)
        if account is None or self._told.get(name) == (state, account.epoch, None):
            return
        self._told[name] = (state, account.epoch, None)
        self._reports.put(
            Report(
                gateway_name=name,
                epoch=account.epoch,
                state=state,
                at=datetime.now(UTC),
                detail=reason,
            )
        )

    def _take(self, step: Step, name: str) -> None:
        match step:
            case Step.START | Step.REGISTER_AGAIN:
                account = self._accounts[name]
                if step is Step.START:
                    self._names.require_answer(account.registrar)
                if name not in self._paced:
                    self._pace.wait(account.carrier_id, account.registers_per_second)
                self._paced.discard(name)
                if self._step(name) is step:  # still so, after the wait
                    self._register(step, self._accounts[name])
            case Step.REMOVE if name not in self._paced and self._to_be_made_again(name):
                # Before its end: a change of the carrier's makes hundreds again, and each is
                # without a binding for the two seconds it takes, not until its turn has come.
                account = self._accounts[name]
                self._pace.wait(account.carrier_id, account.registers_per_second)
                self._paced.add(name)
            case Step.REMOVE:
                self._remove(name)
            case Step.GIVE_BACK:
                self._give_back(name)
            case Step.RELEASE:
                self._reports.release(name)
                self._accounts.pop(name, None)

    def _to_be_made_again(self, name: str) -> bool:
        account, gateway = self._accounts.get(name), self._gateways.get(name)
        if account is None or account.role is not Role.OWNER or self._suspended(account):
            return False
        return gateway is not None and not gateway.deleting

    def _remove(self, name: str) -> None:
        """One that went elsewhere without us (we were lost, say): its owner is to hear of the
        un-REGISTER, as at the end of a move.
        """
        owner = self._reports.owner(name) if name not in self._accounts else None
        remove_gateway_file(self._folder, name)
        self._gateways.kill(name)
        if owner is not None and owner != self._bridge_id:
            self._reports.given_back(name, owner=owner)

    def _give_back(self, name: str) -> None:
        """In this order the carrier is told once (Contact of this bridge, expires 0), and an INVITE
        it had already sent still finds the gateway.
        """
        self._gateways.unregister(name)
        account = self._accounts.get(name)
        if account is not None and account.bridge_id is not None:
            self._reports.given_back(name, owner=account.bridge_id)
        gevent.sleep(LINGER_S)
        self._gateways.kill(name)

    def _register(self, step: Step, account: Account) -> None:
        name = account.gateway_name
        if step is Step.REGISTER_AGAIN:
            self._gateways.register(name, epoch=account.epoch)
            return
        if account.carrier_id not in self._open_carriers:
            raise InvalidGateway("source_networks", "the carrier has none that can be used")
        settings = gateway_settings(account, secrets=self._secrets, sounds=self._sounds)
        write_gateway_file(self._folder, settings)
        self._told.pop(name, None)
        try:
            self._gateways.start(name, epoch=account.epoch, config_version=account.config_version)
        finally:
            # A FreeSWITCH that starts again must register nobody by itself: not the accounts that
            # went elsewhere meanwhile, and not 200 at once.
            remove_gateway_file(self._folder, name)

    def _prove_moved(self, before: dict[str, Account]) -> None:
        """The end of a move: some registrars hold one binding only, and drop it when the former
        bridge gives its own back. Hence one more REGISTER.
        """
        fresh = datetime.now(UTC) - FRESH_PLACEMENT
        for name, account in self._accounts.items():
            gateway = self._gateways.get(name)
            if gateway is None or account.role is not Role.OWNER or account.former_bridge_id:
                continue
            was = before.get(name)
            ended = was is not None and was.former_bridge_id and was.epoch == account.epoch
            missed = not before and account.placed_at is not None and account.placed_at > fresh
            if (ended or missed) and gateway.registered:
                if self._proven_again.pop(name, None) != account.epoch:
                    gateway.needs_register = True

    def _try_again(self) -> None:
        """Where FreeSWITCH would wait longer than we let it."""
        for gateway in self._gateways.all():
            if gateway.name in self._accounts and gateway.waits_too_long:
                gateway.needs_register = True

    def _open_networks(self) -> None:
        """Before a gateway is added: without its carrier's list every call to it is refused."""
        try:
            self._open_carriers = self._networks.make_true()
        except (EslError, OSError) as error:
            log.error("carrier_networks_not_in_force", reason=str(error))
            gevent.spawn_later(RETRY_S, self.reconcile_soon)

    def _remove_files(self) -> None:
        """Left by an agent that was killed; those being started are their worker's."""
        for name in gateway_files(self._folder) - self._work.keys():
            try:
                remove_gateway_file(self._folder, name)
            except (InvalidGateway, OSError) as error:
                log.error("gateway_not_reconciled", gateway=name, reason=str(error))

    # --- What FreeSWITCH tells -------------------------------------------------------------

    def _state_changed(self, gateway: Gateway) -> None:
        self._count()
        account = self._accounts.get(gateway.name)
        log.info(
            "gateway_state",
            gateway=gateway.name,
            state=gateway.state,
            sip_code=gateway.sip_code,
        )
        if account is None or gateway.deleting:
            return
        if account.role is not Role.OWNER:
            self._look_at(gateway.name)
            return
        if gateway.state.settled or gateway.name not in self._told:
            self._tell(gateway, refusal=gateway.refused)
            if gateway.registered:
                self._observe(account)
        if self._suspended(account):
            self._look_at(gateway.name)

    def _tell(self, gateway: Gateway, *, refusal: bool = False) -> None:
        """`gateway.epoch` is the ownership this is about; the row refuses another's."""
        if gateway.needs_register:
            return
        said = (gateway.state, gateway.epoch, gateway.sip_code)
        news = self._told.get(gateway.name) != said
        self._told[gateway.name] = said
        self._reports.put(
            Report(
                gateway_name=gateway.name,
                epoch=gateway.epoch,
                state=gateway.state,
                at=datetime.now(UTC),
                sip_code=gateway.sip_code,
                next_retry_at=gateway.retry_at,
                refused=refusal,
                news=news,
            )
        )

    def _observe(self, account: Account) -> None:
        """The first binding under an epoch: how long its restaurant waited for it."""
        if account.placed_at is not None and account.state_epoch != account.epoch:
            waited = datetime.now(UTC) - account.placed_at
            metrics.TIME_TO_REGISTERED.observe(waited.total_seconds())

    def _tell_again(self) -> None:
        """What Postgres did not hear, or somebody wrote over."""
        for name, account in self._accounts.items():
            gateway = self._gateways.get(name)
            if gateway is None or account.role is not Role.OWNER or name in self._work:
                continue
            told = (account.state, account.state_epoch)
            differs = told != (gateway.state, account.epoch) and gateway.epoch == account.epoch
            if (
                differs
                and not gateway.needs_register
                and gateway.state.settled
                and not self._reports.unwritten(name)
            ):
                self._tell(gateway)

    def _written(self, failures: dict[str, int]) -> None:
        """Postgres has it: remember what it counted until the rows are read again."""
        for name, count in failures.items():
            if account := self._accounts.get(name):
                self._accounts[name] = replace(account, auth_failures=count)
                if self._suspended(self._accounts[name]):
                    self._look_at(name)

    def _count(self) -> None:
        states = [gateway.state for gateway in self._gateways.all()]
        metrics.REGISTRATIONS.labels(bridge=self._bridge_id).set(states.count(GatewayState.REGED))
        owned = sum(account.role is Role.OWNER for account in self._accounts.values())
        metrics.REGISTRATIONS_ASSIGNED.labels(bridge=self._bridge_id).set(owned)
        metrics.REGISTRATIONS_BY_STATE.clear()
        for state in set(states):
            metrics.REGISTRATIONS_BY_STATE.labels(state=state).set(states.count(state))
        suspended = sum(
            account.state is GatewayState.SUSPENDED for account in self._accounts.values()
        )
        metrics.REGISTRATIONS_BY_STATE.labels(state=GatewayState.SUSPENDED).set(suspended)
