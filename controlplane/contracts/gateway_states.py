"""The states of a gateway: FreeSWITCH's own, and those only we know, in which it has no gateway.

FreeSWITCH's are `sofia_state_names` of mod_sofia.c (1.10.12), and how they follow one another is
`sofia_reg_check_gateway` (one step a second) and `sofia_reg_handle_sip_r_register` (an answer) of
sofia_reg.c. `sip_registration.state` holds one of them as text.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class GatewayState(StrEnum):
    """How one gateway stands with its carrier."""

    UNREGED = "UNREGED"
    """It is to send REGISTER at the next step."""
    TRYING = "TRYING"
    """REGISTER has been sent."""
    REGISTER = "REGISTER"
    """The carrier's 200 has come."""
    REGED = "REGED"
    """The binding is there: calls arrive."""
    UNREGISTER = "UNREGISTER"
    """It is to give its binding back at the next step."""
    FAILED = "FAILED"
    """The carrier has refused, or has not answered."""
    FAIL_WAIT = "FAIL_WAIT"
    """After FAILED it waits until it may try again."""
    EXPIRED = "EXPIRED"
    """FreeSWITCH has the name and never enters it."""
    NOREG = "NOREG"
    """A gateway that does not register; none of ours."""
    DOWN = "DOWN"
    """The binding has been given back; in a row also: nobody has reported yet."""
    TIMEOUT = "TIMEOUT"
    """REGISTER got no answer in time."""

    SUSPENDED = "SUSPENDED"
    """Ours: refused `max_auth_failures` times, left alone until the account changes or an admin
    asks for another try."""
    UNRESOLVED = "UNRESOLVED"
    """Ours: no gateway was added, because the registrar's name got no answer from DNS."""
    INVALID = "INVALID"
    """Ours: no gateway was added, because the account holds what must not be in its file."""
    UNKNOWN = "UNKNOWN"
    """Ours: another version's word."""

    @classmethod
    def read(cls, text: str | None) -> "GatewayState":
        """What FreeSWITCH's event or a row says; a word of another version is UNKNOWN."""
        try:
            return cls(text or cls.UNKNOWN)
        except ValueError:
            return cls.UNKNOWN

    @property
    def registered(self) -> bool:
        """Whether the carrier sends the restaurant's calls here."""
        return self is GatewayState.REGED

    @property
    def asking(self) -> bool:
        """Whether REGISTER is on its way; the last SIP code is an older one's."""
        return self in {GatewayState.TRYING, GatewayState.REGISTER}

    @property
    def refreshing(self) -> bool:
        """Whether a refresh passes through it while the binding is there all the time."""
        return self.asking or self is GatewayState.UNREGED

    @property
    def settled(self) -> bool:
        """Whether it lasts. FreeSWITCH's others pass within seconds."""
        return self in {GatewayState.REGED, GatewayState.FAIL_WAIT, GatewayState.DOWN}

    @property
    def refused(self) -> bool:
        """Whether a new owner in it has got no binding, and gets none without another try."""
        on_the_way = self.refreshing or self is GatewayState.DOWN
        return not on_the_way and not self.registered

    @property
    def ours(self) -> bool:
        """Whether we write it, and FreeSWITCH tells nothing of such a gateway."""
        return self not in NEXT

    def may_follow(self, before: "GatewayState") -> bool:
        """Whether FreeSWITCH may tell it after `before`; the same once more is a new answer."""
        return self is before or before.ours or self in AT_ANY_TIME or self in NEXT[before]


AT_ANY_TIME: Final = frozenset(
    {GatewayState.TRYING, GatewayState.DOWN, GatewayState.REGISTER, GatewayState.FAILED}
)
"""`register` leads to TRYING, `unregister` and `killgw` to DOWN, through UNREGED and UNREGISTER, of
which FreeSWITCH does not tell; the answer to an earlier REGISTER may come after either."""

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
"""What FreeSWITCH may tell next, beside `AT_ANY_TIME`. None of ours is in it: there, FreeSWITCH has
no gateway it could tell of."""
