"""What a manager types into the kitchen's settings."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from controlplane.restaurants.auto_accept import AutoAccept
from controlplane.restaurants.dish_ages import AgeLimits
from webapp.forms import Form
from webapp.words import _

MOST_EUROS: Final = 1_000
MOST_DISHES: Final = 99
MOST_MINUTES: Final = 240


def read_auto_accept(form: Form) -> AutoAccept | None:
    """Return what is wanted; None when something is to be mended, which the form then says."""
    euros = _whole(form, "most_euros", MOST_EUROS)
    dishes = _whole(form, "most_dishes", MOST_DISHES)
    if euros is None or dishes is None:
        return None
    return AutoAccept(on=form.ticked("on"), most_cents=euros * 100, most_dishes=dishes)


def read_ages(form: Form, known: Sequence[tuple[UUID, str]]) -> dict[UUID, AgeLimits] | None:
    """Return the limits by category; None when something is to be mended."""
    ages = {}
    for id, _name in known:
        amber = _whole(form, f"amber-{id}", MOST_MINUTES)
        red = _whole(form, f"red-{id}", MOST_MINUTES)
        if amber is None or red is None:
            continue
        if red < amber:
            form.fail(f"red-{id}", _("Le rouge vient après l’orange : mettez au moins autant."))
        ages[id] = AgeLimits(amber_minutes=amber, red_minutes=red)
    return None if form.errors else ages


def _whole(form: Form, name: str, most: int) -> int | None:
    text = form.text(name)
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most:
        return int(text)
    form.fail(name, _("Écrivez un nombre entier de 1 à %(most)s.", most=most))
    return None
