"""One gateway is changed by one greenlet at a time, its worker; a carrier that is dead, or paced,
delays no other gateway.
"""

from collections.abc import Callable
from typing import Final

import gevent
import gevent.pool
import structlog
from sqlalchemy.exc import SQLAlchemyError

from controlplane.bridge import metrics
from controlplane.bridge.gateways.accounts import Account, Accounts
from controlplane.bridge.gateways.differences import Differences
from controlplane.bridge.gateways.gateway_steps import GatewaySteps, OwnerNotToldError
from controlplane.bridge.gateways.gateways import GatewayNotChanged
from controlplane.bridge.gateways.handover import Successor
from controlplane.bridge.gateways.next_step import Step
from controlplane.bridge.gateways.register_pace import RegisterPace
from controlplane.bridge.gateways.registrar_dns import DnsUnanswered
from controlplane.bridge.gateways.reporter import Reporter
from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.sip_credentials import InvalidGateway
from controlplane.esl.errors import EslError
from controlplane.loop import spawn
from controlplane.secret_box import SecretUnreadable

RETRY_S: Final = 1.0
"""Before the next look, after Postgres or FreeSWITCH was away."""

log = structlog.get_logger()


class GatewayWorker:
    """Takes one gateway, step by step, to what Postgres wants."""

    def __init__(
        self,
        name: str,
        *,
        differences: Differences,
        steps: GatewaySteps,
        accounts: Accounts,
        pace: RegisterPace,
    ) -> None:
        self.name = name
        self.look_again = False
        """Something has changed since it looked last."""
        self._differences = differences
        self._steps = steps
        self._accounts = accounts
        self._pace = pace
        self._has_turn = False
        """Its next REGISTER has had its place in the carrier's row."""

    def run(self) -> None:
        """Take steps until nothing is to be done. Raises what is in the way (`GatewaySteps`)."""
        while True:
            self.look_again = False
            while (step := self._differences.step(self.name)) is not Step.NOTHING:
                self._take(step)
            if not self.look_again:
                return

    def _take(self, step: Step) -> None:
        match step:
            case Step.START | Step.REGISTER_AGAIN:
                self._register(step)
            case Step.REMOVE:
                self._remove()
            case Step.GIVE_BACK:
                self._give_back()
            case Step.RELEASE:
                self._steps.release(self.name)

    def _remove(self) -> None:
        """Remove it, at the carrier's pace where somebody will REGISTER right after."""
        account = self._differences.to_be_made_again(self.name)
        successor = None if account else self._steps.successor(self.name)
        if (next_one := account or successor) and not self._has_turn:
            # Before its end: a change of the carrier's makes hundreds again, a bridge that was cut
            # off has as many to give back, and each is without a binding for the second or two it
            # takes, not until its turn has come.
            self._wait_for_turn(next_one)
            return
        self._has_turn = account is not None
        self._steps.remove(self.name, owner=successor.bridge_id if successor else None)

    def _give_back(self) -> None:
        """Wait for a turn first: the owner is to REGISTER as soon as the binding is given back,
        and some carriers have none of the account until it does.
        """
        account = self._accounts.get(self.name)
        if account is not None and not self._has_turn:
            self._wait_for_turn(account)
            return  # something may have changed during the wait
        self._has_turn = False
        self._steps.give_back(self.name, owner=account.bridge_id if account else None)

    def _register(self, step: Step) -> None:
        account = self._accounts.get(self.name)
        if account is None:
            return
        if step is Step.START:
            self._steps.require_dns(account)
        if not self._has_turn and not self._steps.has_turn(self.name):
            self._wait_for_turn(account)
        self._has_turn = False
        account = self._accounts.get(self.name)
        if account is None or self._differences.step(self.name) is not step:
            return  # something changed during the wait
        if step is Step.START:
            self._steps.start(account)
        else:
            self._steps.register_again(account)

    def _wait_for_turn(self, whose: Account | Successor) -> None:
        self._pace.wait(whose.carrier_id, whose.registers_per_second)
        self._has_turn = True


class GatewayWorkers:
    """Holds one worker a gateway at most: there are 200 rows, and 200 gateways to remove."""

    def __init__(
        self,
        *,
        new_worker: Callable[[str], GatewayWorker],
        differences: Differences,
        accounts: Accounts,
        reporter: Reporter,
        look_soon: Callable[[], None],
    ) -> None:
        self._new_worker = new_worker
        self._differences = differences
        self._accounts = accounts
        self._reporter = reporter
        self._look_soon = look_soon
        self._working: dict[str, GatewayWorker] = {}
        self._greenlets = gevent.pool.Group()
        self._stopped = False

    def look_at(self, name: str) -> None:
        """Have that gateway made what it should be, if it is not."""
        if worker := self._working.get(name):
            worker.look_again = True
        elif not self._stopped and self._differences.step(name) is not Step.NOTHING:
            self._working[name] = self._new_worker(name)
            self._greenlets.add(spawn("gateway_worker", self._work, self._working[name]))

    def busy_with(self) -> set[str]:
        """Return the names of the gateways somebody works on."""
        return set(self._working)

    def stop(self) -> None:
        """Start and remove nothing any more, whatever Postgres wants."""
        self._stopped = True
        self._greenlets.kill(block=False)

    def _work(self, worker: GatewayWorker) -> None:
        """Run a worker; tell what is in its way, which is tried again at another look."""
        try:
            worker.run()
        except DnsUnanswered as error:
            self._cannot(worker.name, GatewayState.UNRESOLVED, str(error))
        except (InvalidGateway, SecretUnreadable) as error:
            self._cannot(worker.name, GatewayState.INVALID, str(error))
        except OwnerNotToldError:
            log.info("gateway_kept", gateway=worker.name)  # Redis's return is a reason to look
        except (GatewayNotChanged, EslError, SQLAlchemyError, OSError) as error:
            log.error("gateway_not_reconciled", gateway=worker.name, reason=str(error))
            self._try_again()
        except Exception:  # one gateway's edge: the other 199 go on
            metrics.LOOP_FAILURES.labels("gateway_worker").inc()
            log.exception("gateway_not_reconciled", gateway=worker.name)
            self._try_again()
        finally:
            del self._working[worker.name]

    def _try_again(self) -> None:
        spawn("look_soon", self._look_soon, after_s=RETRY_S)

    def _cannot(self, name: str, state: GatewayState, reason: str) -> None:
        log.error("gateway_not_reconciled", gateway=name, reason=reason)
        if account := self._accounts.get(name):
            self._reporter.cannot(account, state, reason)
