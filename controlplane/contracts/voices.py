"""The voices that Realtime has, of which each restaurant has one; the first two were made for it.

https://platform.openai.com/docs/guides/realtime-conversations, "Voice options".
"""

from typing import Final

VOICES: Final = (
    "marin",
    "cedar",
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "sage",
    "shimmer",
    "verse",
)
