"""The simulated model takes an order with the agent's real tools: whole dialogues, by the word."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from aiworker.realtime.session import instructions
from aiworker.simulator.brain import Call, Output, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.order_brain import LISTENING, NOT_UNDERSTOOD, OrderBrain
from aiworker.tools.context import ToolContext
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.toolbox import run_tool, tool_schemas
from controlplane.contracts.restaurant_config import (
    MenuItem,
    Option,
    OptionGroup,
    RestaurantConfig,
)
from controlplane.local.demo.menu import MENU, OPTION_GROUPS
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.place_order import OrderDraft, PlacedOrder

pytestmark = pytest.mark.unit


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
        opening=(),
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
    """A caller, the brain and the tools, without sound."""

    brain: OrderBrain = field(default_factory=OrderBrain)
    items: list[Item] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    responses: int = 0

    def __post_init__(self) -> None:
        self.context = ToolContext(
            call_id=uuid4(),
            config=demo_config(),
            cart=Cart.empty(),
            recap=HeardInFull(),
            place_order=placed_without_database,
        )
        self.tools = {tool["name"]: tool for tool in tool_schemas()}

    async def caller(self, text: str) -> str:
        """Say something; return all the agent says until it waits for an answer."""
        return await self.told("user", text)

    async def told(self, role: str, text: str) -> str:
        self.add(type="message", role=role, content=[{"type": "input_text", "text": text}])
        said: list[str] = []
        while calls := self.respond(said):
            for call in calls:
                await self._run(call)
        return " ".join(said)

    def respond(self, said: list[str]) -> list[Call]:
        outputs = self.brain.respond(
            Turn(
                instructions=instructions(self.context.config),
                tools=self.tools,
                items=self.items,
                number=self.responses,
            )
        )
        self.responses += 1
        said += [output.text for output in outputs if isinstance(output, Say)]
        return [output for output in outputs if isinstance(output, Call)]

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


async def test_an_order_from_the_first_dish_to_the_goodbye() -> None:
    dialogue = Dialogue()
    said = await dialogue.caller("Bonjour, je voudrais deux margherita et un coca s'il vous plaît.")
    assert dialogue.cart == [(2, "Margherita", []), (1, "Coca-Cola 33 cl", [])]
    assert said.count("Total") == 1
    assert said.endswith("Et avec ceci ?")
    said = await dialogue.caller("Non merci, c'est tout.")
    assert said.startswith("Je récapitule : deux")
    said = await dialogue.caller("Oui, c'est bien ça.")
    assert "commande numéro douze est enregistrée" in said
    assert [name for name, _ in dialogue.calls][-3:] == ["read_back", "place_order", "hang_up"]


async def test_an_interruption_of_the_recap_adds_and_reads_back_again() -> None:
    dialogue = Dialogue()
    await dialogue.caller("Une margherita avec supplément mozzarella et une quatre fromages.")
    assert dialogue.cart == [(1, "Margherita", ["mozzarella"]), (1, "Quatre fromages", [])]
    await dialogue.caller("Non merci, c'est tout.")
    said = await dialogue.caller("Non attendez, finalement un coca en plus.")
    assert said.startswith("Je récapitule")
    assert "coca" in said.casefold()
    await dialogue.caller("Au nom de Martin.")
    assert ("place_order", {"customer_name": "Martin"}) in dialogue.calls
    assert dialogue.context.placed


@pytest.mark.parametrize(
    ("change", "cart"),
    [
        ("Enlevez le coca.", [(2, "Margherita", [])]),
        ("Finalement trois margherita", [(3, "Margherita", []), (1, "Coca-Cola 33 cl", [])]),
        ("Finalement trois.", [(2, "Margherita", []), (3, "Coca-Cola 33 cl", [])]),
        ("Enlevez une margherita", [(1, "Margherita", []), (1, "Coca-Cola 33 cl", [])]),
        (
            "La margherita avec pâte fine et olives",
            [(2, "Margherita", ["fine", "olives"]), (1, "Coca-Cola 33 cl", [])],
        ),
        (
            "Plutôt une reine à la place de la margherita",
            [(2, "Reine", []), (1, "Coca-Cola 33 cl", [])],
        ),
        ("Encore un tiramisu", [
            (2, "Margherita", []), (1, "Coca-Cola 33 cl", []), (1, "Tiramisu", []),
        ]),
        ("Ajoutez une margherita aussi", [(3, "Margherita", []), (1, "Coca-Cola 33 cl", [])]),
    ],
)  # fmt: skip
async def test_a_change_of_mind(change: str, cart: list[tuple[int, str, list[str]]]) -> None:
    dialogue = Dialogue()
    await dialogue.caller("deux margherita et un coca")
    await dialogue.caller(change)
    assert dialogue.cart == cart


@pytest.mark.parametrize(
    ("words", "cart"),
    [
        ("une demi-douzaine de reines", [(6, "Reine", [])]),
        ("deux quatre fromages", [(2, "Quatre fromages", [])]),
        ("une grande calzone avec œuf", [(1, "Calzone", ["grande", "œuf"])]),
        ("une margarita, un tiramisou", [(1, "Margherita", []), (1, "Tiramisu", [])]),
        ("Je vais prendre une carbonara", [(1, "Spaghetti carbonara", [])]),
        ("dix-sept végétariennes", [(17, "Végétarienne", [])]),
        ("un coca zéro et une chèvre-miel", [
            (1, "Coca-Cola Zéro 33 cl", []), (1, "Chèvre miel", []),
        ]),
        ("une reine pâte fine supplément jambon et olives", [
            (1, "Reine", ["fine", "jambon", "olives"]),
        ]),
    ],
)  # fmt: skip
async def test_how_callers_say_dishes(words: str, cart: list[tuple[int, str, list[str]]]) -> None:
    dialogue = Dialogue()
    await dialogue.caller(words)
    assert dialogue.cart == cart


async def test_a_word_of_several_dishes_is_left_to_the_tool() -> None:
    dialogue = Dialogue()
    await dialogue.caller("un coca et un coca zéro")
    assert dialogue.calls == [
        ("add_item", {"dish": "coca", "quantity": 1}),
        ("add_item", {"dish": "Coca-Cola Zéro 33 cl", "quantity": 1}),
    ]


async def test_a_dish_that_is_not_on_the_menu_is_refused_in_the_tool_s_words() -> None:
    dialogue = Dialogue()
    said = await dialogue.caller("je voudrais deux hamburgers")
    assert dialogue.calls == [("add_item", {"dish": "hamburgers", "quantity": 2})]
    assert "pas à la carte" in said
    assert dialogue.cart == []


async def test_the_menu_is_looked_up_never_recited() -> None:
    dialogue = Dialogue()
    said = await dialogue.caller("Qu'est-ce que vous avez comme pizzas ?")
    assert dialogue.calls == [("look_up_menu", {"query": "Pizzas"})]
    assert "neuf euros cinquante" in said
    await dialogue.caller("C'est combien la calzone ?")
    assert dialogue.calls[-1] == ("look_up_menu", {"query": "Calzone"})


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("Je voudrais parler à quelqu'un.", ("transfer_to_human", {"reason": "asked"})),
        ("Je suis allergique aux noix", ("transfer_to_human", {"reason": "allergy"})),
        ("Merci, au revoir", ("hang_up", {})),
    ],
)
async def test_ways_out_of_the_call(words: str, call: tuple[str, dict[str, Any]]) -> None:
    dialogue = Dialogue()
    await dialogue.caller(words)
    assert dialogue.calls == [call]


async def test_what_it_did_not_understand_it_asks_again() -> None:
    dialogue = Dialogue()
    assert await dialogue.caller("") == NOT_UNDERSTOOD
    assert await dialogue.caller("la voiture est bleue") == NOT_UNDERSTOOD
    assert await dialogue.caller("Stop !") == LISTENING
    assert dialogue.calls == []


async def test_it_says_what_a_system_message_quotes() -> None:
    dialogue = Dialogue()
    said = await dialogue.told("system", "Demande-lui : « Vous êtes toujours là ? »")
    assert said == "Vous êtes toujours là ?"


async def test_a_resumed_call_goes_on_with_its_cart() -> None:
    dialogue = Dialogue()
    await dialogue.caller("deux margherita pâte fine")
    dialogue.brain = OrderBrain()
    dialogue.items.clear()
    lines = " ; ".join(
        f"ligne {line.line} : {spoken_line(line)}" for line in dialogue.context.cart.lines
    )
    dialogue.add(
        type="message",
        role="system",
        content=[{"type": "input_text", "text": "Dis « Excusez-moi, reprenons. »"}],
    )
    said = await dialogue.told("system", f"Commande en cours, pas encore passée : {lines}.")
    assert said.startswith("Excusez-moi, reprenons. J'ai noté : 2 Margherita")
    assert dialogue.cart == [(2, "Margherita", ["fine"])]
    assert (await dialogue.caller("c'est tout")).startswith("Je récapitule")


async def test_a_call_that_arrived_broken_is_made_again() -> None:
    dialogue = Dialogue()
    said: list[str] = []
    dialogue.add(type="message", role="user", content=[{"type": "input_text", "text": "une reine"}])
    (call,) = dialogue.respond(said)
    dialogue.add(type="function_call", name=call.name, arguments='{"dish', call_id="call_1")
    broken = await run_tool(dialogue.context, call.name, '{"dish')
    dialogue.add(type="function_call_output", call_id="call_1", output=json.dumps(broken))
    assert dialogue.respond(said) == [call]


async def test_without_its_tools_it_promises_nothing() -> None:
    dialogue = Dialogue()
    dialogue.tools = {}
    said = await dialogue.caller("deux margherita")
    assert dialogue.calls == []
    assert "je ne peux pas" in said


def test_the_same_conversation_has_the_same_answers() -> None:
    def answers() -> list[list[Output]]:
        brain, items, found = OrderBrain(), list[Item](), list[list[Output]]()
        for number, text in enumerate(["deux margherita", "c'est tout", "oui"]):
            content = [{"type": "input_text", "text": text}]
            data = {"id": str(number), "type": "message", "role": "user", "content": content}
            items.append(Item(data))
            turn = Turn(instructions(demo_config()), {"add_item": {}}, items, number)
            found.append(brain.respond(turn))
        return found

    assert answers() == answers()
