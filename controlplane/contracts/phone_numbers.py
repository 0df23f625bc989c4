"""Telephone numbers: read from people and carriers, spelt for a carrier, refused where unsafe.

Kept as E.164. `normalise` is their one way in; a number to ring is checked there and again when it
is dialled. A number written nationally is read by the plan of the restaurant it reached, which is
that of the restaurant's own phone: `region_of` asks the country code of its E.164 and nothing else,
since territories that share a code share a plan (+262: Réunion, Mayotte; +590: Guadeloupe,
Saint-Martin, Saint-Barthélemy). France and its overseas territories share one plan beyond that:
0692… is +262 692… in Paris and in Saint-Denis alike, never +33 692… (ARCEP, plan national de
numérotation).
"""

import re
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from controlplane.errors import AlloRestoError

FRANCE: Final = "FR"
_FRENCH_REGIONS: Final = frozenset({FRANCE, "RE", "YT", "GP", "BL", "MF", "MQ", "GF", "PM"})

_OVERSEAS: Final = {
    **dict.fromkeys(("262", "263", "268", "269", "639", "692", "693", "7092"), "262"),
    **dict.fromkeys(("70935", "70936", "70937"), "262"),  # Mayotte, as 0269, 0639
    **dict.fromkeys(("590", "5987", "690", "691", "7090"), "590"),
    **dict.fromkeys(("594", "5988", "694", "70930", "70931", "70932", "70933"), "594"),
    **dict.fromkeys(("596", "5989", "696", "697", "7091"), "596"),
}
"""Gives the country code by the digits that follow the 0: Réunion and Mayotte, Guadeloupe and its
northern islands, Guyane, Martinique. 09 belongs to no place: it stays +33."""
_SAINT_PIERRE: Final = "508"
"""Numbers there have six digits: they are written 0508 and those six."""
_FICTION: Final = "63998"
"""ARCEP keeps these mainland numbers for fiction, in the middle of Mayotte's."""

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
    """Says how a carrier wants the number it is to ring (`carrier.number_format`)."""

    PLUS = "+e164"
    ZERO_ZERO = "00e164"
    NATIONAL = "national"


class UnsafeReason(StrEnum):
    """Says why a number is never dialled, in the words of admins and logs."""

    INCOMPLETE = "it is no complete number (short, emergency)"
    FOREIGN = "it is of another country than the restaurant"
    PREMIUM = "08 numbers are premium or shared-cost"
    OVERSEAS = "it is an overseas number, whose country code is not +33"
    NOT_ORDINARY = "it is neither a fixed line nor a mobile"
    OUR_LINE = "it is a line that we answer ourselves: the call would come back"


class UnsafeNumber(AlloRestoError):
    """Raised for a number we never dial. The message says why, never which number."""

    def __init__(self, reason: UnsafeReason) -> None:
        super().__init__(f"number refused: {reason}")
        self.reason = reason


def region_of(own: str) -> str:
    """Return the region by whose plan numbers are written around the restaurant's phone `own` (ISO
    3166).

    It is France's where `own` names no country.
    """
    try:
        code = phonenumbers.parse(own).country_code
    except phonenumbers.NumberParseException:
        code = None
    return FRANCE if code is None else str(phonenumbers.region_code_for_country_code(code))


def normalise(text: str | None, region: str) -> str | None:
    """Return E.164 for what a person or a carrier wrote; None when it is hidden, short, or no
    number.

    `region` is the restaurant's (`region_of`).
    """
    text = (text or "").partition(";")[0].strip()
    if not _WRITTEN.fullmatch(text):
        return None
    digits = re.sub(r"[^+0-9]", "", text.replace("(0)", ""))
    if region in _FRENCH_REGIONS and (national := _NATIONAL.fullmatch(digits)):
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


def is_e164(text: str) -> bool:
    """Tell whether the text is a number as tables keep it."""
    return _E164.fullmatch(text) is not None


def dialled(e164: str, number_format: str = NumberFormat.PLUS, *, own: str | None = None) -> str:
    """Return the number as the carrier wants to be told it.

    `own` is a number of the restaurant; a number of another country than its is refused. Raises
    `UnsafeNumber`: whatever let the number in, it is not dialled.
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
    """Raise `UnsafeNumber` for emergency, short, premium, shared-cost and satellite numbers, and
    for a number of another country than `own`'s (France's when `own` is not given).
    """
    if not is_e164(e164):
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
    """Return E.164 for the nine digits that follow the 0."""
    if nine.startswith(_SAINT_PIERRE):
        return f"+{nine}"
    return f"+{_country_code(nine)}{nine}"


def _country_code(nine: str) -> str:
    if nine.startswith(_FICTION):
        return "33"
    prefixes = (nine[:length] for length in (3, 4, 5))
    return next((_OVERSEAS[prefix] for prefix in prefixes if prefix in _OVERSEAS), "33")


def _nationally(e164: str) -> str:
    if e164.startswith(f"+{_SAINT_PIERRE}"):
        return f"0{e164[1:]}"
    if french := _FRENCH_E164.fullmatch(e164):
        return f"0{french[2]}"
    national = phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)
    return re.sub(r"[^0-9]", "", national)
