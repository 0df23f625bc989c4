"""Session descriptions of an audio call: SDP (RFC 4566) and its offer/answer model (RFC 3264)."""

from dataclasses import dataclass, field
from typing import Self

from freeswitch.telephone.g711 import Codec

TELEPHONE_EVENT_PAYLOAD_TYPE = 101
TELEPHONE_EVENT = "telephone-event"
PTIME_MS = 20


class SdpError(ValueError):
    """Raised for a description without an audio stream that can be used."""


@dataclass(frozen=True, slots=True)
class AudioDescription:
    """Says where one side receives audio and which payload types it takes, preferred first."""

    host: str
    port: int
    codecs: tuple[Codec, ...]
    telephone_event: int | None = TELEPHONE_EVENT_PAYLOAD_TYPE
    direction: str = "sendrecv"
    ptime_ms: int = PTIME_MS
    session_id: int = 1
    encodings: dict[int, str] = field(default_factory=dict)
    """Every rtpmap offered, by payload type; only `parse` fills it."""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the first audio stream. Raises `SdpError`."""
        session_host: str | None = None
        media_host: str | None = None
        media: list[str] | None = None
        attributes: list[str] = []
        for line in body.decode("utf-8", "replace").splitlines():
            kind, _, value = line.strip().partition("=")
            if kind == "m":
                if media is not None:
                    break
                if value.startswith("audio "):
                    media = value.split()
            elif kind == "c":
                host = value.split()[-1].split("/")[0]
                if media is None:
                    session_host = host
                else:
                    media_host = host
            elif kind == "a":
                attributes.append(value)
        host_found = media_host or session_host
        if media is None or len(media) < 4 or host_found is None or not media[1].isdigit():
            raise SdpError("no audio stream")
        return cls._from_media(host_found, media, attributes)

    @classmethod
    def _from_media(cls, host: str, media: list[str], attributes: list[str]) -> Self:
        encodings: dict[int, str] = {}
        direction, ptime_ms = "sendrecv", PTIME_MS
        for attribute in attributes:
            name, _, value = attribute.partition(":")
            if name == "rtpmap":
                payload_type, _, encoding = value.partition(" ")
                if payload_type.isdigit():
                    encodings[int(payload_type)] = encoding
            elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
                direction = name
            elif name == "ptime" and value.strip().isdigit():
                ptime_ms = int(value)
        formats = [int(text) for text in media[3:] if text.isdigit()]
        events = [
            number
            for number in formats
            if encodings.get(number, "").lower().startswith(TELEPHONE_EVENT)
        ]
        known = {codec.value for codec in Codec}
        return cls(
            host=host,
            port=int(media[1]),
            codecs=tuple(Codec(number) for number in formats if number in known),
            telephone_event=events[0] if events else None,
            direction=direction,
            ptime_ms=ptime_ms,
            encodings=encodings,
        )

    def __bytes__(self) -> bytes:
        formats = [str(codec.value) for codec in self.codecs]
        attributes = [f"a=rtpmap:{codec.value} {codec.name}/8000" for codec in self.codecs]
        if self.telephone_event is not None:
            formats.append(str(self.telephone_event))
            attributes += [
                f"a=rtpmap:{self.telephone_event} {TELEPHONE_EVENT}/8000",
                f"a=fmtp:{self.telephone_event} 0-15",
            ]
        lines = [
            "v=0",
            f"o=- {self.session_id} {self.session_id} IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.host}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {' '.join(formats)}",
            *attributes,
            f"a=ptime:{self.ptime_ms}",
            f"a={self.direction}",
            "",
        ]
        return "\r\n".join(lines).encode()

    def answer(self, *, host: str, port: int, supported: tuple[Codec, ...]) -> "AudioDescription":
        """Answer this offer with the first of its codecs we support (RFC 3264 §6.1).

        Raises `SdpError` when there is none: the caller gets 488.
        """
        codec = next((codec for codec in self.codecs if codec in supported), None)
        if codec is None:
            raise SdpError("no codec in common")
        return AudioDescription(
            host=host, port=port, codecs=(codec,), telephone_event=self.telephone_event
        )
