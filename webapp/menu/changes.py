"""What differs between two menus, in the visitor's language."""

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.restaurants.menu_changes import Change, ChangeKind, Detail
from webapp import show
from webapp.menu.words import field_name, shown
from webapp.words import _


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One line of a list of changes; "" where there is nothing before, or nothing after."""

    name: str
    about: str
    before: str
    after: str


def shown_changes(changes: Iterable[Change]) -> list[ShownChange]:
    """A line for each field that differs, for each entry that is new or gone."""
    return [line for change in changes for line in _lines(change)]


def _lines(change: Change) -> Iterable[ShownChange]:
    match change.kind:
        case ChangeKind.ADDED:
            price = change.price_cents
            after = _("ajouté") if price is None else show.price(price)
            yield ShownChange(change.name, _about(_("nouveau"), change.owner), "", after)
        case ChangeKind.REMOVED:
            yield ShownChange(change.name, _about(_("retiré"), change.owner), _("retiré"), "")
        case ChangeKind.CHANGED:
            for detail in change.details:
                yield _changed(change.name, detail)


def _changed(name: str, detail: Detail) -> ShownChange:
    before, after = shown(detail.field, detail.before), shown(detail.field, detail.after)
    return ShownChange(name, field_name(detail.field), before, after)


def _about(what: str, owner: str) -> str:
    return f"{what}, {owner}" if owner else what
