"""Dishes and options by the words used for them; what isn't on the menu becomes a `ToolError`."""

from collections.abc import Iterable

from aiworker.tools.menu_match import match
from aiworker.tools.tool import ToolError
from controlplane.contracts.restaurant_config import MenuItem, Option, RestaurantConfig


def find_dish(config: RestaurantConfig, name: str) -> MenuItem:
    """Raises `ToolError` with suggestions from the menu."""
    result = match(name, config.menu)
    if result.found is not None:
        return result.found
    names = [item.spoken_name or item.name for item in result.suggestions]
    spoken = "Ce plat n'est pas à la carte."
    if names:
        spoken = f"Je n'ai pas trouvé ce plat. Peut-être {' ou '.join(names)} ?"
    raise ToolError("unknown_dish", spoken, suggestions=[item.name for item in result.suggestions])


def find_options(item: MenuItem, names: Iterable[str]) -> list[Option]:
    """Raises `ToolError` with the options the dish has."""
    offered = [option for group in item.option_groups for option in group.options]
    found = []
    for name in names:
        result = match(name, offered)
        if result.found is None:
            near = result.suggestions or tuple(o for o in offered if not o.sold_out)
            raise ToolError(
                "unknown_option",
                f"Cette option n'existe pas pour {item.spoken_name or item.name}.",
                suggestions=[option.name for option in near],
            )
        found.append(result.found)
    return found
