"""What a registrar says of its accounts, whichever program plays it."""

from dataclasses import dataclass

from freeswitch.telephone.sip import SipUri


@dataclass(frozen=True, slots=True)
class Binding:
    """One Contact of an account (RFC 3261 §10.3): calls are sent there."""

    contact: str
    """The Contact's URI is `sip:gw+NAME@host:port;transport=udp;gw=NAME`."""
    expires_s: float
    """The binding ends in this many seconds, unless it is refreshed."""

    @property
    def address(self) -> str:
        """Return the bridge's `host:port`."""
        uri = SipUri.parse(self.contact)
        return f"{uri.host}:{uri.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSeen:
    """A REGISTER that reached the registrar."""

    at: float
    """It arrived then (monotonic seconds)."""
    number: str
    accepted: bool
    """The registrar accepted it. The first one of a registration is only answered with a challenge.
    """
