"""Hangup causes by number, and the SIP status each becomes before an answer (sofia.c)."""

from typing import Final

Q850: Final = {
    "UNSPECIFIED": 0,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "CALL_REJECTED": 21,
    "DESTINATION_OUT_OF_ORDER": 27,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "ORIGINATOR_CANCEL": 487,
    "ALLOTTED_TIMEOUT": 602,
    "MEDIA_TIMEOUT": 604,
    "MANAGER_REQUEST": 503,
    "INCOMING_CALL_BARRED": 54,
}

_STATUS_OF_CAUSE: Final = {
    "NO_ROUTE_DESTINATION": 404,
    "USER_BUSY": 486,
    "NO_USER_RESPONSE": 408,
    "NO_ANSWER": 480,
    "CALL_REJECTED": 603,
    "INCOMING_CALL_BARRED": 403,
    "DESTINATION_OUT_OF_ORDER": 502,
    "NORMAL_TEMPORARY_FAILURE": 503,
    "INCOMPATIBLE_DESTINATION": 488,
    "ORIGINATOR_CANCEL": 487,
}

_CAUSE_OF_STATUS: Final = {
    401: "CALL_REJECTED",
    403: "CALL_REJECTED",
    404: "UNALLOCATED_NUMBER",
    408: "RECOVERY_ON_TIMER_EXPIRE",
    480: "NO_USER_RESPONSE",
    486: "USER_BUSY",
    487: "ORIGINATOR_CANCEL",
    488: "INCOMPATIBLE_DESTINATION",
    503: "NORMAL_TEMPORARY_FAILURE",
    600: "USER_BUSY",
    603: "CALL_REJECTED",
}

DIAL_STATUS: Final = {
    "SUCCESS": "SUCCESS",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "NO_USER_RESPONSE": "NOANSWER",
    "ORIGINATOR_CANCEL": "CANCEL",
    "CALL_REJECTED": "REJECTED",
}
"""Gives `DIALSTATUS` after `bridge`; any other cause is UNAVAILABLE."""


def q850_reason(cause: str) -> str:
    """Spell the `Reason` header of a BYE (RFC 3326)."""
    return f'Q.850;cause={Q850.get(cause, 16)};text="{cause}"'


def status_of(cause: str) -> int:
    """Return the SIP status that an unanswered INVITE gets."""
    return _STATUS_OF_CAUSE.get(cause, 480)


def cause_of(status: int) -> str:
    """Return the cause a refusal means (sofia_glue.c, `sofia_glue_sip_cause_to_freeswitch`)."""
    return _CAUSE_OF_STATUS.get(status, "NORMAL_UNSPECIFIED")
