"""Which turns of the scripts answer what was said, by the caller or in a system message.

The caller's first words choose the conversation. What it does not have may be in the scripts of
every call; what nobody has is noted as lost, and answered with `UNKNOWN`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from aiworker.simulator.conversation import Item
from aiworker.simulator.script import SayStep, Script, Scripts, ScriptTurn, said

UNKNOWN: Final = "Phrase inconnue."


class Cues:
    """One session's place in the scripts."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._conversation: Script | None = None
        self._times: Counter[str] = Counter()
        """How often each thing was heard."""
        self.lost: list[str] = []
        """What no script knew, in the answer at hand."""

    def choose_conversation(self, items: Sequence[Item]) -> None:
        """Take the script that the caller's words open, also those another session heard."""
        heard = [item.text for item in items if item.role == "user"]
        for words in (*heard, " ".join(heard)):
            self._conversation = self._conversation or self._scripts.opened_by(words)

    def turns_for(self, messages: Sequence[Item]) -> list[ScriptTurn]:
        """Return the turns that answer these messages; whose the last one is decides."""
        told = [item.text for item in messages if item.role == "system"]
        heard = [item.text for item in messages if item.role == "user"]
        if told and (messages[-1].role == "system" or not heard):
            found = [one for text in told if (one := self._told(text)) is not None]
            return found[-1:] or [self.unknown(told[-1])]
        if len(heard) > 1 and (whole := self._heard(" ".join(heard))) is not None:
            return [whole]  # a sentence with a pause in it
        return [self._heard(text) or self.unknown(text) for text in heard]

    def unknown(self, text: str) -> ScriptTurn:
        """Return the answer to what no turn knows; "" is speech that no recording resembles."""
        for script in self._scripts_in_order():
            if script.otherwise is not None:
                return ScriptTurn(heard=text, answer=script.otherwise)
        self.lost.append(f"no turn for « {text} »")
        return ScriptTurn(heard=text, answer=(SayStep(say=UNKNOWN),))

    def _heard(self, text: str) -> ScriptTurn | None:
        words = said(text)
        for script in self._scripts_in_order():
            known = [one for one in script.turns if one.is_answer_to(words)]
            if known:
                self._times[words] += 1
                return known[min(self._times[words], len(known)) - 1]
        return None

    def _told(self, text: str) -> ScriptTurn | None:
        turns = (turn for script in self._scripts_in_order() for turn in script.turns)
        return next((one for one in turns if one.told and said(one.told) in said(text)), None)

    def _scripts_in_order(self) -> Iterator[Script]:
        if self._conversation is not None:
            yield self._conversation
        yield from self._scripts.every_call
