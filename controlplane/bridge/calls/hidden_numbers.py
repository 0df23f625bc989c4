"""Whether a caller hides their number (RFC 3323, RFC 3325): one rule, the dialplan's too.

The dialplan needs it for a voice message taken while no agent lives: its extension
`caller_number` (freeswitch/conf/dialplan/public.xml) has these fields with these expressions, and a
test holds it to them. What is not understood hides.
"""

import re
from dataclasses import dataclass
from typing import Final

from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.event import EslEvent


@dataclass(frozen=True, slots=True)
class Shown:
    """The number may be shown only if this field matches; one that is not there is empty."""

    header: str
    """The field's name in an event."""
    field: str
    """The field's name in a condition of the dialplan."""
    expression: str
    """It is read alike by Python and by PCRE."""


def _variable(variable: ChannelVariable, expression: str) -> Shown:
    return Shown(variable.header, f"${{{variable.value}}}", expression)


SHOWN: Final = (
    Shown("Caller-Privacy-Hide-Number", "privacy_hide_number", "^false$"),
    # No Privacy header, or one that says `none`, which some carriers write on every call. Any other
    # word hides, known or not: nobody writes `critical` who does not want to be hidden. A bound,
    # because PCRE takes from the thread's stack each time.
    _variable(ChannelVariable.SIP_PRIVACY, r"(?i)^(privacy\s*:)?[\s;,]*+(none[\s;,]*+){0,9}+$"),
    # A From that names nobody hides a number that is asserted beside it.
    _variable(
        ChannelVariable.SIP_FROM_USER,
        "(?i)^(?!(anonymous|restricted|unavailable|unknown|private)$)",
    ),
    _variable(ChannelVariable.SIP_FROM_HOST, r"(?i)^(?!(.*\.)?invalid\.?$)"),
    _variable(ChannelVariable.SIP_FROM_DISPLAY, r"(?i)^(?!\W*anonymous\W*$)"),
    # FreeSWITCH knows four words of a Remote-Party-ID's privacy, and not in quotes.
    _variable(ChannelVariable.SIP_REMOTE_PARTY_ID, r'(?is)^(?!.*privacy\s*=\s*"?(?!off\b))'),
)


def is_hidden(arrival: EslEvent) -> bool:
    """Whether the caller of an event's channel wants to stay unknown."""
    return not all(re.search(shown.expression, arrival.get(shown.header) or "") for shown in SHOWN)
