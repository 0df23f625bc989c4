"""Scenario scripts: what is refused as they are read, and each conversation with the real tools."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from aiworker.conversation import silence
from aiworker.simulator.__main__ import CALLER_SOUNDS
from aiworker.simulator.brain import Answer, Call, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.faults import FaultKind, ScriptError
from aiworker.simulator.hearing import read_folder
from aiworker.simulator.script import (
    SCRIPTS,
    CallStep,
    Script,
    Scripts,
    Step,
    read_script,
)
from aiworker.simulator.script_cues import UNKNOWN
from aiworker.simulator.scripted_brain import ScriptedBrain
from aiworker.tools.context import ToolContext
from aiworker.tools.toolbox import TOOLS, run_tool, tool_schemas
from controlplane.contracts.restaurant_config import (
    MenuItem,
    Option,
    OptionGroup,
    RestaurantConfig,
)
from controlplane.local.demo.caller import ORDER_SCRIPT
from controlplane.local.demo.menu import MENU, OPTION_GROUPS
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from tests.small_menu import AROUND_THE_CLOCK

pytestmark = pytest.mark.unit

OF_THE_FOLDER = Scripts.from_folder(SCRIPTS)


def script(tmp_path: Path, text: str, name: str = "one.yaml") -> Scripts:
    (tmp_path / name).write_text(text, "utf-8")
    return Scripts.from_folder(tmp_path)


# -- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("conversation: a\nturns: [", "one.yaml: while parsing"),
        ("conversation: a\nconversation: b", 'found duplicate key "conversation"'),
        ("conversation: a\nopening: b", "one.yaml: opening: Extra inputs"),
        (
            "conversation: a\nturns: [{told: b, answer: [{say: c}]}]",
            "one.yaml: Value error, a",
        ),
        ("conversation: a\nturns: [{answer: [{say: b}]}]", "one.yaml: turns.0: "),
        ("conversation: a\nturns: [{heard: b, answer: []}]", "one.yaml: turns.0.answer: "),
        (
            "conversation: a\nturns: [{heard: b, answer: [{say: c}, {call: d, width: {}}]}]",
            "one.yaml: turns.0.answer.1.call.width: Extra inputs",
        ),
        (
            "conversation: a\nturns: [{heard: b, answer: [{say: '{c:euros}'}]}]",
            "one.yaml: turns.0.answer.0.say.say: ",
        ),
        (
            "conversation: a\nturns: [{heard: b, answer: [{say: c}], faults: [{kind: explode}]}]",
            "one.yaml: turns.0.faults.0.kind: ",
        ),
        (
            "conversation: a\nturns: [{heard: b, answer: [{say: c}], faults: [{kind: refuse}]}]",
            "one.yaml: turns.0: Value error, fault refuse",
        ),
    ],
)
def test_what_is_wrong_in_a_script_is_named(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ScriptError) as refused:
        script(tmp_path, text)
    assert place in str(refused.value)
    assert str(tmp_path / "one.yaml") in str(refused.value)


def test_two_conversations_that_open_alike_are_refused(tmp_path: Path) -> None:
    text = "conversation: a\nturns: [{heard: 'Oui !', answer: [{say: b}]}]"
    script(tmp_path, text)
    with pytest.raises(ScriptError, match=r"two.yaml: turns: opens with the same words as one"):
        script(tmp_path, text.replace("Oui !", "oui"), "two.yaml")


def test_a_sentence_nobody_recorded_is_refused(tmp_path: Path) -> None:
    script(tmp_path, "conversation: a\nturns: [{heard: b, answer: [{say: c}]}]")
    with pytest.raises(ScriptError, match=r"one.yaml: turns.0.heard: no recording"):
        Scripts.from_folder(tmp_path, recordings=["c"])


def test_a_folder_without_scripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="holds no script"):
        Scripts.from_folder(tmp_path)


def test_words_that_yaml_1_1_took_for_truth_are_words(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("conversation: no\nturns: [{heard: yes, answer: [{say: off}]}]", "utf-8")
    assert read_script(file).conversation == "no"


# -- the folder's scripts ------------------------------------------------------------------


def calls(steps: tuple[Step, ...]) -> Iterator[CallStep]:
    for step in steps:
        if isinstance(step, CallStep):
            yield step
            yield from calls(step.failed or ())


def test_every_call_has_arguments_its_tool_takes() -> None:
    for one in [*OF_THE_FOLDER.conversations, *OF_THE_FOLDER.every_call]:
        for turn in one.turns:
            for step in calls(turn.answer):
                TOOLS[step.call].arguments.model_validate(step.arguments)


def test_every_sentence_heard_is_recorded() -> None:
    Scripts.from_folder(SCRIPTS, recordings=[one.text for one in read_folder(CALLER_SOUNDS)])


def demo_config() -> RestaurantConfig:
    groups = {
        group.name: OptionGroup(
            id=uuid4(),
            name=group.name,
            min_select=group.min_select,
            max_select=group.max_select,
            options=tuple(
                Option(
                    id=uuid4(),
                    name=choice.name,
                    spoken_name=choice.spoken,
                    aliases=choice.aliases,
                    price_delta_cents=choice.delta_cents,
                )
                for choice in group.choices
            ),
        )
        for group in OPTION_GROUPS
    }
    menu = tuple(
        MenuItem(
            id=uuid4(),
            name=dish.name,
            spoken_name=dish.spoken or dish.name,
            aliases=dish.aliases,
            category=category.name,
            price_cents=dish.price_cents,
            vat_rate_bp=dish.vat_rate_bp,
            option_groups=tuple(groups[name] for name in category.groups),
        )
        for category in MENU
        for dish in category.dishes
    )
    return RestaurantConfig(
        id=uuid4(),
        slug="demo",
        name="Chez Mario",
        spoken_name="Chez Mario",
        address="1 rue de la Paix, Paris",
        timezone="Europe/Paris",
        phone_e164="+33100000000",
        preparation_minutes=20,
        voice="marin",
        realtime_model="gpt-realtime-2.1",
        menu=menu,
        opening=AROUND_THE_CLOCK,
    )


async def placed_without_database(draft: OrderDraft) -> PlacedOrder:
    return PlacedOrder(
        id=UUID(int=1),
        number=12,
        total_cents=sum(line.total_cents for line in draft.lines),
        ready_at_local=datetime(2026, 11, 20, 19, 45),
        idempotency_key=draft.idempotency_key,
    )


class HeardInFull:
    """Every read-back is heard and answered; how that is known is the worker's own test."""

    def begin(self, revision: int) -> None:
        self.revision = revision

    def was_heard(self, revision: int) -> bool:
        return revision == getattr(self, "revision", None)

    def was_answered(self) -> bool:
        return True


