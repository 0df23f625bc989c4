"""`uuid_audio_stream`: a WebSocket client like mod_audio_stream's, one per call.

It sends the caller as binary L16 and turns text frames into `::json` and `::play` events
(audio_streamer_glue.cpp).
"""

import asyncio
import base64
import binascii
import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from controlplane.contracts.media import FRAME_MS
from freeswitch.simulator.channel import Channel
from freeswitch.simulator.events import CUSTOM
from freeswitch.telephone.g711 import RateDoubler

CONNECT_TIMEOUT_S: Final = 1.0
"""The module fixes this value."""
CLOSE_TIMEOUT_S: Final = 1.0
"""`stop` waits this long for a server that never answers the close."""
MAX_UNSENT_BYTES: Final = 16_000 * 60
"""The module has no bound; here a server that reads nothing for a minute loses audio."""
MAX_TEXT_BYTES: Final = 4 * 2**20
BUG_NAME: Final = "audio_stream"
_BUG_HEADERS: Final = {"Media-Bug-Function": BUG_NAME, "Media-Bug-Target": "N/A"}
_URL = re.compile(r"wss?://[A-Za-z0-9.\-]+(:\d*)?(/.*)?")

_ABNORMAL_END: Final = (1, "Connection closed without WebSocket CLOSE (abnormal EOF)")
_UPGRADE_REFUSED: Final = (6, "WebSocket upgrade failed")
_TIMED_OUT: Final = (10, "Timeout")
_EXTENSIONS: Final = {8_000: ".r8", 16_000: ".r16", 24_000: ".r24", 32_000: ".r32"}


