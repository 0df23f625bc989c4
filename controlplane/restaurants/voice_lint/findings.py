"""What the voice lint finds: which rule, how grave, where, and a French sentence with the fix."""

from dataclasses import dataclass
from enum import StrEnum

from controlplane.restaurants.menu_sentences import typeset


class Rule(StrEnum):
    """The rules have ids, so that a finding can be counted, linked to and tested."""

    CONFUSABLE = "confusable"
    """Two names sound alike on the telephone."""
    SHARED_NAME = "shared_name"
    """What a caller says of one dish is also said of another."""
    HOMONYM = "homonym"
    """One name stands in several categories, or twice in one."""
    UNSAYABLE = "unsayable"
    """Nobody can say this: an abbreviation, a sign."""
    NO_OPTION = "no_option"
    """A group demands a choice that it does not offer."""
    NEVER_CHOSEN = "never_chosen"
    """A group offers options and allows none."""
    TOO_MANY_DEFAULTS = "too_many_defaults"
    """A group has more options by default than it allows."""
    NOTHING_TO_GIVE = "nothing_to_give"
    """A group offers options for nothing that cost nothing."""
    SET_MENU = "set_menu"
    """The VAT of a set menu, or of a part of it, cannot be told."""
    UNKNOWN_ALLERGENS = "unknown_allergens"
    """Whoever asks what is in a dish gets no answer."""
    CATEGORY_CLOSED = "category_closed"
    """A dish has hours at which its category is not to be had."""
    PRICE_ZERO = "price_zero"
    """The dish may be had for nothing."""


class Severity(StrEnum):
    """An error makes a dish impossible to order as it is meant; a warning costs a question."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of a menu; `place` is the way to it, "Pizzas › Reine"."""

    rule: Rule
    severity: Severity
    place: str
    message: str


def error_of(rule: Rule, place: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, place=place, message=typeset(message))


def warning_of(rule: Rule, place: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, place=place, message=typeset(message))
