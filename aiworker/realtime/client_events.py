"""One function builds each event that the worker sends to the Realtime server. Pure.

Names and shapes: "Client events" of the OpenAI Realtime API.
"""

import json
from base64 import b64encode
from typing import Any, Literal

ClientEvent = dict[str, Any]

_CONTENT = {"system": "input_text", "user": "input_text", "assistant": "output_text"}


def update_session(session: dict[str, Any]) -> ClientEvent:
    """Change the session. One that says nothing but its type is answered all the same."""
    return {"type": "session.update", "session": session}


def append_audio(pcmu: bytes) -> str:
    """Return the event as text: there are 25 a second and call, and `json.dumps` costs more."""
    return f'{{"type":"input_audio_buffer.append","audio":"{b64encode(pcmu).decode("ascii")}"}}'


def create_message(role: Literal["system", "user", "assistant"], text: str) -> ClientEvent:
    """Tell the model a turn from before this session, or what it is to know (`system`)."""
    content = [{"type": _CONTENT[role], "text": text}]
    item = {"type": "message", "role": role, "content": content}
    return {"type": "conversation.item.create", "item": item}


def create_function_output(call_id: str, output: str) -> ClientEvent:
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    return {"type": "conversation.item.create", "item": item}


def truncate_item(item_id: str, *, content_index: int, audio_end_ms: int) -> ClientEvent:
    """Take what was not heard of an item out of what the model believes it said."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def delete_item(item_id: str) -> ClientEvent:
    return {"type": "conversation.item.delete", "item_id": item_id}


def create_response(event_id: str, *, words_only: bool = False) -> ClientEvent:
    """Ask for a response; an `error` that refuses it names `event_id`."""
    event: ClientEvent = {"type": "response.create", "event_id": event_id}
    if words_only:
        event["response"] = {"tool_choice": "none"}
    return event


def cancel_response(response_id: str | None) -> ClientEvent:
    """Cancel that response; None stands for whichever the server has in flight."""
    event: ClientEvent = {"type": "response.cancel"}
    if response_id is not None:
        event["response_id"] = response_id
    return event


def commit_audio() -> ClientEvent:
    """Make an item of the caller's audio since the last: the server's detector did not."""
    return {"type": "input_audio_buffer.commit"}


def to_text(event: ClientEvent) -> str:
    return json.dumps(event)
