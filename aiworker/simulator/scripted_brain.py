"""The simulated model of scenario scripts: it gives one conversation's answers, step by step.

An answer's steps become responses: words, then the calls that follow them; what comes after a call
waits for its result. What is not in the script is never passed over in silence: it is said to be
unknown, and the journal says why.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from aiworker.simulator.brain import Answer, Call, Output, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.faults import FaultKind
from aiworker.simulator.script import CallStep, SayStep, Scripts, ScriptTurn, Step
from aiworker.simulator.script_cues import UNKNOWN, Cues

_SAYS_NOTHING: Final = {FaultKind.MUTE, FaultKind.RESPONSE_FAILED}
"""With these a response has no output: its steps are for the next one."""
_NOT_MADE: Final = "interrupted_by_caller"
"""What the worker answers for a call that it does not make, for the caller spoke."""


class ScriptedBrain:
    """One session's model."""

    def __init__(self, scripts: Scripts) -> None:
        self._cues = Cues(scripts)
        self._seen: set[str] = set()
        self._steps: list[Step] = []
        """What is left of the answer under way."""
        self._called: list[CallStep] = []
        """The calls of the last response that made any."""
        self._result: dict[str, Any] = {}
        """What the last tool answered: words are filled from it."""

    def respond(self, turn: Turn) -> Answer:
        """Go on with the answer under way, or answer what is new since the last response."""
        self._cues.lost = []
        turns = self._take_in(turn.items)
        self._steps += [step for found in turns for step in found.answer]
        faults = [fault for found in turns for fault in found.faults]
        silent = any(fault.kind in _SAYS_NOTHING for fault in faults)
        waits = _waits_for_a_tool(turn.items)
        outputs = [] if silent or waits else self._next_outputs(turn)
        return Answer(outputs, faults, lost="; ".join(self._cues.lost))

    def _take_in(self, items: Sequence[Item]) -> list[ScriptTurn]:
        """Return the turns to answer; they take the place of an answer that waits for no tool."""
        self._cues.choose_conversation(items)
        fresh = [item for item in items if item.id not in self._seen]
        messages = [item for item in fresh if item.kind == "message"]
        turns = self._cues.turns_for(messages if self._seen else _unanswered(messages))
        self._seen.update(item.id for item in fresh)
        results = [item for item in fresh if item.kind == "function_call_output"]
        if results:
            self._learn(results, items)
        elif _waits_for_a_tool(items):
            pass  # new words are answered after its result
        elif turns:
            self._steps.clear()
        elif not self._steps:
            turns = [self._cues.unknown("")]
        return turns

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
        foreseen = (one.failed for one in self._called if one.call == tool)
        steps = next(foreseen, None)
        error = self._result.get("error")
        if error == _NOT_MADE:
            self._steps = []
        elif steps is not None:
            self._steps = list(steps)
        else:
            self._cues.lost.append(f"{tool} failed: {error}")
            self._steps = [SayStep(say="{spoken}" if self._result.get("spoken") else UNKNOWN)]

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
                self._cues.lost.append(f"the session has no tool {step.call}")
                outputs.append(Say(UNKNOWN))
        self._called = calls or self._called
        return outputs

    def _say(self, step: SayStep) -> Say:
        try:
            return Say(step.filled(self._result), step.ms)
        except (KeyError, TypeError, ValueError) as error:
            self._cues.lost.append(f"« {step.say} » can't be filled: {error!r}")
            return Say(UNKNOWN)


def _unanswered(messages: Sequence[Item]) -> list[Item]:
    """Leave out what another session answered, as a new one is told of it."""
    answered = max((n for n, item in enumerate(messages) if item.role == "assistant"), default=-1)
    return list(messages[answered + 1 :])


def _waits_for_a_tool(items: Sequence[Item]) -> bool:
    """Whether a call that was sent whole has no result yet."""
    done = {item.data["call_id"] for item in items if item.kind == "function_call_output"}
    return any(
        item.data["call_id"] not in done
        for item in items
        if item.kind == "function_call" and item.data.get("status") != "in_progress"
    )


def _json(text: str) -> dict[str, Any]:
    """Read a tool's output; anything but an object is an empty one."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
