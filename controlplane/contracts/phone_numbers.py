"""Telephone numbers: read from people and carriers, spelt for a carrier, refused where unsafe.

Kept as E.164. A number is checked wherever it enters (allow-list, restaurant's phone) and again
when it is dialled. France's national plan is shared by territories with codes of their own: 0262…
is +262 262…, not +33 262… (ARCEP, plan national de numérotation).
"""

import re
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from controlplane.errors import AlloRestoError

FRENCH_REGIONS: Final = frozenset({"FR", "RE", "YT", "GP", "BL", "MF", "MQ", "GF", "PM"})

_OVERSEAS: Final = {
    **dict.fromkeys(("262", "263", "269", "639", "692", "693"), "262"),  # Réunion, Mayotte
    **dict.fromkeys(("590", "690", "691"), "590"),  # Guadeloupe, Saint-Martin, Saint-Barthélemy
    **dict.fromkeys(("594", "694"), "594"),  # Guyane
    **dict.fromkeys(("596", "696", "697"), "596"),  # Martinique
}
"""Country code by the three digits that follow the 0."""
_SAINT_PIERRE: Final = "508"
"""Six digits: nationally 0508 and those six."""
_FICTION: Final = "63998"
"""Mainland numbers ARCEP keeps for fiction, in the middle of Mayotte's."""

_WRITTEN: Final = re.compile(r"\+?[0-9][0-9 .\-/()\u00a0\u202f]{2,40}")
_NATIONAL: Final = re.compile(r"(?:\+33|0033|0)([1-9][0-9]{8})")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FRENCH_E164: Final = re.compile(r"\+(33|262|590|594|596|508)([0-9]+)")
_ORDINARY: Final = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
    }
)


class NumberFormat(StrEnum):
    """How a carrier wants the number it is to ring (`carrier.number_format`)."""

    PLUS = "+e164"
    ZERO_ZERO = "00e164"
    NATIONAL = "national"


class UnsafeReason(StrEnum):
    """Why a number is never dialled, as people of a restaurant read it."""

    INCOMPLETE = "ce n’est pas un numéro complet"
    FOREIGN = "il est d’un autre pays"
    PREMIUM = "les numéros en 08 sont surtaxés ou à coût partagé"
    OVERSEAS = "il est d’outre-mer : son indicatif n’est pas +33"
    NOT_ORDINARY = "ce n’est ni un fixe ni un mobile"

    @property
    def english(self) -> str:
        """As admins do."""
        return _ENGLISH[self]


_ENGLISH: Final = {
    UnsafeReason.INCOMPLETE: "it is no complete number (short, emergency)",
    UnsafeReason.FOREIGN: "it is of another country than the restaurant",
    UnsafeReason.PREMIUM: "08 numbers are premium or shared-cost",
    UnsafeReason.OVERSEAS: "it is an overseas number, whose country code is not +33",
    UnsafeReason.NOT_ORDINARY: "it is neither a fixed line nor a mobile",
}


class UnsafeNumber(AlloRestoError):
    """A number we never dial. Says why, never which."""

    def __init__(self, reason: UnsafeReason) -> None:
        super().__init__(f"numéro refusé : {reason}")
        self.reason = reason


def normalise(text: str | None, region: str = "FR") -> str | None:
    """E.164, or None for what is hidden, short, or no number. `region`: who wrote it (ISO 3166)."""
    text = (text or "").partition(";")[0].strip()
    if not _WRITTEN.fullmatch(text):
        return None
    digits = re.sub(r"[^+0-9]", "", text.replace("(0)", ""))
    if region in FRENCH_REGIONS and (national := _NATIONAL.fullmatch(digits)):
        return _french(national[1])
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    mainland = _NATIONAL.fullmatch(e164)
    return _french(mainland[1]) if mainland else e164


def dialled(e164: str, number_format: str = NumberFormat.PLUS, *, own: str | None = None) -> str:
    """As the carrier wants it. `own`: a number of the restaurant, whose country it must be of.

    Raises `UnsafeNumber`: whatever let the number in, it is not dialled.
    """
    refuse_unsafe(e164, own=own)
    match NumberFormat(number_format):
        case NumberFormat.PLUS:
            return e164
        case NumberFormat.ZERO_ZERO:
            return f"00{e164[1:]}"
        case NumberFormat.NATIONAL:
            return _nationally(e164)


def refuse_unsafe(e164: str, *, own: str | None = None) -> None:
    """Raises `UnsafeNumber` for emergency, short, premium, shared-cost and satellite numbers, and
    for another country's than `own`'s, France's when that is not given.
    """
    if not _E164.fullmatch(e164):
        raise UnsafeNumber(UnsafeReason.INCOMPLETE)
    if french := _FRENCH_E164.fullmatch(e164):
        _refuse_unsafe_french(french[1], french[2])
        if own is not None and not _FRENCH_E164.fullmatch(own):
            raise UnsafeNumber(UnsafeReason.FOREIGN)
        return
    try:
        number, home = phonenumbers.parse(e164), phonenumbers.parse(own or "")
    except phonenumbers.NumberParseException:
        raise UnsafeNumber(UnsafeReason.FOREIGN) from None
    if home.country_code != number.country_code:
        raise UnsafeNumber(UnsafeReason.FOREIGN)
    if phonenumbers.number_type(number) not in _ORDINARY:
        raise UnsafeNumber(UnsafeReason.NOT_ORDINARY)


def _refuse_unsafe_french(code: str, rest: str) -> None:
    if len(rest) != (6 if code == _SAINT_PIERRE else 9) or rest[0] == "0":
        raise UnsafeNumber(UnsafeReason.INCOMPLETE)
    if rest[0] == "8":
        raise UnsafeNumber(UnsafeReason.PREMIUM)
    if code == "33" and _country_code(rest) != "33":
        raise UnsafeNumber(UnsafeReason.OVERSEAS)
    if code in _OVERSEAS.values() and _country_code(rest) != code and rest[0] != "9":
        raise UnsafeNumber(UnsafeReason.NOT_ORDINARY)


def _french(nine: str) -> str:
    """From the nine digits after the 0."""
    if nine.startswith(_SAINT_PIERRE):
        return f"+{nine}"
    return f"+{_country_code(nine)}{nine}"


def _country_code(nine: str) -> str:
    return "33" if nine.startswith(_FICTION) else _OVERSEAS.get(nine[:3], "33")


def _nationally(e164: str) -> str:
    if e164.startswith(f"+{_SAINT_PIERRE}"):
        return f"0{e164[1:]}"
    if french := _FRENCH_E164.fullmatch(e164):
        return f"0{french[2]}"
    national = phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)
    return re.sub(r"[^0-9]", "", national)
