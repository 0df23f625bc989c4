"""Scenario scripts: what the simulated model hears, answers and calls in one conversation.

Each YAML file of a folder is one conversation. It is checked when it is read: a key nobody knows,
a key given twice or a value that the result of a tool cannot fill is an error that names the file
and the place in it. `scripts/README.md` is the reference for who writes one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from aiworker.simulator.brain import SPEECH_MS_PER_CHARACTER
from aiworker.simulator.faults import Fault, FaultKind, ScriptError
from controlplane.spoken.spoken_french import number, price

SCRIPTS: Final = Path(__file__).parent / "scripts"
"""The conversations that the demo, the benchmarks and the scenario tests run."""

_SPOKEN: Final[Mapping[str, Callable[[Any], str]]] = {"": str, "number": number, "price": price}
"""How a value of a tool's result is said: as it is, a number in words, cents in euros."""
_NOT_OF_AN_ANSWER: Final = {
    FaultKind.REFUSE,
    FaultKind.HANG_ON_CONNECT,
    FaultKind.NO_SESSION_CREATED,
    FaultKind.NO_SESSION_UPDATED,
    FaultKind.AUDIO_FORMAT,
    FaultKind.DONE_WITHOUT_CREATED,
    FaultKind.TRANSCRIPTION_FAILED,
}
"""What comes before the answer is known: these belong in a file of `--faults`."""
_NOT_IN_AN_ANSWER: Final = {"connection", "on", "nth"}
"""When such a fault happens is said by its place in the script."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _fillable(text: str) -> str:
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None and (not name.isidentifier() or spec not in _SPOKEN or conversion):
            raise ValueError(
                f"{{{name}:{spec}}} is not {{value}}, {{value:number}}, {{value:price}}"
            )
    return text


class SayStep(_Part):
    """Words. `{total_cents:price}` is filled from the last tool's result."""

    say: Annotated[str, Field(min_length=1), AfterValidator(_fillable)]
    ms: int | None = Field(default=None, ge=20, multiple_of=20)
    """How long they last in tones, instead of what the text would take."""

    def filled(self, result: dict[str, Any]) -> str:
        """Return the words. Raise KeyError, TypeError or ValueError when `result` lacks a value."""
        return "".join(
            text + ("" if name is None else _SPOKEN[spec or ""](result[name]))
            for text, name, spec, _ in Formatter().parse(self.say)
        )


class CallStep(_Part):
    """A function call. The steps after it wait for its result."""

    call: str
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    failed: tuple["Step", ...] | None = None
    """The rest of the answer when the result is an error. Without it, an error is not foreseen."""


def _kind_of_step(step: Any) -> str:
    is_call = isinstance(step, CallStep) or (isinstance(step, dict) and "call" in step)
    return "call" if is_call else "say"


Step = Annotated[
    Annotated[SayStep, Tag("say")] | Annotated[CallStep, Tag("call")],
    Discriminator(_kind_of_step),
]


class ScriptTurn(_Part):
    """One thing said to the model, and its answer."""

    heard: str | None = None
    """The caller's words, as the recording's text has them."""
    told: str | None = None
    """Words in a system message, by which it is known."""
    faults: tuple[Fault, ...] = ()
    answer: tuple[Step, ...] = Field(min_length=1)

    def is_answer_to(self, words: str) -> bool:
        """Whether the caller's words, as `said` has them, are this turn's."""
        return self.heard is not None and said(self.heard) == words

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.heard is None) == (self.told is None):
            raise ValueError("a turn has either `heard` or `told`")
        for fault in self.faults:
            if fault.kind in _NOT_OF_AN_ANSWER or _NOT_IN_AN_ANSWER & fault.model_fields_set:
                raise ValueError(f"fault {fault.kind} cannot be one of an answer: see --faults")
        return self


class Script(_Part):
    """One conversation. Its turns come in any order; equal ones, one after the other."""

    conversation: str
    """What the caller lives through, in a sentence."""
    every_call: bool = False
    """Its turns hold in all conversations that do not have them; such a script opens none."""
    turns: tuple[ScriptTurn, ...] = ()
    otherwise: tuple[Step, ...] | None = None
    """The answer to whatever no turn knows."""

    @property
    def opening(self) -> str | None:
        """The caller's first words: they choose the script."""
        return next((said(turn.heard) for turn in self.turns if turn.heard is not None), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.every_call and self.opening is None:
            raise ValueError("a conversation opens with something `heard`")
        return self


CallStep.model_rebuild()


class Scripts:
    """The conversations a simulator knows."""

    def __init__(self, scripts: Sequence[Script] = ()) -> None:
        self.every_call = [script for script in scripts if script.every_call]
        self.conversations = [script for script in scripts if not script.every_call]

    @classmethod
    def from_folder(cls, folder: Path, *, recordings: Iterable[str] | None = None) -> "Scripts":
        """Read every YAML file of a folder. `recordings`: all texts that can be heard.

        Raise ScriptError for the first file that cannot be used.
        """
        found = {path: read_script(path) for path in sorted(folder.glob("*.yaml"))}
        if not found:
            raise ScriptError(f"{folder}: holds no script")
        _check_openings(found)
        if recordings is not None:
            _check_recorded(found, {said(text) for text in recordings})
        return cls(list(found.values()))

    @classmethod
    def monologue(cls, duration_ms: int) -> "Scripts":
        """Speak for `duration_ms` whatever is said: for measuring gaps and delays."""
        words = "Je parle sans m'arrêter pour la mesure. "
        count = max(1, duration_ms // (len(words) * SPEECH_MS_PER_CHARACTER))
        step = SayStep(say=(words * count).strip(), ms=duration_ms)
        return cls([Script(conversation="monologue", every_call=True, otherwise=(step,))])

    def opened_by(self, heard: str) -> Script | None:
        """Return the conversation that begins with these words of the caller."""
        opening = said(heard)
        return next((one for one in self.conversations if one.opening == opening), None)


def read_script(path: Path) -> Script:
    """Read one file. Raise ScriptError naming what is wrong in it."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
        return Script.model_validate(data)
    except YAMLError as error:
        raise ScriptError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ScriptError.of(path, error) from error


def _check_openings(scripts: Mapping[Path, Script]) -> None:
    openings: dict[str | None, Path] = {}
    for path, script in scripts.items():
        other = path if script.every_call else openings.setdefault(script.opening, path)
        if other != path:
            raise ScriptError(f"{path}: turns: opens with the same words as {other.name}")


def _check_recorded(scripts: Mapping[Path, Script], known: Set[str]) -> None:
    for path, script in scripts.items():
        for place, turn in enumerate(script.turns):
            if turn.heard is not None and said(turn.heard) not in known:
                raise ScriptError(f"{path}: turns.{place}.heard: no recording says this")


def said(text: str) -> str:
    """Return words as they are compared: no case, no punctuation, one space between."""
    return " ".join(re.findall(r"\w+", text.casefold()))
