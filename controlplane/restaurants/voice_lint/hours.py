"""What the voice lint says of the hours of dishes and of their categories. Pure."""

from collections.abc import Iterator
from typing import Final

from controlplane.restaurants.menu_document import CategoryEntry, ItemEntry, MenuDocument, Windows
from controlplane.restaurants.voice_lint.findings import Finding, Rule, error_of, warning_of

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY


def hours_findings(menu: MenuDocument) -> Iterator[Finding]:
    """A dish on sale whose own hours are not all among its category's."""
    for category in menu.categories:
        for item in category.items:
            if item.active and item.available and category.available:
                yield from _finding(category, item)


def _finding(category: CategoryEntry, item: ItemEntry) -> Iterator[Finding]:
    of_item, of_category = _minutes(item.available), _minutes(category.available)
    place = f"{category.name} › {item.name}"
    fix = f"Élargissez les horaires de « {category.name} », ou réduisez ceux du plat."
    if not of_item & of_category:
        yield error_of(
            Rule.CATEGORY_CLOSED,
            place,
            f"« {item.name} » n'est jamais disponible quand sa catégorie l'est : personne ne peut "
            f"le commander. {fix}",
        )
    elif of_item - of_category:
        yield warning_of(
            Rule.CATEGORY_CLOSED,
            place,
            f"« {item.name} » est disponible à des heures où sa catégorie ne l'est pas : l'IA le "
            f"refusera alors. {fix}",
        )


def _minutes(windows: Windows) -> set[int]:
    """The minutes of the week, from Monday 0:00, at which it may be had."""
    found: set[int] = set()
    for window in windows:
        for one in window.weekly():
            start = one.opens.hour * 60 + one.opens.minute
            long = (one.closes.hour * 60 + one.closes.minute - start - 1) % _DAY + 1
            first = one.weekday * _DAY + start
            found |= {minute % _WEEK for minute in range(first, first + long)}
    return found
