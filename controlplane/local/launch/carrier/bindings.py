"""What a registrar knows, whichever program plays it."""

from dataclasses import dataclass

from freeswitch.telephone.sip import SipUri


@dataclass(frozen=True, slots=True)
class Binding:
    """One Contact of an account (RFC 3261 §10.3)."""

    contact: str
    """Its URI: `sip:gw+NAME@host:port;transport=udp;gw=NAME`."""
    expires_s: float
    """Left of it."""

    @property
    def address(self) -> str:
        """`host:port` of the bridge."""
        uri = SipUri.parse(self.contact)
        return f"{uri.host}:{uri.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSeen:
    """One REGISTER that reached the registrar."""

    at: float
    """Monotonic seconds."""
    number: str
    accepted: bool
    """Not the first one of a registration, which is answered with a challenge."""
