"""`python -m controlplane.prompts.espeak_speech`: renders a prompt with eSpeak NG, and ends."""

import sys

from controlplane.prompts import synthesiser
from controlplane.prompts.render_once import render_once
from controlplane.prompts.speech import Speech, SpeechFailed


def say(text: str, _voice: str) -> Speech:
    """Have the one voice there is say it. Raise SpeechFailed."""
    command = synthesiser.synthesiser()
    if command is None:
        raise SpeechFailed("espeak-ng is not here any more")
    return synthesiser.say(text, command)


if __name__ == "__main__":
    sys.exit(render_once(say))
