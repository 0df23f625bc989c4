"""Whose FreeSWITCH has ended? The kernel of its machine says so: nobody listens at its SIP port.

The port tells of the process that holds the registrations. A connection of its agent's, to Postgres
say, would only tell of the agent, and all such connections end at once when a server restarts.
"""

import time
from collections.abc import Callable, Collection, Mapping, Set
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

import gevent
import structlog

from controlplane.loop import spawn
from controlplane.sip_options import SipAnswer, ask

ASK_DEADLINE_S: Final = 0.2
"""Within one network the answer comes in a millisecond; a look waits no longer for a silent one."""
MEET_EVERY_S: Final = 10.0
"""Living bridges are asked this often whether this process can reach them."""
MEET_AGAIN_S: Final = 2.0
"""One that did not answer is overdue by then, if it is dead."""

_logger = structlog.get_logger()

AskAll = Callable[[Collection[str]], Mapping[str, SipAnswer]]


class SwitchPorts:
    """Asks at bridges' SIP addresses (`host:port`), and knows where that is worth something.

    A closed port counts where this process was answered before: somewhere else a firewall or a
    translated address may refuse in FreeSWITCH's name.
    """

    def __init__(
        self,
        *,
        ask_all: "AskAll | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask_all = ask_all or ask_side_by_side
        self._clock = clock
        self._reached: set[str] = set()
        self._missed: set[str] = set()
        """These were reached before, and did not answer when they were asked last."""
        self._told: set[str] = set()
        """The log says that these can't be reached."""
        self._meet_at: dict[str, float] = {}
        """When a living bridge is asked next; one not in it is asked now."""

    def closed(self, *, overdue: Collection[str], heard: Collection[str]) -> set[str]:
        """Return those of the `overdue` at which nobody listens any more; see now and then whether
        those `heard` can be reached.
        """
        now = self._clock()
        self._forget_all_but({*overdue, *heard})
        doubted = self._reached.intersection(overdue)
        due = {one for one in heard if now >= self._meet_at.get(one, now)}
        if not (doubted or due):
            return set()
        answers = self._ask_all(doubted | due)
        for address in due:
            self._met(address, now, answered=answers.get(address) is SipAnswer.ANSWERED)
        return {one for one in doubted if answers.get(one) is SipAnswer.CLOSED}

    def _met(self, address: str, now: float, *, answered: bool) -> None:
        """Note whether it can be reached. Who has just died is not overdue yet: only who goes on
        beating behind a port that does not answer can't be reached.
        """
        self._meet_at[address] = now + MEET_EVERY_S
        if answered:
            self._reached.add(address)
            self._missed.discard(address)
            self._told.discard(address)
        elif address in self._reached and address not in self._missed:
            self._missed.add(address)
            self._meet_at[address] = now + MEET_AGAIN_S
        else:
            self._reached.discard(address)
            self._missed.discard(address)
            self._tell(address)

    def _tell(self, address: str) -> None:
        if address not in self._told:
            self._told.add(address)
            _logger.warning("bridge_port_not_reached", sip_address=address)

    def _forget_all_but(self, addresses: Set[str]) -> None:
        self._reached &= addresses
        self._missed &= addresses
        self._told &= addresses
        self._meet_at = {one: at for one, at in self._meet_at.items() if one in addresses}


def ask_side_by_side(addresses: Collection[str]) -> dict[str, SipAnswer]:
    """Ask all of them at once; who says nothing in time may be missing in the answer."""
    answers: dict[str, SipAnswer] = {}

    def ask_one(address: str) -> None:
        host, _, port = address.rpartition(":")
        with suppress(ValueError, OverflowError):  # no address of a bridge of ours
            answers[address] = ask(str(IPv4Address(host)), int(port), deadline_s=ASK_DEADLINE_S)

    asking = [spawn("sip_options", ask_one, address) for address in addresses]
    gevent.joinall(asking, timeout=2 * ASK_DEADLINE_S)
    return dict(answers)
