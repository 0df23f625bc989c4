"""Says in plain words what a carrier means by its answer to REGISTER (RFC 3261 §21)."""

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """`short` fits a table's column; `action` is what the person on duty does about it."""

    short: str
    action: str


OK: Final = 200
SILENT: Final = Meaning(
    "carrier silent",
    "The carrier does not answer: is it down for every account there"
    " (`alloresto sip list --carrier`), or is our address or UDP port blocked?",
)
MEANINGS: Final = {
    OK: Meaning("OK", "Nothing to do."),
    401: Meaning(
        "password refused",
        "Compare user name and password with the carrier's page; type them again with"
        " `alloresto sip set`.",
    ),
    403: Meaning(
        "forbidden",
        "Wrong password, a suspended line, or the carrier's list of allowed addresses lacks this"
        " bridge's: look at the line on the carrier's page.",
    ),
    404: Meaning(
        "no such account",
        "The carrier does not know this user name: compare it, country code included.",
    ),
    407: Meaning("password refused", "As 401: compare user name and password."),
    408: SILENT,
    423: Meaning(
        "expiry too short",
        "The carrier wants longer registrations: raise the carrier's --expire-seconds.",
    ),
    480: Meaning("line unavailable", "The carrier has taken the line out of service: call it."),
    500: Meaning("carrier's error", "An error of the carrier's own: call it if it lasts."),
    503: Meaning(
        "carrier overloaded",
        "The carrier refuses for now, often because of a burst: lower the carrier's"
        " --registers-per-second, and wait.",
    ),
    # FreeSWITCH's own, of a registrar that says nothing (sofia_reg.c, REG_STATE_TIMEOUT).
    908: SILENT,
    # FreeSWITCH's own, when it has no way to answer the challenge (nua_client.c, "Cannot add
    # credentials").
    900: Meaning(
        "challenge not understood",
        "The carrier asks for the password in a way FreeSWITCH cannot answer, SHA-256 for one: ask"
        " it for digest authentication with MD5 for this line.",
    ),
    # FreeSWITCH's own, of a carrier that asks for credentials once more instead of refusing them
    # (Sofia-SIP, nua_authenticate: no matching challenge).
    904: Meaning(
        "password refused",
        "As 401: compare user name and password. If they are right, the carrier asks for them in"
        " several ways at once (Basic, two realms): ask it for one digest challenge.",
    ),
    603: Meaning("declined", "The carrier declines this line on purpose: call it."),
}

ACCOUNT_REFUSED: Final = frozenset({401, 403, 404, 407, 900, 904})
"""With these the account itself is refused, and carriers lock accounts that insist. The others
(503, no answer) are the carrier's trouble."""


def meaning(code: int | None) -> Meaning:
    """Return what a status means, or what its class means when we never met the status itself."""
    if code is None:
        return Meaning("no answer yet", "Wait for the carrier's answer.")
    if code in MEANINGS:
        return MEANINGS[code]
    if 200 <= code < 300:
        return MEANINGS[OK]
    if 300 <= code < 400:
        return Meaning("moved", "The carrier names another registrar: change the carrier's.")
    if 500 <= code < 600:
        return MEANINGS[500]
    return Meaning("refused", "Ask the carrier what it means by this status.")


def code_text(code: int | None) -> str:
    """Spell a status as `403 forbidden`, or as a dash when there is none."""
    return "-" if code is None else f"{code} {meaning(code).short}"
