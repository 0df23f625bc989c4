"""What the bridge reads of each of FreeSWITCH's events, beside the event's own name.

`tests/unit/bridge/test_event_inputs.py` holds the list to the code, and the contract test of the
same name to the real FreeSWITCH.
"""

from typing import Final

from controlplane.bridge.calls.hidden_numbers import SHOWN
from controlplane.contracts.channel_variables import ChannelVariable as Variable

OF_EVERY_CALL_EVENT: Final = {"Unique-ID", "Event-Date-Timestamp"}

ARRIVAL: Final = {
    "Call-Direction",
    "Caller-Caller-ID-Number",
    "Caller-Privacy-Hide-Number",
    "Channel-Call-State",
    Variable.RESTAURANT_ID.header,
    Variable.SIP_GATEWAY.header,
    Variable.SIP_CALL_ID.header,
    Variable.SIP_FROM_USER.header,
    Variable.SIP_FROM_HOST.header,
}
OF_WHOM: Final = {shown.header for shown in SHOWN}
"""The rule that hides numbers reads these, some of them only where they are present."""
WHERE_PRESENT: Final = {
    Variable.CALL_ID.header,
    Variable.FALLBACK_DIAL.header,
    Variable.BROKEN_PTIME.header,
    Variable.PTIME.header,
    Variable.WORKER_ID.header,
}
"""Of CHANNEL_ANSWER and of a dump, when somebody has set it."""

PLAYED: Final = {
    "Application",
    "Application-UUID",
    "Application-Response",
    Variable.PLAYBACK_OFFSET.header,
}
RUNG: Final = {"Application", "Application-UUID", Variable.ORIGINATE_DISPOSITION.header}
TAKEN: Final = {"Application", "Caller-Destination-Number"}
HUNG_UP: Final = {"Hangup-Cause"}
REFUSED: Final = {Variable.CALL_REFUSED.header}
"""Of CHANNEL_HANGUP_COMPLETE, when the dialplan refused the call."""
HEARTBEAT: Final = {"Idle-CPU"}
KEY: Final = {"DTMF-Digit"}
DUMP: Final = {
    "Answer-State",
    "Caller-Channel-Created-Time",
    "Caller-Destination-Number",
    Variable.GREETING_ENDED.header,
    Variable.ORIGINATE_DISPOSITION.header,
    Variable.SIGNAL_BOND.header,
}
GATEWAY: Final = {"Gateway"}
GATEWAY_STATE: Final = {"Gateway", "State", "Ping-Status", "Status"}
EVERY: Final = frozenset().union(
    OF_EVERY_CALL_EVENT,
    ARRIVAL,
    OF_WHOM,
    WHERE_PRESENT,
    PLAYED,
    RUNG,
    TAKEN,
    HUNG_UP,
    REFUSED,
    HEARTBEAT,
    KEY,
    DUMP,
    GATEWAY,
    GATEWAY_STATE,
)
