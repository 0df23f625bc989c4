"""How a restaurant's own telephone is forwarded to its line, by the keys of its telephone.

Mobiles take the codes of 3GPP TS 22.030, fixed lines and their boxes the same without the second
star. The code for "busy" is left out: carriers of fixed lines differ.
"""

from dataclasses import dataclass

from controlplane.contracts.phone_numbers import normalise, region_of
from webapp.words import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """One forwarding: what it does, the keys that begin it and the keys that end it."""

    does: str
    begins: str
    ends: str


def forwardings(line: str | None) -> list[tuple[str, list[Forwarding]]]:
    """Return the codes for a fixed line and for a mobile. `line` is as it is dialled in France,
    such as 0199001234; None leaves its place open.
    """
    number = line or _("NUMÉRO")
    everything, unanswered = _("Tous les appels"), _("Seulement sans réponse")
    return [
        (
            _("Ligne fixe ou box"),
            [
                Forwarding(does=everything, begins=f"*21*{number}#", ends="#21#"),
                Forwarding(does=unanswered, begins=f"*61*{number}#", ends="#61#"),
            ],
        ),
        (
            _("Mobile"),
            [
                Forwarding(does=everything, begins=f"**21*{number}#", ends="##21#"),
                Forwarding(does=unanswered, begins=f"**61*{number}#", ends="##61#"),
            ],
        ),
    ]


def national(username: str, *, own: str) -> str | None:
    """Return an account's number as it is dialled in France; None when its name is no number."""
    e164 = normalise(username, region_of(own))
    return f"0{e164[3:]}" if e164 and e164.startswith("+33") else e164
