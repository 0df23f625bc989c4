"""One SIP dialog with its audio (RFC 3261 §12), as the phone's user hears and speaks it."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Any, Final, Protocol

from freeswitch.telephone.g711 import FRAME_L16_BYTES
from freeswitch.telephone.rtp_session import Address, ReceivedFrame, RtpSession
from freeswitch.telephone.sip import (
    MAX_FORWARDS,
    SIP_VERSION,
    Headers,
    NameAddr,
    SipRequest,
    SipResponse,
    new_branch,
)
from freeswitch.telephone.sip_endpoint import NoAnswer

BYE_DEADLINE_S: Final = 2.0
"""A BYE unanswered on loopback after this will never be; the call is over on our side anyway."""
MAX_RECEIVED_FRAMES: Final = 90_000
"""Half an hour of audio; a longer call keeps calling back but records no more."""
MAX_QUEUED_UTTERANCES: Final = 64
DTMF_MS: Final = 100
"""A key is held this long: carriers want 70 ms at least."""


class CallEnd(StrEnum):
    """Says who ended the dialog."""

    LOCAL_HANGUP = "local_hangup"
    REMOTE_HANGUP = "remote_hangup"


class Endpoint(Protocol):
    """What a dialog needs of the SIP port it lives on."""

    @property
    def address(self) -> Address:
        """Return the host and port that requests are received on."""

    def send(self, message: SipRequest | SipResponse, to: Address) -> None:
        """Send a message once."""

    async def request(
        self, request: SipRequest, to: Address, *, deadline_s: float = ...
    ) -> SipResponse:
        """Send a request until it is answered."""


class Utterance:
    """Audio queued to be spoken. Awaiting it waits for its end, and raises when the call ended
    first.

    `started_at` is the monotonic time its first frame left, `ended_at` its last.
    """

    def __init__(self, l16: bytes) -> None:
        self._frames = deque(
            l16[start : start + FRAME_L16_BYTES].ljust(FRAME_L16_BYTES, b"\0")
            for start in range(0, len(l16), FRAME_L16_BYTES)
        )
        self._ended: asyncio.Future[Utterance] = asyncio.get_running_loop().create_future()
        self.started_at: float | None = None
        self.ended_at: float | None = None

    def next_frame(self) -> bytes | None:
        """Take the next 20 ms; None at the end."""
        if not self._frames:
            return None
        self.ended_at = time.monotonic()
        if self.started_at is None:
            self.started_at = self.ended_at
        frame = self._frames.popleft()
        if not self._frames and not self._ended.done():
            self._ended.set_result(self)
        return frame

    def abandon(self) -> None:
        """Tell whoever waits that the call is over."""
        self._ended.cancel()

    def __await__(self) -> Generator[Any, None, "Utterance"]:
        return asyncio.shield(self._ended).__await__()


class Dialog:
    """An answered call. All times are monotonic seconds.

    `received` holds every frame heard; `on_frame` callbacks get them as they arrive.
    """

    def __init__(self, endpoint: Endpoint, peer: Address, *, call_id: str) -> None:
        self._endpoint = endpoint
        self._peer = peer
        self._local = self._remote = NameAddr("")
        self._remote_target = ""
        self._route: list[str] = []
        self._sequence = 1
        self._utterances: deque[Utterance] = deque()
        self._on_frame: list[Callable[[ReceivedFrame], None]] = []
        self._rtp: RtpSession | None = None
        self.call_id = call_id
        self.invite: SipRequest | None = None
        self.answer: SipResponse | None = None
        self.received: list[ReceivedFrame] = []
        self.digits: list[tuple[float, str]] = []
        """Keys the other side pressed, with the time each ended."""
        self.invite_sent: float | None = None
        self.ringing_at: float | None = None
        self.answered_at: float | None = None
        self.first_rtp_at: float | None = None
        self.ended_at: float | None = None
        self.ended = asyncio.Event()
        self.end: CallEnd | None = None
        self.cause: str | None = None
        """The `Reason` header of the other side's BYE, e.g. `Q.850;cause=16;text="…"`."""

    @property
    def rtp(self) -> RtpSession:
        """Return the media, which is there from the offer on."""
        assert self._rtp is not None
        return self._rtp

    @property
    def local_tag(self) -> str | None:
        """Return our tag of the dialog."""
        return self._local.tag

    def attach(self, rtp: RtpSession) -> None:
        """Give the dialog its media."""
        self._rtp = rtp

    def establish(
        self, *, local: NameAddr, remote: NameAddr, remote_target: str, route: list[str]
    ) -> None:
        """Note that both tags are known: requests in the dialog can be sent (RFC 3261 §12.1)."""
        self._local, self._remote = local, remote
        self._remote_target, self._route = remote_target, route

    def on_frame(self, callback: Callable[[ReceivedFrame], None]) -> None:
        """Call this for each frame heard from now on."""
        self._on_frame.append(callback)

    def play(self, l16: bytes) -> Utterance:
        """Queue mono 8 kHz L16 to be spoken after what is queued already.

        The last frame is filled up with silence. Raises `ValueError` when there is nothing to
        speak, the call is over or too much waits.
        """
        if not l16 or self.ended.is_set() or len(self._utterances) >= MAX_QUEUED_UTTERANCES:
            raise ValueError("nothing to play, the call is over, or too much is queued")
        utterance = Utterance(l16)
        self._utterances.append(utterance)
        return utterance

    def send_dtmf(self, digit: str, *, duration_ms: int = DTMF_MS) -> asyncio.Future[None]:
        """Press one key (0-9, *, #, A-D); the future ends when its last packet has left."""
        return self.rtp.send_digit(digit, duration_ms=duration_ms)

    async def hangup(self, *, reason: str | None = None) -> None:
        """Send BYE and wait for its answer, 2 s at most. Does nothing on an ended call.

        `reason` is the `Reason` header (RFC 3326).
        """
        if self.ended.is_set():
            return
        self.finish(CallEnd.LOCAL_HANGUP)
        bye = self.in_dialog("BYE")
        if reason is not None:
            bye.headers.add("Reason", reason)
        with contextlib.suppress(NoAnswer):  # the media is closed: the call is over all the same
            await self._endpoint.request(bye, self._peer, deadline_s=BYE_DEADLINE_S)

    async def wait_ended(self, *, deadline_s: float) -> CallEnd:
        """Wait for either side's hang-up. Raises `TimeoutError`."""
        async with asyncio.timeout(deadline_s):
            await self.ended.wait()
        assert self.end is not None
        return self.end

    def finish(self, end: CallEnd, *, cause: str | None = None) -> None:
        """End the dialog: close the media, tell who waits."""
        if self.ended.is_set():
            return
        self.end, self.cause, self.ended_at = end, cause, time.monotonic()
        while self._utterances:
            self._utterances.popleft().abandon()
        self.close_media()
        self.ended.set()

    def close_media(self) -> None:
        """Free the RTP port."""
        if self._rtp is not None:
            self._rtp.close()

    def in_dialog(self, method: str, *, sequence: int | None = None) -> SipRequest:
        """Build a request inside the dialog (RFC 3261 §12.2.1.1); ACK keeps the INVITE's number."""
        if sequence is None:
            self._sequence += 1
            sequence = self._sequence
        host, port = self._endpoint.address
        return SipRequest(
            method,
            self._remote_target,
            Headers(
                [
                    ("Via", f"{SIP_VERSION}/UDP {host}:{port};rport;branch={new_branch()}"),
                    ("Max-Forwards", MAX_FORWARDS),
                    *(("Route", route) for route in self._route),
                    ("From", str(self._local)),
                    ("To", str(self._remote)),
                    ("Call-ID", self.call_id),
                    ("CSeq", f"{sequence} {method}"),
                ]
            ),
        )

    def acknowledge(self, *, sequence: int) -> None:
        """Send the ACK of a 2xx: once for each time it comes."""
        self._endpoint.send(self.in_dialog("ACK", sequence=sequence), self._peer)

    def next_frame(self) -> bytes | None:
        """Return what to say in the next 20 ms, None for silence."""
        while self._utterances:
            frame = self._utterances[0].next_frame()
            if frame is not None:
                return frame
            self._utterances.popleft()
        return None

    def hear(self, frame: ReceivedFrame) -> None:
        """Take a frame of the other side."""
        if self.first_rtp_at is None:
            self.first_rtp_at = frame.at
        if len(self.received) < MAX_RECEIVED_FRAMES:
            self.received.append(frame)
        for callback in self._on_frame:
            callback(frame)

    def hear_digit(self, digit: str, _duration: int) -> None:
        """Take a key that the other side let go."""
        if len(self.digits) < MAX_RECEIVED_FRAMES:
            self.digits.append((time.monotonic(), digit))