@dataclass
class Dialogue:
    """A caller, the scripted model and the tools, without sound."""

    scripts: Scripts = OF_THE_FOLDER
    items: list[Item] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    responses: int = 0

    def __post_init__(self) -> None:
        self.brain = ScriptedBrain(self.scripts)
        self.context = ToolContext(
            call_id=uuid4(),
            config=demo_config(),
            cart=Cart.empty(),
            read_back=HeardInFull(),
            place_order=placed_without_database,
            reload=self.reload,
            note_question=self.note_question,
        )
        self.tools = {tool["name"]: tool for tool in tool_schemas()}

    async def note_question(self, question: str) -> None:
        self.lost.append(question)

    async def reload(self) -> RestaurantConfig:
        return self.context.config

    async def caller(self, text: str) -> str:
        """Say something; return all the agent says until it waits for an answer."""
        return await self.told("user", text)

    async def told(self, role: str, text: str) -> str:
        self.add(type="message", role=role, content=[{"type": "input_text", "text": text}])
        said: list[str] = []
        while True:
            answer = self.respond()
            said += [output.text for output in answer.outputs if isinstance(output, Say)]
            asked = [output for output in answer.outputs if isinstance(output, Call)]
            for call in asked:
                await self._run(call)
            if not asked or isinstance(answer.outputs[0], Say):
                return " ".join(said)

    def respond(self) -> Answer:
        answer = self.brain.respond(Turn(self.tools, self.items, self.responses))
        self.responses += 1
        if answer.lost:
            self.lost.append(answer.lost)
        return answer

    async def _run(self, call: Call) -> None:
        call_id = f"call_{len(self.items)}"
        self.calls.append((call.name, json.loads(call.arguments)))
        self.add(type="function_call", name=call.name, arguments=call.arguments, call_id=call_id)
        result = await run_tool(self.context, call.name, call.arguments)
        self.add(type="function_call_output", call_id=call_id, output=json.dumps(result))

    def add(self, **data: Any) -> None:
        self.items.append(Item({"id": f"item_{len(self.items)}", **data}))

    @property
    def cart(self) -> list[tuple[int, str, list[str]]]:
        return [
            (line.quantity, line.name, [option.name for option in line.options])
            for line in self.context.cart.lines
        ]


