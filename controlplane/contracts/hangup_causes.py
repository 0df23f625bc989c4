"""Q.850 hangup causes as FreeSWITCH spells them, and what each says about how a call ended.

Source: ITU-T Q.850 table 1; names from FreeSWITCH `src/switch_channel.c` (`CAUSE_CHART`).
"""

from enum import StrEnum


class HangupCause(StrEnum):
    """The causes that we send, or treat apart when we receive them."""

    NORMAL_CLEARING = "NORMAL_CLEARING"
    ORIGINATOR_CANCEL = "ORIGINATOR_CANCEL"
    USER_BUSY = "USER_BUSY"
    NO_ANSWER = "NO_ANSWER"
    NO_USER_RESPONSE = "NO_USER_RESPONSE"
    CALL_REJECTED = "CALL_REJECTED"
    NORMAL_TEMPORARY_FAILURE = "NORMAL_TEMPORARY_FAILURE"
    ALLOTTED_TIMEOUT = "ALLOTTED_TIMEOUT"
    RECOVERY_ON_TIMER_EXPIRE = "RECOVERY_ON_TIMER_EXPIRE"
    MEDIA_TIMEOUT = "MEDIA_TIMEOUT"


class CallOutcome(StrEnum):
    """Says how a call ended for the restaurant (`call.outcome`)."""

    ORDER = "order"
    INFORMATION = "information"
    TRANSFERRED = "transferred"
    ABANDONED = "abandoned"
    """The caller hung up before the assistant was connected."""
    UNSERVED = "unserved"
    """Nobody could take the call: the busy message played, then the fallback ladder ran to its end.
    """
    MESSAGE = "message"
    """Nobody could take the call; the caller left a message."""
    ERROR = "error"
