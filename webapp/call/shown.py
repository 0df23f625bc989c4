"""What a call's page and its live fragments are rendered with."""

from typing import Any

from controlplane.models.membership import Role
from webapp.call.page import CallShown
from webapp.call.words import OK, kind_words, tool_of
from webapp.calls.words import ABANDONED, LOOKS
from webapp.place import Place


def shown_data(place: Place, shown: CallShown) -> dict[str, Any]:
    """Return it: the call, and the words for what is in it."""
    return {
        "call": shown,
        "look": LOOKS[shown.found.result],
        "abandoned": ABANDONED,
        "tool_of": tool_of,
        "tool_ok": OK,
        "kind_words": kind_words,
        "sees_cost": place.may(Role.MANAGER),
    }
