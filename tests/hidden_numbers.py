"""Every spelling of "do not show my number" that was tried, and of its contrary: one table, for the
agent's rule, the dialplan's and the switches'.
"""

from dataclasses import dataclass, field
from typing import Final

NUMBER: Final = "+33639980123"
_ASSERTED: Final = {"P-Asserted-Identity": f"<sip:{NUMBER}@127.0.0.1>"}
_SECOND: Final = {"Privacy": "none", "privacy": "id"}


@dataclass(frozen=True, slots=True)
class Sender:
    """How an INVITE says who calls."""

    hidden: bool = True
    user: str = NUMBER
    headers: dict[str, str] = field(default_factory=dict)
    """Two headers of one name differ in case."""
    display_name: str = ""
    unseen: bool = False
    """FreeSWITCH shows nothing of it, so nobody can know."""


def _privacy(value: str, *, hidden: bool = True, unseen: bool = False) -> Sender:
    return Sender(hidden=hidden, headers={"Privacy": value}, unseen=unseen)


def _party(parameters: str, *, hidden: bool = True) -> Sender:
    return Sender(
        hidden=hidden, headers={"Remote-Party-ID": f"<sip:{NUMBER}@127.0.0.1>;{parameters}"}
    )


SENDERS: Final = {
    # RFC 3323 §4.2 and RFC 3325 §9.3: a list of words.
    "id": _privacy("id"),
    "user": _privacy("user"),
    "header": _privacy("header"),
    "session": _privacy("session"),
    "history": _privacy("history"),
    "critical": _privacy("critical"),
    "a word nobody knows": _privacy("x-secret"),
    "upper case": _privacy("ID"),
    "critical after": _privacy("id;critical"),
    "critical before": _privacy("critical;id"),
    "none before": _privacy("none;id"),
    "none after": _privacy("id;none"),
    "blanks": _privacy("  user ;\t id  "),
    "commas": _privacy("none,id"),
    "empty words": _privacy(";;id;"),
    "asserted beside": Sender(headers={**_ASSERTED, "Privacy": "user;header"}),
    # A second header: RFC 3323 has no such thing, and the first one is all FreeSWITCH shows.
    "critical, then id": Sender(headers={"Privacy": "critical", "privacy": "id"}),
    "id, then none": Sender(headers={"Privacy": "id", "privacy": "none"}),
    "none, then id": Sender(headers=_SECOND, unseen=True),
    "quotes": _privacy('"id"', unseen=True),
    "none a thousand times": _privacy(";".join(1_000 * ["none"])),
    # RFC 3323 §4.1: a From that names nobody.
    "anonymous": Sender(user="anonymous", headers=_ASSERTED),
    "Anonymous, none": Sender(user="Anonymous", headers={**_ASSERTED, "Privacy": "none"}),
    "restricted": Sender(user="restricted", headers=_ASSERTED),
    "display name": Sender(display_name="Anonymous"),
    # Remote-Party-ID (draft-ietf-sip-privacy-04 §5).
    "party full": _party("privacy=full"),
    "party full, upper case": _party("party=calling;PRIVACY=FULL"),
    "party full-network": _party("privacy=full-network;screen=yes"),
    "party uri": _party("privacy=uri"),
    "party in quotes": _party('privacy="full"'),
    # Shown.
    "nothing": Sender(hidden=False),
    "none": _privacy("none", hidden=False),
    "None": _privacy(" None ; ", hidden=False),
    "asserted": Sender(hidden=False, headers=_ASSERTED),
    "almost anonymous": Sender(hidden=False, user="anonymous2", headers=_ASSERTED),
    "a name": Sender(hidden=False, display_name="Anonymous Pizza Fan"),
    "party off": _party("party=calling;privacy=off;screen=yes", hidden=False),
}
