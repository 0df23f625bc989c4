"""The bill of a response: `response.done.usage`, exact from the items' tokens."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiworker.simulator.conversation import AUDIO_MS_PER_OUTPUT_TOKEN, Item, text_tokens


@dataclass(frozen=True)
class Share:
    """One piece of a response's input: the prompt, or an item as it was."""

    key: str
    text: int
    audio: int


def context(
    instructions: str, tools: Sequence[dict[str, Any]], items: Sequence[Item]
) -> list[Share]:
    """Return what a response reads, in the order the cache sees it."""
    prompt = instructions + (json.dumps(tools, ensure_ascii=False) if tools else "")
    shares = [Share(f"prompt {hash(prompt)}", text_tokens(prompt), 0)]
    shares += [Share(item.id, item.text_tokens, item.audio_tokens) for item in items]
    return shares


def bill(
    now: Sequence[Share], before: Sequence[Share], *, output_text: str, output_audio_ms: int
) -> dict[str, Any]:
    """Return the usage object. Cached = the whole pieces both inputs begin with."""
    cached_text = cached_audio = 0
    for share, earlier in zip(now, before, strict=False):
        if share != earlier:
            break
        cached_text += share.text
        cached_audio += share.audio
    text, audio = sum(s.text for s in now), sum(s.audio for s in now)
    out_text = text_tokens(output_text)
    out_audio = -(-output_audio_ms // AUDIO_MS_PER_OUTPUT_TOKEN)
    return {
        "total_tokens": text + audio + out_text + out_audio,
        "input_tokens": text + audio,
        "output_tokens": out_text + out_audio,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": 0,
            "cached_tokens": cached_text + cached_audio,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": cached_audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": out_text, "audio_tokens": out_audio},
    }
