"""France's public holidays: 11 by the Code du travail (art. L3133-1), two more in Alsace-Moselle
(art. L3134-13).

Eight have a date, the others a distance from Easter: 15 lines instead of a library that knows two
hundred countries and that every worker would load.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_DATED: Final = {
    (1, 1): "jour de l’An",
    (5, 1): "fête du Travail",
    (5, 8): "victoire de 1945",
    (7, 14): "fête nationale",
    (8, 15): "Assomption",
    (11, 1): "Toussaint",
    (11, 11): "armistice de 1918",
    (12, 25): "Noël",
}
_DAYS_AFTER_EASTER: Final = {1: "lundi de Pâques", 39: "Ascension", 50: "lundi de Pentecôte"}


@lru_cache(maxsize=16)
def public_holidays(year: int, *, alsace_moselle: bool = False) -> Mapping[date, str]:
    """Name each holiday of the year by its date; where two meet, the dated one's name is kept."""
    easter = easter_sunday(year)
    days = {easter + timedelta(days=after): name for after, name in _DAYS_AFTER_EASTER.items()}
    days |= {date(year, month, day): name for (month, day), name in _DATED.items()}
    if alsace_moselle:
        days |= {easter - timedelta(days=2): "Vendredi saint", date(year, 12, 26): "Saint-Étienne"}
    return MappingProxyType(days)


def easter_sunday(year: int) -> date:
    """Compute it in the Gregorian calendar (Meeus, "Astronomical Algorithms", chapter 8)."""
    golden, (century, year_of_it) = year % 19, divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarter, single = divmod(year_of_it, 4)
    weekday = (32 + 2 * rest + 2 * quarter - moon - single) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
