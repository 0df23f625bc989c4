"""What is wrong with a menu's file, by line or by path, in French; and the refusal that says so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from controlplane.restaurants.errors import Refused
from controlplane.restaurants.menu_sentences import typeset

MOST_PROBLEMS: Final = 100
"""A report that nobody reads to its end helps nobody; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change in the file. `line` counts from 1, 0 is the whole file."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place} : {self.message}" if self.place else self.message


class MenuFileRefused(Refused):
    """The file is no menu as it is: nothing of it was taken over. `problems` are in its order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = sorted(problems, key=lambda one: one.line)[:MOST_PROBLEMS]
        super().__init__(f"{len(problems)} problems in this menu file")
        self.problems = tuple(shown)
        self.left_out = len(problems) - len(shown)


def in_line(line: int, message: str, *, column: str = "") -> Problem:
    """A problem of a table's line."""
    place = f"ligne {line}" + (f", colonne « {column} »" if column else "")
    return Problem(line, typeset(place), typeset(message))


def of_file(message: str) -> Problem:
    """A problem that no line is to blame for."""
    return Problem(0, "", typeset(message))


def at_path(path: Sequence[int | str], message: str) -> Problem:
    """A problem of a JSON value: categories[0].items[2].price_cents."""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return Problem(0, place.removeprefix("."), typeset(message))


def faults_of(error: ValidationError) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Where a menu's part is not as it should be, and the sentence that says what it should be."""
    for fault in error.errors(include_url=False, include_input=False):
        yield fault["loc"], _sentence(fault["type"], fault.get("ctx", {}))


_SENTENCES: Final = {
    "missing": "valeur manquante",
    "extra_forbidden": "nom inconnu : retirez-le, ou corrigez-le",
    "string_too_short": "ne peut pas être vide",
    "string_too_long": "au plus {max_length} caractères",
    "string_type": "écrivez un texte entre guillemets",
    "int_type": "écrivez un nombre entier sans guillemets (12,50 € s'écrit 1250)",
    "greater_than_equal": "pas moins de {ge}",
    "less_than_equal": "pas plus de {le}",
    "bool_type": "écrivez true ou false",
    "bool_parsing": "écrivez true ou false",
    "tuple_type": "écrivez une liste entre crochets",
    "model_type": "écrivez un objet entre accolades",
    "time_parsing": "écrivez une heure, 11:30",
    "time_type": "écrivez une heure entre guillemets, 11:30",
    "enum": "mot inconnu : {expected}",
    "too_short": "au moins {min_length} valeur",
    "too_long": "au plus {max_length} entrées",
    "value_error": "{error}",
}


def _sentence(kind: str, context: Mapping[str, Any]) -> str:
    return _SENTENCES.get(kind, "valeur refusée").format(**context)
