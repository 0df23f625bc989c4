"""The keys workers sign their claims with, so that a bridge streams a caller to nobody else.

A claim comes through Redis, and says where FreeSWITCH sends what the caller says. Whoever can write
to Redis could name a server of their own; without a key, which is in no Redis, its claim is passed
over. Why keys and not networks: docs/decisions/0013-claims-are-signed.md.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Self

from controlplane.contracts.messages import CallClaim
from controlplane.errors import ConfigurationError

SETTING: Final = "ALLORESTO_CLAIM_KEYS"
SHORTEST: Final = 32
"""Characters; `alloresto secrets new-key` writes 44, which are 256 random bits."""
_PURPOSE: Final = b"alloresto call claim 1\n"
"""A key that signs other things too would prove nothing here."""


@dataclass(frozen=True, slots=True)
class ClaimKeys:
    """Newest first: the first signs, each of them proves. None at all: nothing is signed."""

    keys: tuple[bytes, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the setting: keys, separated by commas. Raises `ConfigurationError`."""
        keys = [key.strip() for key in text.split(",")] if text.strip() else []
        if any(len(key) < SHORTEST for key in keys):
            raise ConfigurationError(f"{SETTING}: each key needs {SHORTEST} characters or more")
        return cls(tuple(key.encode() for key in keys))

    def sign(self, claim: CallClaim) -> CallClaim:
        """Return the claim with its signature, or as it is without a key."""
        if not self.keys:
            return claim
        return claim.model_copy(update={"signature": _signature(claim, self.keys[0])})

    def prove(self, claim: CallClaim) -> bool:
        """Tell whether somebody with one of the keys made it, for this attempt of this call."""
        if not self.keys:
            return True
        given = claim.signature or ""
        return any(hmac.compare_digest(given, _signature(claim, key)) for key in self.keys)


WITHOUT_KEYS: Final = ClaimKeys()


def _signature(claim: CallClaim, key: bytes) -> str:
    """Sign every field but the signature: call, attempt, worker and URL."""
    content = claim.model_copy(update={"signature": None}).to_json()
    return hmac.digest(key, _PURPOSE + content.encode(), hashlib.sha256).hex()
