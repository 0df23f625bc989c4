"""What people type into the cells of a menu: prices, VAT rates, yes and no, lists. Pure.

Each function raises `ValueError` with the French sentence that says what to write instead.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import time
from decimal import Decimal
from typing import Final

from controlplane.models.menu import Allergen
from controlplane.restaurants.menu_document import (
    HIGHEST_PRICE_CENTS,
    MOST_CHOICES,
    WEEK,
    WindowEntry,
)

RATES_BP: Final = frozenset({90, 105, 175, 210, 550, 850, 1_000, 1_300, 2_000})
"""Mainland: 2,1, 5,5, 10, 20 % (CGI art. 278 to 281); Corsica 0,9 and 13 % (art. 297); Guadeloupe,
Martinique and Réunion 1,05, 1,75, 2,1 and 8,5 % (art. 296)."""

_PRICE: Final = re.compile(r"([-+]?)([0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,9})(?:([.,])([0-9]*))?")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")
_SEPARATORS: Final = re.compile(r"[|;\n]")
_SHOWN_ALLERGENS: Final = {
    "gluten": Allergen.GLUTEN,
    "crustacés": Allergen.CRUSTACEANS,
    "œufs": Allergen.EGGS,
    "poissons": Allergen.FISH,
    "arachides": Allergen.PEANUTS,
    "soja": Allergen.SOYBEANS,
    "lait": Allergen.MILK,
    "fruits à coque": Allergen.NUTS,
    "céleri": Allergen.CELERY,
    "moutarde": Allergen.MUSTARD,
    "sésame": Allergen.SESAME,
    "sulfites": Allergen.SULPHITES,
    "lupin": Allergen.LUPIN,
    "mollusques": Allergen.MOLLUSCS,
}
_CLOCK: Final = r"([0-9]{1,2})(?: ?[h:] ?([0-9]{2})?)?"
_WINDOW: Final = re.compile(rf"([a-z ,-]*?)(?: de)? ?{_CLOCK} ?(?:-|–|a) ?{_CLOCK}")
_DAYS: Final = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
_EVERY_DAY: Final = frozenset({"", "tous les jours"})
_YES: Final = frozenset("oui o yes y vrai true 1 x".split())
_NO: Final = frozenset("non n no faux false 0".split())


def price_cents(text: str, *, in_cents: bool = False, may_be_negative: bool = False) -> int:
    """ "12,50 €", "12.5", "12€50", "EUR 12" and "1 250,00" in euros; a whole number in cents."""
    plain = _SPACES.sub(" ", text).strip().upper().replace("EUROS", "€").replace("EUR", "€")
    plain = re.sub(r"(?<=\d) ?€ ?(?=\d\d$)", ",", plain).replace("€", "").strip()
    found = _PRICE.fullmatch(plain)
    if found is None:
        raise ValueError(f"prix illisible (« {_quoted(text)} ») : écrivez-le en chiffres, 12,50")
    sign, whole, point, decimals = found.groups()
    if point and (len(decimals) not in (1, 2) or in_cents):
        raise ValueError("écrivez deux chiffres après la virgule, 12,50")
    cents = int(whole.replace(" ", "")) * (1 if in_cents else 100)
    cents += int((decimals or "0").ljust(2, "0"))
    cents = -cents if sign == "-" else cents
    if cents < 0 and not may_be_negative:
        raise ValueError("un prix ne peut pas être négatif")
    if abs(cents) > HIGHEST_PRICE_CENTS:
        raise ValueError("un prix ne dépasse pas 10 000 € : vérifiez la virgule")
    return cents


def vat_rate_bp(text: str) -> int:
    """Basis points of "10", "10 %", "5,5" or of a cell that Excel shows as a percentage, 0.1."""
    plain = _SPACES.sub("", text).removesuffix("%").replace(",", ".")
    if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,4})?", plain):
        rate = Decimal(plain)
        for bp in (rate * 100, rate * 10_000):
            if bp in RATES_BP:
                return int(bp)
    raise ValueError("taux de TVA inconnu : écrivez 5,5, 10 ou 20 (outre-mer : 2,1 ou 8,5)")


def yes_or_no(text: str) -> bool:
    plain = text.casefold()
    if plain in _YES or plain in _NO:
        return plain in _YES
    raise ValueError("écrivez oui ou non")


def allergens(text: str) -> tuple[Allergen, ...]:
    """The declared ones; "aucun" declares that there is none. An empty cell is unknown."""
    names = [plain_words(name) for name in listed(text.replace(",", "|"))]
    if names == ["aucun"]:
        return ()
    unknown = [name for name in names if name not in _ALLERGENS]
    if unknown:
        known = ", ".join(dict.fromkeys(_SHOWN_ALLERGENS))
        raise ValueError(f"allergène inconnu (« {_quoted(unknown[0])} ») : aucun, {known}")
    return tuple(dict.fromkeys(_ALLERGENS[name] for name in names))


def plain_words(text: str) -> str:
    """ "Fruits à coque" without capitals and accents."""
    flat = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").strip())
    return "".join(char for char in flat if not unicodedata.combining(char))


def choices(text: str) -> int:
    """A group's minimum or maximum, a dish's kitchen points."""
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text)
    raise ValueError(f"écrivez un nombre entier de 0 à {MOST_CHOICES}")


def listed(text: str) -> tuple[str, ...]:
    """ "reine | la royale" → ("reine", "la royale")."""
    parts = (" ".join(part.split()) for part in _SEPARATORS.split(text))
    return tuple(dict.fromkeys(filter(None, parts)))


def windows(text: str) -> tuple[WindowEntry, ...]:
    """ "lun-ven 11:30-14:30 | samedi de 12 h à 15 h"; without days it is every day."""
    return tuple(_window(part) for part in listed(text))


def written_windows(windows: Iterable[WindowEntry]) -> str:
    """As `windows` reads them: "lun-ven 11:30-14:30 | sam,dim 12:00-15:00"."""
    return " | ".join(map(_written, windows))


def _written(window: WindowEntry) -> str:
    days = sorted(WEEK.index(day) for day in window.days)
    run = len(days) > 2 and days[-1] - days[0] == len(days) - 1
    names = [_DAYS[day] for day in ((days[0], days[-1]) if run else days)]
    said = "" if len(days) == len(WEEK) else ("-" if run else ",").join(names)
    return f"{said} {window.opens:%H:%M}-{window.closes:%H:%M}".strip()


def _window(text: str) -> WindowEntry:
    found = _WINDOW.fullmatch(plain_words(text))
    if found is None:
        raise ValueError(f"horaire illisible (« {_quoted(text)} ») : écrivez lun-ven 11:30-14:30")
    days, *clock = found.groups()
    hour, minute, last_hour, last_minute = (int(part or 0) for part in clock)
    try:
        opens = time(hour, minute)
        closes = time(0 if (last_hour, last_minute) == (24, 0) else last_hour, last_minute)
    except ValueError:
        raise ValueError(f"cette heure n'existe pas (« {_quoted(text)} »)") from None
    return WindowEntry(days=tuple(WEEK[day] for day in _days(days)), opens=opens, closes=closes)


def _days(text: str) -> list[int]:
    """The days, 0 = Monday, of "lun-ven", "du lundi au vendredi", "sam, dim" or "sam et dim"."""
    text = text.strip()
    if text in _EVERY_DAY:
        return list(range(7))
    text = re.sub(r"^du | et ", " ", text.replace(" au ", "-")).replace(",", " ")
    text = re.sub(r" ?- ?", "-", text)
    return sorted({day for part in text.split() for day in _range(part)})


def _range(text: str) -> Iterator[int]:
    """The days from the first to the last, around the end of the week too."""
    first, _, last = text.partition("-")
    start, end = _day(first), _day(last or first)
    return ((start + ahead) % 7 for ahead in range((end - start) % 7 + 1))


def _day(text: str) -> int:
    if text[:3] not in _DAYS:
        raise ValueError(f"jour inconnu (« {_quoted(text)} ») : écrivez lun, mar, mer, jeu, ven…")
    return _DAYS.index(text[:3])


def _quoted(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"


_ALLERGENS: Final = {plain_words(name): allergen for name, allergen in _SHOWN_ALLERGENS.items()} | {
    plain_words(name).removesuffix("s"): allergen for name, allergen in _SHOWN_ALLERGENS.items()
}
"""As people type them: without accents, one or several."""