@pytest.mark.parametrize("one", OF_THE_FOLDER.conversations, ids=lambda one: str(one.opening))
async def test_every_conversation_can_be_held_with_the_real_tools(one: Script) -> None:
    dialogue = Dialogue()
    for turn in one.turns:
        said = await dialogue.told(
            *(("user", turn.heard) if turn.heard else ("system", turn.told or ""))
        )
        assert said
    assert dialogue.lost == []


def test_the_demo_s_caller_says_what_the_demo_s_script_hears() -> None:
    spoken = [(CALLER_SOUNDS / f"{line.recording}.txt").read_text("utf-8") for line in ORDER_SCRIPT]
    conversation = OF_THE_FOLDER.opened_by(spoken[0])
    assert conversation is not None
    assert [turn.heard for turn in conversation.turns] == [words.strip() for words in spoken]


async def test_an_order_from_the_first_dish_to_the_goodbye() -> None:
    dialogue = Dialogue()
    said = await dialogue.caller(
        "Une margherita avec supplément mozzarella et une quatre fromages."
    )
    assert dialogue.cart == [(1, "Margherita", ["mozzarella"]), (1, "Quatre fromages", [])]
    assert "Total : vingt-trois euros cinquante." in said
    said = await dialogue.caller("Non attendez, finalement un coca en plus.")
    assert said == "C'est noté : un Coca-Cola. Total : vingt-six euros. Et avec ceci ?"
    assert (await dialogue.caller("Non merci, c'est tout.")).startswith("Je récapitule : une")
    said = await dialogue.caller("Oui, c'est bien ça.")
    assert "commande numéro douze est enregistrée" in said
    assert [name for name, _ in dialogue.calls][-3:] == ["read_back", "place_order", "hang_up"]
    assert dialogue.context.placed


# -- what a conversation does when things are not as written -------------------------------

ORDER = """
conversation: a
turns:
  - heard: un coca
    answer:
      - call: add_item
        with: {dish: DISH}
        failed: [{say: "Non. {spoken}"}]
      - say: "{quantity:number} {name}, {total_cents:price}"
  - heard: oui
    answer: [{say: Un.}]
  - heard: oui
    faults: [{kind: slow, ms: 900}]
    answer: [{say: Deux.}]
"""


async def test_a_value_is_said_as_its_place_asks(tmp_path: Path) -> None:
    dialogue = Dialogue(script(tmp_path, ORDER.replace("DISH", "coca")))
    assert await dialogue.caller("Un coca !") == "un Coca-Cola 33 cl, deux euros cinquante"


async def test_an_error_takes_the_way_the_script_has_for_it(tmp_path: Path) -> None:
    dialogue = Dialogue(script(tmp_path, ORDER.replace("DISH", "ratatouille")))
    assert (await dialogue.caller("Un coca")).startswith("Non. ")
    assert dialogue.lost == []


async def test_an_error_nobody_foresaw_is_said_and_noted(tmp_path: Path) -> None:
    text = "conversation: a\nturns: [{heard: b, answer: [{call: read_back}, {say: '{spoken}'}]}]"
    dialogue = Dialogue(script(tmp_path, text))
    assert await dialogue.caller("b") == "La commande est vide."
    assert dialogue.lost == ["read_back failed: cart_empty"]


async def test_the_same_words_again_have_the_next_turn_s_answer(tmp_path: Path) -> None:
    dialogue = Dialogue(script(tmp_path, ORDER))
    assert [await dialogue.caller("Oui.") for _ in range(3)] == [UNKNOWN, UNKNOWN, UNKNOWN]
    dialogue = Dialogue(script(tmp_path, ORDER.replace("DISH", "coca")))
    await dialogue.caller("Un coca")
    assert [await dialogue.caller("Oui.") for _ in range(3)] == ["Un.", "Deux.", "Deux."]


async def test_a_turn_s_faults_come_with_its_answer(tmp_path: Path) -> None:
    dialogue = Dialogue(script(tmp_path, ORDER.replace("DISH", "coca")))
    await dialogue.caller("Un coca")
    await dialogue.caller("Oui.")
    dialogue.add(type="message", role="user", content=[{"type": "input_text", "text": "oui"}])
    (fault,) = dialogue.respond().faults
    assert (fault.kind, fault.ms) == (FaultKind.SLOW, 900)


