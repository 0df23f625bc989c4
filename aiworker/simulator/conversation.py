"""The conversation of one session: its items, in order, and the rules for changing them."""

import copy
from dataclasses import dataclass
from typing import Any, Final

from aiworker.simulator.errors import InvalidRequest

AUDIO_MS_PER_INPUT_TOKEN: Final = 100
AUDIO_MS_PER_OUTPUT_TOKEN: Final = 50
CHARACTERS_PER_TEXT_TOKEN: Final = 4
"""A stand-in for the tokenizer; all counts that follow from it are exact."""


def text_tokens(text: str) -> int:
    """Return how many tokens the simulator bills for a text."""
    return -(-len(text) // CHARACTERS_PER_TEXT_TOKEN)


@dataclass
class Item:
    """One item: the wire object, and what the wire does not show."""

    data: dict[str, Any]
    audio_ms: int = 0
    """Audio it holds: the caller's turn, or what was generated of the agent's."""
    transcript: str | None = None
    """What the caller said, once recognised; the wire shows it only by transcription events."""
    generated_ms: int = 0
    """Audio made for it, truncated since or not."""
    truncated: bool = False

    def grow(self, audio_ms: int) -> None:
        """Count audio generated for the item; a truncated item keeps its length."""
        self.generated_ms += audio_ms
        if not self.truncated:
            self.audio_ms = self.generated_ms

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.data["id"])

    @property
    def kind(self) -> str:
        """`message`, `function_call` or `function_call_output`."""
        return str(self.data["type"])

    @property
    def role(self) -> str | None:
        """`user`, `assistant` or `system` for a message, else None."""
        return self.data.get("role")

    @property
    def text(self) -> str:
        """The words of the item: text parts, transcripts, arguments or output."""
        if self.kind == "function_call":
            return str(self.data["arguments"])
        if self.kind == "function_call_output":
            return str(self.data["output"])
        if self.transcript is not None:
            return self.transcript
        parts = self.data.get("content") or []
        return " ".join(part.get("text") or part.get("transcript") or "" for part in parts).strip()

    @property
    def audio_tokens(self) -> int:
        """Audio tokens the item costs as input of a response."""
        assistant = self.role == "assistant"
        rate = AUDIO_MS_PER_OUTPUT_TOKEN if assistant else AUDIO_MS_PER_INPUT_TOKEN
        return -(-self.audio_ms // rate)

    @property
    def text_tokens(self) -> int:
        """Text tokens the item costs as input: the caller's audio is not billed twice as text."""
        if self.audio_ms and self.role == "user":
            return 0
        name = str(self.data.get("name", "")) if self.kind == "function_call" else ""
        return text_tokens(self.text) + text_tokens(name)


class Conversation:
    """Items by position. Errors are those of the real service."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def find(self, item_id: str) -> Item | None:
        """Return the item, or None."""
        return next((item for item in self.items if item.id == item_id), None)

    def add(self, item: Item, *, after: str | None = None) -> str | None:
        """Insert at the end, or after item `after` ("root" = first); return the id before it."""
        if self.find(item.id):
            raise InvalidRequest(
                "item_create_invalid_item_id",
                f"Error adding item: an item with id '{item.id}' already exists.",
                param="item.id",
            )
        position = len(self.items)
        if after == "root":
            position = 0
        elif after is not None:
            position = self.items.index(self._require(after, "previous_item_id")) + 1
        self.items.insert(position, item)
        return self.items[position - 1].id if position else None

    def check_new(self, data: dict[str, Any]) -> None:
        """Refuse an item the service would not take from a client."""
        if data["type"] == "function_call" and not data.get("call_id"):
            raise InvalidRequest.missing("item.call_id")
        if data["type"] == "function_call_output":
            calls = [i for i in self.items if i.kind == "function_call"]
            if data["call_id"] not in {call.data["call_id"] for call in calls}:
                raise InvalidRequest(
                    "invalid_tool_call_id",
                    f"Tool call ID '{data['call_id']}' not found in conversation.",
                    param="item.call_id",
                )
        allowed = _CONTENT_TYPES.get(data.get("role", ""))
        for number, part in enumerate(data.get("content") or []):
            where = f"item.content[{number}].type"
            if "type" not in part:
                raise InvalidRequest.missing(where)
            if allowed and part["type"] not in allowed:
                raise InvalidRequest.not_one_of(where, part["type"], allowed)

    def delete(self, item_id: str) -> Item:
        """Remove an item."""
        item = self.find(item_id)
        if item is None:
            raise InvalidRequest(
                "item_delete_invalid_item_id",
                f"Error deleting item: the item with id '{item_id}' does not exist.",
                param="item_id",
            )
        self.items.remove(item)
        return item

    def retrieve(self, item_id: str) -> Item:
        """Return an item as `conversation.item.retrieve` finds it."""
        item = self.find(item_id)
        if item is None:
            raise InvalidRequest(
                "item_retrieve_invalid_item_id",
                f"Error retrieving item: the item with id '{item_id}' does not exist.",
                param="item_id",
            )
        return item

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> Item:
        """Cut an assistant item's audio and drop its transcript, as the service does."""
        item = self.find(item_id)
        if item is None:
            raise InvalidRequest(
                "item_truncate_invalid_item_id",
                f"Error truncating item: the item with id '{item_id}' does not exist.",
                param="item_id",
            )
        content = item.data.get("content") or []
        if item.role != "assistant" or (not item.audio_ms and not content):
            raise InvalidRequest(
                "unsupported_content_type",
                "Only model output audio messages can be truncated.",
                param="item_id",
            )
        if not 0 <= content_index < max(len(content), 1):
            raise InvalidRequest(
                "item_truncate_invalid_content_index",
                f"Content index {content_index} does not exist in item '{item_id}'.",
                param="content_index",
            )
        if audio_end_ms < 0:
            raise InvalidRequest.out_of_range("audio_end_ms", audio_end_ms, low=0, high=2**31)
        if audio_end_ms > item.audio_ms:
            raise InvalidRequest(
                "invalid_value",
                f"Audio content of {item.audio_ms}ms is already shorter than {audio_end_ms}ms",
                param="audio_end_ms",
            )
        item.audio_ms = audio_end_ms
        item.truncated = True
        for part in content:
            part["transcript"] = ""
        return item

    def before(self, item: Item) -> str | None:
        """Return the id of the item before `item`, None when it is the first."""
        position = self.items.index(item)
        return self.items[position - 1].id if position else None

    def snapshot(self) -> list[Item]:
        """Return a copy: what a response was asked about."""
        return copy.deepcopy(self.items)

    def _require(self, item_id: str, param: str) -> Item:
        item = self.find(item_id)
        if item is None:
            raise InvalidRequest(
                "invalid_value", f"Item with id '{item_id}' not found.", param=param
            )
        return item


_CONTENT_TYPES: Final = {
    "user": ["input_text", "input_audio", "input_image"],
    "assistant": ["output_text", "output_audio"],
    "system": ["input_text"],
}
