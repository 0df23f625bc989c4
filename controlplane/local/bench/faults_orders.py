"""Random orders of the demo menu: what the caller says, what it makes, what the model does with it.

Each is a sentence spoken by a synthesiser and a conversation of the Realtime simulator, made anew
for every run of the benchmark of faults.
"""

import asyncio
import random
import shutil
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from aiworker.simulator.hearing import Hearing
from aiworker.simulator.script import SCRIPTS
from aiworker.simulator.voice import EspeakVoice
from controlplane.contracts.media import SAMPLE_RATE_HZ
from controlplane.local.demo.caller import CALLER_SOUNDS, speech
from controlplane.local.demo.menu import MENU, OPTION_GROUPS, Dish
from controlplane.prompts.synthesiser import synthesiser
from controlplane.spoken.spoken_french import number
from freeswitch.scripts.make_prompts import CALLER

ORDERS: Final = 12
"""This many different orders are made for a run: the simulator compares each turn with all."""
MOST_DISHES: Final = 2
MOST_OF_ONE: Final = 3
CATEGORIES: Final = ("Pizzas", "Pâtes", "Desserts")
EXTRAS: Final = next(group for group in OPTION_GROUPS if group.name == "Suppléments").choices

NOTED: Final = "C'est noté. Et avec ceci ?"
NOTED_MS: Final = 1_200
SPOKEN_MS: Final = 3_000
"""A read-back and the last words take this long, however long they are: calls are to be short."""


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One dish, in the menu's words."""

    dish: str
    quantity: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenOrder:
    """One order: its sentence, how that sounds (L16, 8 kHz), and what is to be in the kitchen."""

    sentence: str
    l16: bytes
    lines: tuple[OrderedLine, ...]
    total_cents: int


def random_orders(seed: int) -> list[SpokenOrder]:
    """Return the orders of a run. Without a synthesiser there are the two recorded ones."""
    command = synthesiser(CALLER)
    if command is None:
        return _recorded()
    dice = random.Random(seed)
    drawn = [_drawn(dice) for _ in range(ORDERS)]
    voice = EspeakVoice(command)
    return asyncio.run(_spoken(voice, drawn))


async def _spoken(
    voice: EspeakVoice, drawn: Sequence[tuple[OrderedLine, ...]]
) -> list[SpokenOrder]:
    return [
        SpokenOrder(_sentence(lines), await voice.speech(_sentence(lines)), lines, _total(lines))
        for lines in dict.fromkeys(drawn)
    ]


def _recorded() -> list[SpokenOrder]:
    """Return the orders whose recordings come with the project."""
    known = {
        "deux_margherita_un_coca": (
            OrderedLine("Margherita", 2),
            OrderedLine("Coca-Cola 33 cl", 1),
        ),
        "margherita_mozzarella_quatre_fromages": (
            OrderedLine("Margherita", 1, ("mozzarella",)),
            OrderedLine("Quatre fromages", 1),
        ),
    }
    return [
        SpokenOrder(
            (CALLER_SOUNDS / f"{name}.txt").read_text("utf-8").strip(),
            speech(name),
            lines,
            _total(lines),
        )
        for name, lines in known.items()
    ]


def _drawn(dice: random.Random) -> tuple[OrderedLine, ...]:
    pizzas = {
        dish.name for category in MENU if category.name == "Pizzas" for dish in category.dishes
    }
    dishes = dice.sample(_dishes(), dice.randint(1, MOST_DISHES))
    lines = []
    for dish in dishes:
        extra = dish.name in pizzas and dice.random() < 0.5
        options = (dice.choice(EXTRAS).name,) if extra else ()
        lines.append(OrderedLine(dish.name, dice.randint(1, MOST_OF_ONE), options))
    return tuple(lines)


def _dishes() -> list[Dish]:
    return [dish for one in MENU if one.name in CATEGORIES for dish in one.dishes]


def _sentence(lines: Sequence[OrderedLine]) -> str:
    spoken = " et ".join(_in_words(line) for line in lines)
    return f"Bonjour, je voudrais {spoken}."


def _in_words(line: OrderedLine) -> str:
    extras = {choice.name: choice.spoken for choice in EXTRAS}
    with_extras = "".join(f" avec {extras[option]}" for option in line.options)
    return f"{number(line.quantity)} {line.dish}{with_extras}"


def _total(lines: Sequence[OrderedLine]) -> int:
    """Return cents, from the menu alone: not by the rules that are under test."""
    prices = {dish.name: dish.price_cents for category in MENU for dish in category.dishes}
    extras = {choice.name: choice.delta_cents for choice in EXTRAS}
    return sum(
        line.quantity * (prices[line.dish] + sum(extras[option] for option in line.options))
        for line in lines
    )


class Conversations:
    """What the Realtime simulator needs to know of these orders, in a folder of its own."""

    def __init__(self, folder: Path, orders: Sequence[SpokenOrder]) -> None:
        self._sounds, self._scripts = folder / "sounds", folder / "scripts"
        for made in (self._sounds, self._scripts):
            made.mkdir(parents=True)
        shutil.copy(SCRIPTS / "every_call.yaml", self._scripts)
        self._write("ordering", _ordering())
        for at, order in enumerate(orders):
            _write_wave(self._sounds / f"order_{at}.wav", order.l16)
            (self._sounds / f"order_{at}.txt").write_text(order.sentence, "utf-8")
        hearing = Hearing.from_folders(self._folders)
        self.orders = [one for one in orders if hearing.recognise(one.l16).text == one.sentence]
        """Holds the orders that the simulator does not take for another."""
        for at, order in enumerate(self.orders):
            self._write(f"order_{at}", _conversation(order))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what the simulator is started with."""
        libraries = [part for folder in self._folders for part in ("--library", str(folder))]
        return (*libraries, "--scripts", str(self._scripts))

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (CALLER_SOUNDS, self._sounds)

    def _write(self, name: str, script: dict[str, Any]) -> None:
        with (self._scripts / f"{name}.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(script, file)


def _conversation(order: SpokenOrder) -> dict[str, Any]:
    calls = [
        {
            "call": "add_item",
            "with": {"dish": line.dish, "quantity": line.quantity, "options": list(line.options)},
        }
        for line in order.lines
    ]
    answer = [*calls, {"say": NOTED, "ms": NOTED_MS}]
    turn = {"heard": order.sentence, "answer": answer}
    return {"conversation": "The caller orders.", "turns": [turn]}


def _ordering() -> dict[str, Any]:
    """Return how every order goes on: read back, confirmed, placed."""
    said = {"say": "{spoken}", "ms": SPOKEN_MS}
    told = {"say": "{spoken}"}
    read_back = {"call": "read_back", "failed": [told]}
    place = {"call": "place_order", "failed": [told, read_back, said]}
    turns = [
        {"heard": "Non merci, c'est tout.", "answer": [read_back, said]},
        {"heard": "Oui, c'est bien ça.", "answer": [place, said, {"call": "hang_up"}]},
    ]
    return {"conversation": "Every order is read back.", "every_call": True, "turns": turns}


def _write_wave(file: Path, l16: bytes) -> None:
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE_HZ, len(l16) // 2, "NONE", ""))
        sound.writeframes(l16)