async def test_what_no_turn_knows_is_told_to_the_caller_and_noted() -> None:
    dialogue = Dialogue()
    assert await dialogue.caller("La voiture est bleue.") == UNKNOWN
    assert await dialogue.caller("") == UNKNOWN
    assert await dialogue.told("system", "Chante.") == UNKNOWN
    assert [why for why in dialogue.lost if "« La voiture est bleue. »" in why]
    assert len(dialogue.lost) == 3


async def test_without_its_tools_it_promises_nothing() -> None:
    dialogue = Dialogue()
    dialogue.tools = {}
    said = await dialogue.caller("Je voudrais parler à quelqu'un.")
    assert dialogue.calls == []
    assert UNKNOWN in said


async def test_a_sentence_with_a_pause_in_it_is_one() -> None:
    dialogue = Dialogue()
    content = [{"type": "input_text", "text": "Une margherita avec supplément mozzarella"}]
    dialogue.add(type="message", role="user", content=content)
    await dialogue.caller("et une quatre fromages.")
    assert len(dialogue.cart) == 2
    assert dialogue.lost == []


async def test_a_session_that_takes_over_knows_its_conversation() -> None:
    """1 the caller ordered, 2 another session is told so, 3 it goes on in the same script."""
    dialogue = Dialogue()
    opening = "Bonjour, je voudrais deux margherita et un coca s'il vous plaît."
    await dialogue.caller(opening)
    dialogue.brain = ScriptedBrain(OF_THE_FOLDER)
    dialogue.items.clear()
    for role, text in (
        ("user", opening),
        ("assistant", "C'est noté."),
        ("system", "Dis « Excusez-moi, reprenons. »"),
    ):
        dialogue.add(type="message", role=role, content=[{"type": "input_text", "text": text}])
    said = await dialogue.told("system", "Commande en cours : ligne 1 : deux Margherita.")
    assert said.startswith("Excusez-moi, reprenons. J'ai noté deux Margherita")
    assert (await dialogue.caller("Non merci, c'est tout.")).startswith("Je récapitule")
    assert dialogue.lost == []


async def test_new_words_take_the_place_of_what_was_left_to_say(tmp_path: Path) -> None:
    text = """
conversation: a
turns:
  - heard: b
    answer: [{call: hang_up}, {say: jamais dit}]
  - heard: c
    answer: [{say: C.}]
"""
    dialogue = Dialogue(script(tmp_path, text))
    dialogue.add(type="message", role="user", content=[{"type": "input_text", "text": "b"}])
    assert [output for output in dialogue.respond().outputs if isinstance(output, Call)]
    assert await dialogue.caller("c") == "C.", "the call was cancelled before it was sent"


async def test_a_call_the_worker_did_not_make_ends_its_answer() -> None:
    """The caller spoke as the model called: what they said then is answered, and only that."""
    dialogue = Dialogue()
    dialogue.add(type="function_call", name="hang_up", arguments="{}", call_id="call_x")
    refused = {"status": "error", "error": "interrupted_by_caller"}
    dialogue.add(type="function_call_output", call_id="call_x", output=json.dumps(refused))
    assert await dialogue.caller("Stop !") == "Oui, je vous écoute."
    assert dialogue.lost == []


async def test_a_call_that_was_cut_is_not_waited_for() -> None:
    dialogue = Dialogue()
    cut = {"type": "function_call", "name": "hang_up", "call_id": "call_x", "arguments": ""}
    dialogue.add(**cut, status="in_progress")
    assert await dialogue.caller("Stop !") == "Oui, je vous écoute."


@pytest.mark.parametrize(
    "text", [silence.INVITE, silence.CHECK_IN, silence.LAST_CHECK_IN, silence.GOODBYE]
)
async def test_the_worker_s_words_about_a_silent_caller_are_known(text: str) -> None:
    dialogue = Dialogue()
    assert await dialogue.told("system", text) in text.replace("\u00a0", " ")
    assert dialogue.lost == []


def test_the_monologue_answers_anything_and_nothing() -> None:
    brain = ScriptedBrain(Scripts.monologue(4_000))
    for number in range(2):
        (output,) = brain.respond(Turn({}, (), number)).outputs
        assert isinstance(output, Say)
        assert output.audio_ms == 4_000
