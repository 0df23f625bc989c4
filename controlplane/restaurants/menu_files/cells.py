"""What people type into the cells of a menu: prices, VAT rates, yes and no, lists. Pure.

Each function raises `ValueError` with the French sentence that says what to write instead.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from controlplane.models.menu import Allergen
from controlplane.restaurants.menu_document import HIGHEST_PRICE_CENTS, MOST_CHOICES

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
    """A group's minimum or maximum."""
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text)
    raise ValueError(f"écrivez un nombre entier de 0 à {MOST_CHOICES}")


def listed(text: str) -> tuple[str, ...]:
    """ "reine | la royale" → ("reine", "la royale")."""
    parts = (" ".join(part.split()) for part in _SEPARATORS.split(text))
    return tuple(dict.fromkeys(filter(None, parts)))


def _quoted(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"


_ALLERGENS: Final = {plain_words(name): allergen for name, allergen in _SHOWN_ALLERGENS.items()} | {
    plain_words(name).removesuffix("s"): allergen for name, allergen in _SHOWN_ALLERGENS.items()
}
"""As people type them: without accents, one or several."""
