"""The states of a gateway: FreeSWITCH's own, and those only we know, in which it has no gateway.

FreeSWITCH's are `sofia_state_names` of mod_sofia.c (1.10.12), and how they follow one another is
`sofia_reg_check_gateway` (one step a second) and `sofia_reg_handle_sip_r_register` (an answer) of
sofia_reg.c. `sip_registration.state` holds one of them as text.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class GatewayState(StrEnum):
    """Says how one gateway stands with its carrier."""

    UNREGED = "UNREGED"
    """It is to send REGISTER at the next step."""
    TRYING = "TRYING"
    """REGISTER has been sent."""
    REGISTER = "REGISTER"
    """The carrier's 200 has arrived."""
    REGED = "REGED"
    """The binding is at the registrar: calls arrive."""
    UNREGISTER = "UNREGISTER"
    """It is to give its binding back at the next step."""
    FAILED = "FAILED"
    """The carrier has refused, or has not answered."""
    FAIL_WAIT = "FAIL_WAIT"
    """It waits after FAILED until it may try again."""
    EXPIRED = "EXPIRED"
    """FreeSWITCH knows the name but never enters this state."""
    NOREG = "NOREG"
    """The gateway does not register. None of ours is so."""
    DOWN = "DOWN"
    """The binding has been given back. In a row it also means that nobody has reported yet."""
    TIMEOUT = "TIMEOUT"
    """REGISTER got no answer in time."""

    SUSPENDED = "SUSPENDED"
    """This one is ours: the carrier refused `max_auth_failures` times, so the account is left alone
    until it changes, an admin asks for another try, or the controller lets it be tried again."""
    UNRESOLVED = "UNRESOLVED"
    """This one is ours: no gateway was added, because DNS did not answer for the registrar's name.
    """
    INVALID = "INVALID"
    """This one is ours: no gateway was added, because the account holds something that must not be
    in its file."""
    UNKNOWN = "UNKNOWN"
    """This one is ours: another version of the software wrote a word we do not know."""

    @classmethod
    def read(cls, text: str | None) -> "GatewayState":
        """Return the state that FreeSWITCH's event or a row names; another version's word becomes
        UNKNOWN.
        """
        try:
            return cls(text or cls.UNKNOWN)
        except ValueError:
            return cls.UNKNOWN

    @property
    def registered(self) -> bool:
        """Tell whether the carrier sends the restaurant's calls here."""
        return self is GatewayState.REGED

    @property
    def asking(self) -> bool:
        """Tell whether a REGISTER is on its way: the last SIP code then belongs to an older one."""
        return self in {GatewayState.TRYING, GatewayState.REGISTER}

    @property
    def refreshing(self) -> bool:
        """Tell whether a refresh passes through this state while the binding stays at the
        registrar.
        """
        return self.asking or self is GatewayState.UNREGED

    @property
    def failed(self) -> bool:
        """Tell whether FreeSWITCH's last REGISTER failed, and no other has been sent since."""
        return self in {GatewayState.FAILED, GatewayState.TIMEOUT, GatewayState.FAIL_WAIT}

    @property
    def settled(self) -> bool:
        """Tell whether the state lasts. FreeSWITCH's other states pass within seconds."""
        return self in {GatewayState.REGED, GatewayState.FAIL_WAIT, GatewayState.DOWN}

    @property
    def refused(self) -> bool:
        """Tell whether a new owner in this state has no binding, and will need another try."""
        on_the_way = self.refreshing or self is GatewayState.DOWN
        return not on_the_way and not self.registered

    @property
    def ours(self) -> bool:
        """Tell whether we write this state, so that FreeSWITCH tells nothing of such a gateway."""
        return self not in NEXT

    def may_follow(self, before: "GatewayState") -> bool:
        """Tell whether FreeSWITCH may tell this state after `before`. The same state once more is a
        new answer of the carrier.
        """
        return self is before or before.ours or self in AT_ANY_TIME or self in NEXT[before]


AT_ANY_TIME: Final = frozenset(
    {GatewayState.TRYING, GatewayState.DOWN, GatewayState.REGISTER, GatewayState.FAILED}
)
"""These may follow any state. `register` leads to TRYING; `unregister` and `killgw` lead to DOWN,
through UNREGED and UNREGISTER, of which FreeSWITCH does not tell; the answer to an earlier REGISTER
may come after either."""

NEXT: Final[Mapping[GatewayState, frozenset[GatewayState]]] = {
    GatewayState.UNREGED: frozenset(),  # TRYING
    # The last three were told before our `register` arrived.
    GatewayState.TRYING: frozenset(
        {
            GatewayState.TIMEOUT,
            GatewayState.REGED,
            GatewayState.FAIL_WAIT,
            GatewayState.UNREGED,
        }
    ),
    GatewayState.REGISTER: frozenset({GatewayState.REGED}),
    # Of a refresh nothing is heard but its end (`bridge/gateways/gateways.py`).
    GatewayState.REGED: frozenset({GatewayState.UNREGED, GatewayState.TIMEOUT}),
    GatewayState.UNREGISTER: frozenset(),  # DOWN
    GatewayState.FAILED: frozenset({GatewayState.FAIL_WAIT}),
    GatewayState.FAIL_WAIT: frozenset({GatewayState.UNREGED}),
    GatewayState.EXPIRED: frozenset({GatewayState.UNREGED}),
    GatewayState.NOREG: frozenset(),
    GatewayState.DOWN: frozenset(),
    GatewayState.TIMEOUT: frozenset(),  # FAILED
}
"""FreeSWITCH may tell these next, beside `AT_ANY_TIME`. None of our own states is a key: while we
hold one, FreeSWITCH has no gateway it could tell of."""
