"""The simulated model of scenario scripts: it follows one conversation, from what it has heard.

An answer's steps become responses: words, then the calls that follow them; what comes after a call
waits for its result. What no script knows is never passed over in silence: the answer says
`UNKNOWN`, and the journal says why.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from aiworker.simulator.brain import Answer, Call, Output, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.faults import FaultKind
from aiworker.simulator.script import CallStep, SayStep, Script, Scripts, ScriptTurn, Step, said

UNKNOWN: Final = "Phrase inconnue."

_SAYS_NOTHING: Final = {FaultKind.MUTE, FaultKind.RESPONSE_FAILED}
"""With these a response has no output: its steps are for the next one."""


class ScriptedBrain:
    """One session's model."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._conversation: Script | None = None
        self._seen: set[str] = set()
        self._times: Counter[str] = Counter()
        """How often each thing was said to it."""
        self._steps: list[Step] = []
        """What is left of the answer under way."""
        self._called: list[CallStep] = []
        """The calls of the last response that made any."""
        self._result: dict[str, Any] = {}
        """What the last tool answered: words are filled from it."""
        self._lost: list[str] = []

    def respond(self, turn: Turn) -> Answer:
        """Go on with the answer under way, or answer what is new since the last response."""
        self._lost = []
        first = not self._seen
        fresh = [item for item in turn.items if item.id not in self._seen]
        self._seen.update(item.id for item in fresh)
        results = [item for item in fresh if item.kind == "function_call_output"]
        messages = [item for item in fresh if item.kind == "message"]
        self._choose_conversation(turn.items)
        turns = self._turns_for(_after_the_agent(messages) if first else messages)
        waiting = _waits_for_a_tool(turn.items)
        if results:
            self._learn(results, turn.items)
        elif turns and not waiting:
            self._steps.clear()
        elif not self._steps and not waiting:
            turns = self._nothing_new()
        self._steps += [step for found in turns for step in found.answer]
        faults = [fault for found in turns for fault in found.faults]
        silent = waiting or any(fault.kind in _SAYS_NOTHING for fault in faults)
        outputs = [] if silent else self._next_outputs(turn)
        return Answer(outputs, faults, lost="; ".join(self._lost))

    # --- What was said to it -------------------------------------------------------------------

    def _choose_conversation(self, items: Sequence[Item]) -> None:
        """Take the script that the caller's words open, also those another session heard."""
        heard = [item.text for item in items if item.role == "user"]
        for words in (*heard, " ".join(heard)):
            self._conversation = self._conversation or self._scripts.opened_by(words)

    def _turns_for(self, messages: Sequence[Item]) -> list[ScriptTurn]:
        """Return the turns that answer these messages; whose the last one is decides."""
        told = [item.text for item in messages if item.role == "system"]
        heard = [item.text for item in messages if item.role == "user"]
        if told and (messages[-1].role == "system" or not heard):
            found = [one for text in told if (one := self._told(text)) is not None]
            return found[-1:] or [self._unknown(told[-1])]
        if len(heard) > 1 and (whole := self._heard(" ".join(heard))) is not None:
            return [whole]  # a sentence with a pause in it
        return [self._heard(text) or self._unknown(text) for text in heard]

    def _heard(self, text: str) -> ScriptTurn | None:
        words = said(text)
        for script in self._scripts_in_order():
            known = [
                one for one in script.turns if one.heard is not None and said(one.heard) == words
            ]
            if known:
                self._times[words] += 1
                return known[min(self._times[words], len(known)) - 1]
        return None

    def _told(self, text: str) -> ScriptTurn | None:
        for script in self._scripts_in_order():
            for one in script.turns:
                if one.told is not None and said(one.told) in said(text):
                    return one
        return None

    def _unknown(self, text: str) -> ScriptTurn:
        for script in self._scripts_in_order():
            if script.otherwise is not None:
                return ScriptTurn(heard=text, answer=script.otherwise)
        self._lost.append(f"no turn for « {text} »" if text else "nothing was asked")
        return ScriptTurn(heard=text, answer=(SayStep(say=UNKNOWN),))

    def _nothing_new(self) -> list[ScriptTurn]:
        return [self._unknown("")]

    def _scripts_in_order(self) -> list[Script]:
        mine = [self._conversation] if self._conversation else []
        return [*mine, *self._scripts.every_call]

    # --- What the tools said -------------------------------------------------------------------

    def _learn(self, results: Sequence[Item], items: Sequence[Item]) -> None:
        """Keep the last result to fill words from; an error takes the way its call has for it."""
        names = {i.data["call_id"]: i.data["name"] for i in items if i.kind == "function_call"}
        for item in results:
            self._result = _json(item.data["output"])
            if self._result.get("status") == "error":
                self._fail(names[item.data["call_id"]])
                return

    def _fail(self, tool: str) -> None:
        foreseen = [
            one.failed for one in self._called if one.call == tool and one.failed is not None
        ]
        if foreseen:
            self._steps = list(foreseen[0])
            return
        self._lost.append(f"{tool} failed: {self._result.get('error')}")
        self._steps = [SayStep(say="{spoken}" if "spoken" in self._result else UNKNOWN)]

    # --- What it says --------------------------------------------------------------------------

    def _next_outputs(self, turn: Turn) -> list[Output]:
        """Take the steps of one response: words, then calls."""
        outputs: list[Output] = []
        calls: list[CallStep] = []
        while self._steps and not (calls and isinstance(self._steps[0], SayStep)):
            step = self._steps.pop(0)
            if isinstance(step, SayStep):
                outputs.append(self._say(step))
            elif step.call in turn.tools:
                calls.append(step)
                outputs.append(Call.of(step.call, **step.arguments))
            else:
                self._lost.append(f"the session has no tool {step.call}")
                outputs.append(Say(UNKNOWN))
        self._called = calls or self._called
        return outputs

    def _say(self, step: SayStep) -> Say:
        try:
            return Say(step.filled(self._result), step.ms)
        except (KeyError, TypeError, ValueError) as error:
            self._lost.append(f"« {step.say} » can't be filled: {error!r}")
            return Say(UNKNOWN)


def _after_the_agent(messages: Sequence[Item]) -> list[Item]:
    """Leave out what another session answered, as a new one is told of it."""
    answered = max((n for n, item in enumerate(messages) if item.role == "assistant"), default=-1)
    return list(messages[answered + 1 :])


def _waits_for_a_tool(items: Sequence[Item]) -> bool:
    done = {item.data["call_id"] for item in items if item.kind == "function_call_output"}
    calls = {item.data["call_id"] for item in items if item.kind == "function_call"}
    return bool(calls - done)


def _json(text: str) -> dict[str, Any]:
    """Read a tool's output; anything but an object is an empty one."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
