"""One response, from response.created to response.done, at the pace of the simulated model."""

import asyncio
import base64
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiworker.simulator import tone_code
from aiworker.simulator.audio_format import L16_BYTES_PER_MS, encode
from aiworker.simulator.brain import Call, Output, Say, Stall
from aiworker.simulator.conversation import AUDIO_MS_PER_OUTPUT_TOKEN, Item
from aiworker.simulator.faults import FaultKind
from aiworker.simulator.journal import AudioSent, ResponseEnded, ResponseStarted, Said, ToolCalled
from aiworker.simulator.link import Link, new_id
from aiworker.simulator.session_config import SessionConfig
from aiworker.simulator.usage import Share, bill

Thinker = Callable[[], Awaitable[Sequence[Output]]]
"""Waits until the caller's words are known, then asks the brain."""

_TOKENS_A_MINUTE: Final = 250_000


class _Ended(Exception):
    """The response ends before its last word: `status` and `reason` say how."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason


class ResponseRun:
    """Produces one response's events. `cancel` ends it; `run` returns after response.done."""

    def __init__(
        self,
        link: Link,
        config: SessionConfig,
        *,
        turn_params: dict[str, Any],
        shares: Sequence[Share],
        cached: Sequence[Share],
    ) -> None:
        self.id = new_id("resp")
        self.audio_ms_sent = 0
        self.finished = False
        """True from just before response.done: a client may ask again as soon as it reads that."""
        self._link = link
        self._config = config
        self._params = turn_params
        self._shares = shares
        self._cached = cached
        self._stop = asyncio.Event()
        self._stop_reason = "client_cancelled"
        self._output: list[Item] = []
        self._words = ""
        self._modality: str = (
            turn_params.get("output_modalities") or config.data["output_modalities"]
        )[0]

    @property
    def in_conversation(self) -> bool:
        """Whether the response belongs to the default conversation."""
        return self._params.get("conversation") != "none"

    def cancel(self, reason: str) -> None:
        """End the response: `client_cancelled` or `turn_detected`."""
        self._stop_reason = reason
        self._stop.set()

    async def run(self, think: Thinker) -> None:
        """Send every event of the response."""
        link = self._link
        silent_start = link.faults.use(FaultKind.DONE_WITHOUT_CREATED)
        if not silent_start:
            link.note(ResponseStarted(session_id=link.session_id, response_id=self.id))
            await link.send("response.created", response=self._describe("in_progress"))
            await link.send("rate_limits.updated", rate_limits=_rate_limits())
        status, reason = "completed", None
        error: dict[str, str] | None = None
        try:
            if not silent_start and not link.faults.active(FaultKind.RESPONSE_FAILED):
                await self._produce(await think())
        except _Ended as ended:
            status, reason = ended.status, ended.reason
        link.faults.use(FaultKind.SILENT_AUDIO)
        failed = link.faults.use(FaultKind.RESPONSE_FAILED)
        incomplete = link.faults.use(FaultKind.RESPONSE_INCOMPLETE)
        if failed:
            status, reason = "failed", None
            error = {"type": "server_error", "code": failed.error_code}
        elif incomplete and status == "completed":
            status, reason = "incomplete", incomplete.reason
        late = link.faults.use(FaultKind.LATE_DELTAS) if status == "cancelled" else None
        details = (
            {"type": status, "reason": reason, "error": error} if status != "completed" else None
        )
        self.finished = True
        await link.send("response.done", response=self._describe(status, details))
        link.note(
            ResponseEnded(
                session_id=link.session_id, response_id=self.id, status=status, reason=reason
            )
        )
        if late and self._output:
            item = self._output[-1]
            await self._audio(item, len(self._output) - 1, self._link.settings.delta_ms)

    async def _produce(self, outputs: Sequence[Output]) -> None:
        if self._link.faults.use(FaultKind.MUTE):
            outputs = [Stall()]
        slow = self._link.faults.use(FaultKind.SLOW)
        if slow:
            await self.pause(slow.ms / 1_000)
        if self._link.faults.active(FaultKind.RESPONSE_FAILED):
            return
        for index, output in enumerate(outputs):
            match output:
                case Say():
                    await self._say(output, index)
                case Call():
                    await self._call(output, index)
                case Stall():
                    await self._stop.wait()
                    raise _Ended("cancelled", self._stop_reason)

    async def _say(self, say: Say, index: int) -> None:
        item = await self._open(index, role="assistant", type="message", content=[])
        audio = self._modality == "audio"
        part: dict[str, Any] = {"type": "audio", "transcript": ""}
        if not audio:
            part = {"type": "text", "text": ""}
        where = self._where(item, index)
        await self._link.send("response.content_part.added", part=part, **where)
        content = {"type": "output_audio", "transcript": ""}
        if not audio:
            content = {"type": "output_text", "text": ""}
        item.data["content"].append(content)
        ended: _Ended | None = None
        try:
            await (self._speak if audio else self._write)(say, item, index)
        except _Ended as early:
            ended = early
        await self._finish_message(item, index, cut=ended is not None)
        if ended:
            raise ended

    async def _speak(self, say: Say, item: Item, index: int) -> None:
        settings = self._link.settings
        spoken = await settings.voice.speech(say.text) if settings.voice else b""
        total_ms, sent_ms, said = len(spoken) // L16_BYTES_PER_MS or say.audio_ms, 0, 0
        stall = self._link.faults.active(FaultKind.STALL)
        deltas = 0
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        limit_ms = self._limit_ms()
        while sent_ms < total_ms:
            await self.pause(next_at - loop.time())
            chunk_ms = min(settings.delta_ms, total_ms - sent_ms)
            upto = len(say.text) * (sent_ms + chunk_ms) // total_ms
            await self._transcript(item, index, say.text[said:upto])
            said = upto
            start, end = (ms * L16_BYTES_PER_MS for ms in (sent_ms, sent_ms + chunk_ms))
            await self._audio(item, index, chunk_ms, spoken[start:end])
            sent_ms += chunk_ms
            deltas += 1
            next_at += chunk_ms / 1_000 / settings.speed
            if sent_ms >= limit_ms and sent_ms < total_ms:
                raise _Ended("incomplete", "max_output_tokens")
            if stall and deltas == 2 and self._link.faults.use(FaultKind.STALL):
                next_at += stall.ms / 1_000
        # The service says an item is done when it is generated, not when the last delta left.
        await self.pause(next_at - loop.time())

    async def _write(self, say: Say, item: Item, index: int) -> None:
        where = self._where(item, index)
        for word in say.text.split(" "):
            await self.pause(0)
            delta = word if not item.data["content"][0]["text"] else f" {word}"
            item.data["content"][0]["text"] += delta
            self._words += delta
            await self._link.send("response.output_text.delta", delta=delta, **where)

    async def _transcript(self, item: Item, index: int, delta: str) -> None:
        if not delta:
            return
        item.data["content"][0]["transcript"] += delta
        self._words += delta
        where = self._where(item, index)
        await self._link.send("response.output_audio_transcript.delta", delta=delta, **where)

    async def _audio(self, item: Item, index: int, duration_ms: int, spoken: bytes = b"") -> None:
        link = self._link
        first, frames = link.next_frame, duration_ms // tone_code.FRAME_MS
        link.next_frame += frames
        l16 = spoken or tone_code.encode_speech(duration_ms, first)
        if link.faults.active(FaultKind.SILENT_AUDIO):
            l16 = bytes(len(l16))
        wire = encode(link.wrong_output_format or self._config.output_format, l16)
        link.note(
            AudioSent(
                session_id=link.session_id,
                response_id=self.id,
                item_id=item.id,
                item_ms=item.generated_ms,
                first_frame=first,
                frames=frames,
            )
        )
        item.grow(duration_ms)
        self.audio_ms_sent += duration_ms
        self._config.audio_was_sent = True
        delta = base64.b64encode(wire).decode("ascii")
        await link.send("response.output_audio.delta", delta=delta, **self._where(item, index))

    async def _finish_message(self, item: Item, index: int, *, cut: bool) -> None:
        link, where = self._link, self._where(item, index)
        content = item.data["content"][0]
        late = link.faults.active(FaultKind.LATE_DELTAS) if cut else None
        for _ in range(late.count if late else 0):
            await self._audio(item, index, link.settings.delta_ms)
        if content["type"] == "output_audio":
            words = content["transcript"]
            await link.send("response.output_audio.done", **where)
            await link.send("response.output_audio_transcript.done", transcript=words, **where)
            part = {"type": "audio", "transcript": words}
        else:
            words = content["text"]
            await link.send("response.output_text.done", text=words, **where)
            part = {"type": "text", "text": words}
        await link.send("response.content_part.done", part=part, **where)
        await self._close(item, index, cut=cut)
        link.note(
            Said(
                session_id=link.session_id,
                response_id=self.id,
                item_id=item.id,
                transcript=words,
                audio_ms=item.generated_ms,
            )
        )

    async def _call(self, call: Call, index: int) -> None:
        arguments = call.arguments
        if self._link.faults.use(FaultKind.MALFORMED_TOOL_JSON):
            arguments = arguments[: max(1, len(arguments) // 2)]
        call_id = new_id("call")
        item = await self._open(
            index, type="function_call", name=call.name, call_id=call_id, arguments=""
        )
        where = {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": index,
            "call_id": call_id,
        }
        for start in range(0, len(arguments), 24):
            await self.pause(0)
            delta = arguments[start : start + 24]
            await self._link.send("response.function_call_arguments.delta", delta=delta, **where)
        await self._link.send(
            "response.function_call_arguments.done", arguments=arguments, name=call.name, **where
        )
        item.data["arguments"] = arguments
        self._words += call.name + arguments
        await self._close(item, index, cut=False)
        self._link.note(
            ToolCalled(
                session_id=self._link.session_id,
                response_id=self.id,
                call_id=call_id,
                name=call.name,
                arguments=arguments,
            )
        )

    async def _open(self, index: int, **fields: Any) -> Item:
        item = Item({"id": new_id("item"), "object": "realtime.item", **fields})
        item.data["status"] = "in_progress"
        self._output.append(item)
        await self._link.send(
            "response.output_item.added", response_id=self.id, output_index=index, item=item.data
        )
        if self.in_conversation:
            before = self._link.conversation.add(item)
            await self._link.send(
                "conversation.item.added", previous_item_id=before, item=item.data
            )
        return item

    async def _close(self, item: Item, index: int, *, cut: bool) -> None:
        item.data["status"] = "incomplete" if cut else "completed"
        await self._link.send(
            "response.output_item.done", response_id=self.id, output_index=index, item=item.data
        )
        if self.in_conversation and self._link.conversation.find(item.id):
            before = self._link.conversation.before(item)
            await self._link.send("conversation.item.done", previous_item_id=before, item=item.data)

    async def pause(self, seconds: float) -> None:
        """Wait, or end with the response's cancellation."""
        if seconds > 0 and not self._stop.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
            except TimeoutError:
                return
        if self._stop.is_set():
            raise _Ended("cancelled", self._stop_reason)

    def _limit_ms(self) -> float:
        limit = self._params.get("max_output_tokens") or self._config.data["max_output_tokens"]
        return math.inf if limit == "inf" else int(limit) * AUDIO_MS_PER_OUTPUT_TOKEN

    def _where(self, item: Item, index: int) -> dict[str, Any]:
        return {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": index,
            "content_index": 0,
        }

    def _describe(self, status: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        output = self._config.data["audio"]["output"]
        usage = None
        if status in ("completed", "cancelled", "incomplete") and not (
            self._link.faults.use(FaultKind.USAGE_NULL)
        ):
            usage = bill(
                self._shares,
                self._cached,
                output_text=self._words,
                output_audio_ms=self.audio_ms_sent,
            )
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.data for item in self._output] if status != "in_progress" else [],
            "conversation_id": self._link.conversation_id if self.in_conversation else None,
            "output_modalities": [self._modality],
            "max_output_tokens": self._config.data["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "usage": usage,
            "metadata": self._params.get("metadata"),
        }


def _rate_limits() -> list[dict[str, Any]]:
    return [
        {
            "name": "tokens",
            "limit": _TOKENS_A_MINUTE,
            "remaining": _TOKENS_A_MINUTE - 4_096,
            "reset_seconds": 0.98,
        }
    ]
