"""A call leaves turns as heard, orders and usage behind; the recorder is told at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiworker.conversation.transcript import Role, Transcript
from aiworker.realtime.events import InputTokens, OutputTokens, ResponseUsage
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    CallEvent,
    MenuLoaded,
    OrderPlaced,
    TurnEnded,
    UsageReported,
)
from controlplane.restaurants.order_draft import PlacedOrder


@dataclass(slots=True)
class Usage:
    """It counts the tokens of the whole call."""

    input_audio: int = 0
    input_text: int = 0
    cached: int = 0
    output_audio: int = 0
    output_text: int = 0

    def add(self, usage: ResponseUsage) -> None:
        """Add what one response took."""
        taken = usage.input_token_details or InputTokens()
        given = usage.output_token_details or OutputTokens()
        self.input_audio += taken.audio_tokens or 0
        self.input_text += taken.text_tokens or 0
        self.cached += taken.cached_tokens or 0
        self.output_audio += given.audio_tokens or 0
        self.output_text += given.text_tokens or 0


@dataclass(slots=True)
class CallRecord:
    """It tells one call's events, whose turns are numbered in the order in which they began."""

    call_id: UUID
    restaurant_id: UUID
    tell: Callable[[CallEvent], None]
    """It takes an event to the recorder."""
    changed: Callable[[], None]
    """It is told that the transcript grew, for another worker may need it."""
    transcript: Transcript = field(default_factory=Transcript)
    usage: Usage = field(default_factory=Usage)

    def spoke(
        self,
        role: Role,
        position: int,
        text: str,
        *,
        heard_ms: int | None = None,
        unheard: str = "",
    ) -> None:
        self.transcript.say(role, position, text)
        self.changed()
        self.tell(
            TurnEnded(
                **self._event(),
                position=position,
                role=role,
                text=text,
                unheard=unheard or None,
                heard_ms=heard_ms,
            )
        )

    def used_tool(self, position: int, name: str, text: str, *, told: str = "") -> None:
        self.tell(
            TurnEnded(
                **self._event(),
                position=position,
                role="tool",
                text=text,
                tool_name=name,
                told=told or None,
            )
        )

    def placed_order(self, order: PlacedOrder) -> None:
        self.tell(OrderPlaced(**self._event(), order_id=order.id))

    def loaded_menu(self, version: int) -> None:
        self.tell(MenuLoaded(**self._event(), menu_version=version))

    def ended(self, model: str) -> None:
        self.tell(
            UsageReported(
                **self._event(),
                model=model,
                input_audio_tokens=self.usage.input_audio,
                input_text_tokens=self.usage.input_text,
                cached_tokens=self.usage.cached,
                output_audio_tokens=self.usage.output_audio,
                output_text_tokens=self.usage.output_text,
            )
        )

    def _event(self) -> dict[str, Any]:
        return {
            "id": new_id(),
            "call_id": self.call_id,
            "restaurant_id": self.restaurant_id,
            "at": datetime.now(UTC),
        }
