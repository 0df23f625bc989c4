"""What the pages of the dining room say of a plan that is not taken, a sentence a kind of fault."""

from collections.abc import Sequence
from typing import Final

from pydantic_core import ErrorDetails

from controlplane.restaurants.dining_plan import PlannedShift
from webapp import show
from webapp.hours.words import DAY_NAMES as DAY_NAMES
from webapp.words import N_, _

SHORT_WEEKDAYS: Final = (
    N_("lun."),
    N_("mar."),
    N_("mer."),
    N_("jeu."),
    N_("ven."),
    N_("sam."),
    N_("dim."),
)


def problem(error: ErrorDetails) -> str:
    """Say what is wrong, and what to write instead."""
    given = error.get("ctx") or {}
    match error["type"]:
        case "twice":
            names = given["names"]
            return _("« %(names)s » y est deux fois : chaque nom une seule fois.", names=names)
        case "unknown_table":
            return _(
                "« %(name)s » réunit des tables qui ne sont pas en salle : %(tables)s.",
                name=given["name"],
                tables=given["tables"],
            )
        case "covers_reversed":
            return _("« %(n)s » : le minimum dépasse le maximum.", n=given["name"])
        case "shifts_overlap":
            return _("Deux services prennent des clients en même temps : décalez-en un.")
        case "greater_than_equal":
            return _("Écrivez un nombre d’au moins %(n)s.", n=given["ge"])
        case "less_than_equal":
            return _("Écrivez un nombre d’au plus %(n)s.", n=given["le"])
        case "string_too_short":
            return _("Il manque un nom.")
        case "string_too_long":
            return _("Ce nom est trop long : %(n)s lettres au plus.", n=given["max_length"])
        case "string_pattern_mismatch":
            return _("Ce nom contient un signe qui ne se lit pas.")
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return _("Écrivez un nombre entier.")
        case "time_parsing" | "time_type":
            return _("Cette heure ne se lit pas. Écrivez-la comme 19:30.")
        case "too_short":
            return _("Il en manque : %(n)s au moins.", n=given["min_length"])
        case "too_long":
            return _("Il y en a trop : %(n)s au plus.", n=given["max_length"])
    return _("Ce plan ne peut pas être enregistré ainsi.")


def seatings(shift: PlannedShift) -> str:
    """Return "de 19 h 00 à 21 h 30"."""
    first, last = (show.clock(at) for at in (shift.first_seating, shift.last_seating))
    return _("de %(first)s à %(last)s", first=first, last=last)


def days(weekdays: Sequence[int] | frozenset[int]) -> str:
    """Return "tous les jours", or the days by their short names."""
    if len(weekdays) == len(DAY_NAMES):
        return _("tous les jours")
    return ", ".join(_(SHORT_WEEKDAYS[day]) for day in sorted(weekdays))
