"""A prompt as a French voice is to read it: prices, times and telephone numbers. Pure.

Speech engines know digits ("12" is "douze"), and stumble over how people write them: "12,50 €" is
read with its comma, "19h30" letter by letter, a telephone number as one of ten digits.
"""

import re
from typing import Final

_UNITS: Final = "zéro un deux trois quatre cinq six sept huit neuf".split()
_PHONE: Final = re.compile(r"(?<!\d)(?:\+33[\s.\-]?|0)([1-9])((?:[\s.\-]?\d{2}){4})(?!\d)")
_PRICE: Final = re.compile(r"(?<![\d,.])(\d+)(?:[,.](\d{2}))?\s?(?:€|EUR\b|euros?\b)")
_TIME: Final = re.compile(r"(?<!\d)([01]?\d|2[0-4])(?:\s?[hH]\s?|:(?=\d))([0-5]\d)?(?!\w)")
_ALL_DAY: Final = re.compile(r"(?<!\d)24\s?[hH]?\s?/\s?24(?!\d)")
_TYPOGRAPHY: Final = str.maketrans({"’": "'", "\xa0": " ", "\u202f": " ", "«": "", "»": ""})


def spoken_text(text: str) -> str:
    """Return the text with what is written in digits spelt as it is said."""
    text = _PHONE.sub(_phone, text.translate(_TYPOGRAPHY))
    text = _PRICE.sub(_price, text)
    text = _TIME.sub(_time, _ALL_DAY.sub("24 heures sur 24", text))
    return " ".join(text.split())


def _phone(number: re.Match[str]) -> str:
    """Say it in pairs: "zéro un, 99, zéro zéro, 12, 34"."""
    digits = f"0{number[1]}" + re.sub(r"\D", "", number[2])
    return ", ".join(_pair(digits[at : at + 2]) for at in range(0, len(digits), 2))


def _pair(digits: str) -> str:
    return f"zéro {_UNITS[int(digits[1])]}" if digits[0] == "0" else digits


def _price(price: re.Match[str]) -> str:
    euros, cents = int(price[1]), int(price[2] or 0)
    unit = "euro" if euros < 2 else "euros"
    return f"{euros} {unit} {cents}" if cents else f"{euros} {unit}"


def _time(time: re.Match[str]) -> str:
    hour, minute = int(time[1]), int(time[2] or 0)
    whole = {0: "minuit", 12: "midi"}.get(hour) or ("une heure" if hour == 1 else f"{hour} heures")
    return f"{whole} {minute}" if minute else whole
