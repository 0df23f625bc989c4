"""Refusals of the simulated service, in the real one's words and codes."""

from collections.abc import Iterable
from typing import Any


class InvalidRequest(Exception):
    """A client event is refused: becomes an `error` event, the session stays open."""

    def __init__(
        self,
        code: str | None,
        message: str,
        *,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.event_id = event_id

    @classmethod
    def unknown(cls, param: str) -> "InvalidRequest":
        """Return the refusal of a field the API does not have."""
        return cls("unknown_parameter", f"Unknown parameter: '{param}'.", param=param)

    @classmethod
    def missing(cls, param: str) -> "InvalidRequest":
        """Return the refusal of an event that lacks a field."""
        message = f"Missing required parameter: '{param}'."
        return cls("missing_required_parameter", message, param=param)

    @classmethod
    def not_one_of(cls, param: str, value: object, allowed: Iterable[str]) -> "InvalidRequest":
        """Return the refusal of a value outside a closed set."""
        names = ", ".join(f"'{name}'" for name in allowed)
        message = f"Invalid value: '{value}'. Supported values are: {names}."
        return cls("invalid_value", message, param=param)

    @classmethod
    def out_of_range(cls, param: str, value: float, *, low: float, high: float) -> "InvalidRequest":
        """Return the refusal of a number below `low` or above `high`."""
        kind = "integer" if isinstance(value, int) and isinstance(low, int) else "decimal"
        side, sign, limit = ("below_min", ">=", low) if value < low else ("above_max", "<=", high)
        words = f"{side.split('_')[0]} {'minimum' if value < low else 'maximum'} value"
        message = (
            f"Invalid '{param}': {kind} {words}. "
            f"Expected a value {sign} {limit}, but got {value} instead."
        )
        return cls(f"{kind}_{side}_value", message, param=param)

    def as_error(self) -> dict[str, Any]:
        """Return the `error` field of the `error` event."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": self.event_id,
        }
