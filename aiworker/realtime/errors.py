"""A Realtime session goes wrong in these ways; each means something else for the call."""

from typing import Final

from controlplane.errors import ServiceUnavailable

BENIGN: Final = frozenset(
    {
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
    }
)
"""The server was faster than our event; nothing is lost."""
FATAL: Final = frozenset(
    {
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "session_expired",
    }
)
"""This session is over."""


class RealtimeUnavailable(ServiceUnavailable):
    """There is no usable session. `reason` is short and static; `retry`: another may do better."""

    def __init__(self, reason: str, *, retry: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


def may_retry(code: str) -> bool:
    """Say whether another session can be had after this error: one ends after 60 minutes."""
    return code not in FATAL or code == "session_expired"