class AudioStream:
    """A stream from `start` to `stop`. `on_detached` is called when the module drops the bug by
    itself.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        url: str,
        rate: int,
        metadata: str | None,
        temp_folder: Path,
        on_detached: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._url, self._rate, self._metadata = url, rate, metadata
        self._temp_folder = temp_folder
        self._on_detached = on_detached
        self._frame_bytes = _buffered_frames(channel) * FRAME_MS * rate // 1_000 * 2
        self._buffer = bytearray()
        self._doubler = RateDoubler()
        self._files: list[Path] = []
        self._file_number = 0
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._unsent = 0
        self._stopped = False
        self.paused = False
        self._task = asyncio.create_task(self._run())
        channel.fire("MEDIA_BUG_START", _BUG_HEADERS)

    @staticmethod
    def is_valid_url(url: str) -> bool:
        """Tell whether the module takes this URL (`validate_ws_uri`)."""
        return _URL.fullmatch(url) is not None

    def feed(self, l16: bytes) -> None:
        """Send one frame of the caller, 8 kHz. It is lost while the socket isn't connected."""
        if self.paused or self._socket is None:
            return
        self._buffer += l16 if self._rate == 8_000 else self._doubler.double(l16)
        while len(self._buffer) >= self._frame_bytes:
            frame = bytes(self._buffer[: self._frame_bytes])
            del self._buffer[: self._frame_bytes]
            if self._unsent + len(frame) <= MAX_UNSENT_BYTES:
                self._unsent += len(frame)
                self._outgoing.put_nowait(frame)

    def send_text(self, text: str) -> None:
        """Queue a text frame."""
        if self._outgoing.qsize() < MAX_UNSENT_BYTES // self._frame_bytes:
            self._outgoing.put_nowait(text)

    async def stop(self) -> None:
        """Close with 1000 and delete the files; the only event is MEDIA_BUG_STOP."""
        if self._stopped:
            return
        self._stopped = True
        self._delete_files()
        self._channel.fire("MEDIA_BUG_STOP", _BUG_HEADERS)
        if self._socket is not None:
            await self._socket.close(1000, "Normal closure")
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _delete_files(self) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)
        self._files.clear()

    async def _run(self) -> None:
        try:
            await self._connect_and_listen()
        except ConnectionRefusedError as error:
            self._fail(6, f"Connection refused (system error {error.errno})")
        except InvalidHandshake:
            self._fail(*_UPGRADE_REFUSED)
        except TimeoutError:
            self._fail(*_TIMED_OUT)
        except OSError:
            self._fail(6, "Resource temporarily unavailable (system error 11)")

    async def _connect_and_listen(self) -> None:
        parts = urlsplit(self._url)
        async with connect(
            self._url,
            origin=f"http://{parts.netloc}",  # type: ignore[arg-type]
            open_timeout=CONNECT_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            compression=None,
            user_agent_header=None,
            ping_interval=None,
            max_size=MAX_TEXT_BYTES,
            proxy=None,
        ) as socket:
            self._socket = socket
            if self._metadata:
                await socket.send(self._metadata)
            self._notify("connect", {"status": "connected"})
            sender = asyncio.create_task(self._send(socket))
            try:
                while True:
                    message = await socket.recv()
                    if isinstance(message, str):
                        self._receive(message)
            except ConnectionClosed as closed:
                self._disconnected(closed)
            finally:
                self._socket = None
                sender.cancel()

    async def _send(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await self._outgoing.get()
                if isinstance(message, bytes):
                    self._unsent -= len(message)
                await socket.send(message)

    def _disconnected(self, closed: ConnectionClosed) -> None:
        if self._stopped:
            return
        if closed.rcvd is None:
            self._fail(*_ABNORMAL_END)
            return
        code = 1002 if closed.rcvd.code == 1012 else closed.rcvd.code
        message = {"code": code, "reason": closed.rcvd.reason}
        self._notify("disconnect", {"status": "disconnected", "message": message})

    def _fail(self, code: int, error: str) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._notify("error", {"status": "error", "message": {"code": code, "error": error}})
        self._delete_files()
        self._channel.fire("MEDIA_BUG_STOP", _BUG_HEADERS)
        self._on_detached()

    def _notify(self, kind: str, body: dict[str, Any]) -> None:
        self._fire(kind, _compact(body))

    def _fire(self, kind: str, body: str) -> None:
        self._channel.fire(CUSTOM, subclass=f"mod_audio_stream::{kind}", body=body)

    def _receive(self, text: str) -> None:
        if self._stopped:
            return
        played = self._store_audio(text)
        if played is None:
            self._fire("json", text)
        else:
            self._fire("play", played)

    def _store_audio(self, text: str) -> str | None:
        """Write the audio of a `streamAudio` message; return the event's body, None for anything
        else.
        """
        try:
            message = json.loads(text)
            if not isinstance(message, dict) or message.get("type") != "streamAudio":
                return None
            data = dict(message["data"])
            audio = base64.b64decode(data.pop("audioData"), validate=True)
            kind, rate = data["audioDataType"], data.get("sampleRate", 0)
        except (ValueError, KeyError, TypeError, binascii.Error):
            return None
        extension = _EXTENSIONS.get(rate) if kind == "raw" else f".{kind}"
        if extension is None or kind not in ("raw", "wav", "mp3", "ogg", "pcmu", "pcma"):
            return None
        file = self._temp_folder / f"{self._channel.uuid}_{self._file_number}.tmp{extension}"
        self._file_number += 1
        try:
            file.write_bytes(audio)
        except OSError:  # the module leaves what it could write, and fires `::json`
            return None
        self._files.append(file)
        return _compact({**data, "file": str(file)})


def _buffered_frames(channel: Channel) -> int:
    """Return `STREAM_BUFFER_SIZE` in frames; what is no multiple of 20 ms counts as one frame."""
    text = channel.variable("STREAM_BUFFER_SIZE") or ""
    buffer_ms = int(text) if text.isdigit() else FRAME_MS
    return buffer_ms // FRAME_MS if buffer_ms % FRAME_MS == 0 and buffer_ms else 1


def _compact(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
