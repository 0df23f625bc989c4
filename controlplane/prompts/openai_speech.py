"""`python -m controlplane.prompts.openai_speech`: renders a prompt with OpenAI's speech API, and
ends. The voice that will talk to the caller says the greeting too.
"""

import os
import sys
from typing import Final

import openai

from controlplane.prompts.engines import Engine
from controlplane.prompts.render_once import render_once
from controlplane.prompts.speech import Speech, SpeechFailed

MODEL: Final = Engine.OPENAI.split("/")[1]
DEADLINE_S: Final = 20.0
"""A sentence is there after 1 to 3 s."""
TRIES_AGAIN: Final = 1
"""By the library, after a pause; the controller tries again later."""
RATE_HZ: Final = 24_000
"""The API's `pcm` is mono L16 at this rate, without a header."""
INSTRUCTIONS: Final = (
    "Parlez en français de France, d’une voix accueillante et posée, comme au téléphone d’un"
    " restaurant. Lisez exactement le texte, sans rien ajouter."
)


def say(text: str, voice: str) -> Speech:
    """Have it said by a voice of Realtime's. Raise SpeechFailed.

    `OPENAI_API_KEY` is in the environment; `ALLORESTO_SPEECH_URL`, ending in `/v1`, too where it is
    not OpenAI's own.
    """
    client = openai.OpenAI(
        api_key=os.environ.get("OPENAI_API_KEY", ""),
        base_url=os.environ.get("ALLORESTO_SPEECH_URL") or None,
        timeout=DEADLINE_S,
        max_retries=TRIES_AGAIN,
    )
    try:
        answer = client.audio.speech.create(
            model=MODEL,
            voice=voice,
            input=text,
            instructions=INSTRUCTIONS,
            response_format="pcm",
        )
    except openai.OpenAIError as error:  # its text may hold part of the key
        status = getattr(error, "status_code", "no answer")
        raise SpeechFailed(f"openai: {type(error).__name__}, {status}") from None
    finally:
        client.close()
    return Speech(answer.content, RATE_HZ)


if __name__ == "__main__":
    sys.exit(render_once(say))
