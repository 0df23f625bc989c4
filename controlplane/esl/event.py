"""One FreeSWITCH event, parsed from the JSON payload of a `text/event-json` frame.

JSON keeps every value whole: a caller's display name with `%0A` in it stays one value and cannot
become a header (source: switch_event.c, `switch_event_serialize_json_obj`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.esl.errors import EslProtocolError

_BODY = "_body"
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EslEvent:
    """Holds an event's headers and body. It reads like a mapping of header to text, and never
    changes.

    A header that FreeSWITCH pushed several values to reads as its first; `all` gives every one.
    """

    headers: dict[str, str | tuple[str, ...]]
    body: str | None = None

    @classmethod
    def parse(cls, payload: bytes | str) -> "EslEvent":
        """Read the event in a JSON `payload`. Raises EslProtocolError when it is not one.

        Bytes that are not UTF-8 become U+FFFD: FreeSWITCH copies what a SIP peer sent.
        """
        text = payload if isinstance(payload, str) else payload.decode("utf-8", errors="replace")
        try:
            found = _JSON.decode(text)
        except (ValueError, RecursionError) as error:
            raise EslProtocolError("event payload is not JSON") from error
        if not isinstance(found, dict):
            raise EslProtocolError("event payload is not a JSON object")
        if set(map(type, found.values())) - {str}:  # most events hold text only
            found = {
                name: value if type(value) is str else _values(value)
                for name, value in found.items()
            }
        body = _first(found.pop(_BODY, None))
        return cls(found, body)

    @property
    def name(self) -> str:
        """Return `Event-Name`, as in `CHANNEL_PARK` or `CUSTOM`; empty when it is missing."""
        return self.get("Event-Name") or ""

    @property
    def subclass(self) -> str | None:
        """Return `Event-Subclass` of a CUSTOM event, as in `sofia::gateway_add`."""
        return self.get("Event-Subclass")

    @property
    def channel_uuid(self) -> str | None:
        """Return `Unique-ID`, the channel this event is about; None when it is about none."""
        return self.get("Unique-ID")

    def get(self, header: str, default: str | None = None) -> str | None:
        return _first(self.headers.get(header, default))

    def all(self, header: str) -> tuple[str, ...]:
        """Return every value of `header`, in order; empty when it is missing."""
        values = self.headers.get(header, ())
        every = (values,) if isinstance(values, str) else values
        return tuple(_without_surrogates(value) for value in every)

    def json_body(self) -> dict[str, Any]:
        """Read the body as a JSON object. Raises EslProtocolError when it is not one."""
        try:
            found = json.loads(self.body or "")
        except (ValueError, RecursionError) as error:
            raise EslProtocolError(f"body of {self!r} is not JSON") from error
        if not isinstance(found, dict):
            raise EslProtocolError(f"body of {self!r} is not a JSON object")
        return found

    def __getitem__(self, header: str) -> str:
        return _first(self.headers[header]) or ""

    def __contains__(self, header: object) -> bool:
        return header in self.headers

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)

    def __repr__(self) -> str:
        """Name the event and its channel only: the rest holds callers' numbers."""
        return f"<EslEvent {self.subclass or self.name} {self.channel_uuid or '-'}>"


def _first(value: str | tuple[str, ...] | None) -> str | None:
    text = value[0] if isinstance(value, tuple) else value
    return text if text is None or text.isascii() else _without_surrogates(text)


def _values(value: object) -> str | tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_scalar(one) for one in value) or ("",)
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    raise EslProtocolError("event header value is not text")


def _without_surrogates(value: str) -> str:
    """`\\ud800` alone is valid JSON, but text that cannot be encoded again."""
    return value.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
