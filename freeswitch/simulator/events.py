"""Makes FreeSWITCH events, with the headers every one carries, and hands them to listeners."""

import itertools
import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

HeaderValue = str | list[str]

CUSTOM: Final = "CUSTOM"
HOSTNAME: Final = "simulator"


class Event:
    """An event; `body` becomes `_body` in JSON."""

    def __init__(
        self,
        headers: Mapping[str, HeaderValue],
        *,
        name: str,
        subclass: str | None,
        body: str | None,
    ) -> None:
        self.name, self.subclass = name, subclass
        self.headers = dict(headers)
        if body is not None:
            self.headers["Content-Length"] = str(len(body.encode()))
            self.headers["_body"] = body

    def to_json(self) -> bytes:
        """Write it as `event json` sends it: UTF-8, without spaces."""
        return json.dumps(self.headers, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogateescape"
        )


class EventBus:
    """Fires events to every listener, in order, within the call of `fire`."""

    def __init__(self) -> None:
        self.core_uuid = str(uuid4())
        self._sequence = itertools.count(1)
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Get every event from now on; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def fire(
        self,
        name: str,
        headers: Mapping[str, HeaderValue] | None = None,
        *,
        subclass: str | None = None,
        body: str | None = None,
    ) -> None:
        """Make the event and hand it out."""
        event = Event(
            {**self.common_headers(name, subclass=subclass), **(headers or {})},
            name=name,
            subclass=subclass,
            body=body,
        )
        for listener in list(self._listeners):
            listener(event)

    def common_headers(self, name: str, *, subclass: str | None = None) -> dict[str, HeaderValue]:
        """Return what `switch_event_prep_for_delivery` adds (switch_event.c)."""
        now = datetime.now(UTC)
        first: dict[str, HeaderValue] = {"Event-Subclass": subclass} if subclass else {}
        return {
            **first,
            "Event-Name": name,
            "Core-UUID": self.core_uuid,
            "FreeSWITCH-Hostname": HOSTNAME,
            "FreeSWITCH-Switchname": HOSTNAME,
            "FreeSWITCH-IPv4": "127.0.0.1",
            "FreeSWITCH-IPv6": "::1",
            "Event-Date-Local": now.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "Event-Date-GMT": now.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Event-Date-Timestamp": str(microseconds()),
            "Event-Calling-File": "simulator",
            "Event-Calling-Function": str(os.getpid()),
            "Event-Calling-Line-Number": "0",
            "Event-Sequence": str(next(self._sequence)),
        }


def microseconds() -> int:
    """Return the clock that every FreeSWITCH time stamp is of: µs since 1970."""
    return time.time_ns() // 1_000
