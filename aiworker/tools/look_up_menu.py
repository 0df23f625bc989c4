"""Tool: what is on the menu, at what price, with which options."""

from pydantic import Field

from aiworker.tools.context import ToolContext
from aiworker.tools.find_dish import find_dish, match_dish
from aiworker.tools.tool import Arguments, Result, Tool
from controlplane.contracts.restaurant_config import MenuItem, RestaurantConfig
from controlplane.restaurants.availability import availability_words
from controlplane.restaurants.menu_words import words_of
from controlplane.spoken.spoken_french import price

_SHOWN = 12
"""A result is read by a model that speaks: more dishes than this is a menu read aloud."""


class LookUpMenu(Arguments):
    query: str = Field(
        default="", description="Plat ou catégorie, avec les mots de l'appelant ; vide : tout."
    )


async def look_up_menu(context: ToolContext, arguments: LookUpMenu) -> Result:
    """Dishes of the category named, else those of that name. Raises `ToolError`."""
    dishes = _dishes(context.config, arguments.query)
    shown = [item for item in dishes if not item.sold_out][:_SHOWN] or dishes[:_SHOWN]
    spoken = ", ".join(
        f"{item.spoken_name or item.name} à {price(item.price_cents)}" for item in shown
    )
    return {
        "status": "ok",
        "items": [_described(item, detailed=len(shown) == 1) for item in shown],
        "spoken": f"{spoken}.",
    }


def _dishes(config: RestaurantConfig, query: str) -> list[MenuItem]:
    if not query.strip():
        return list(config.menu)
    wanted = set(words_of(query))
    in_category = [item for item in config.menu if wanted <= set(words_of(item.category))]
    if in_category:
        return in_category
    result = match_dish(config, query)
    several = result.called_so and result.suggestions
    return list(several) if several else [find_dish(config, query)]


def _described(item: MenuItem, *, detailed: bool) -> Result:
    told: Result = {"name": item.name, "price_cents": item.price_cents, "sold_out": item.sold_out}
    if hours := availability_words(item):
        told["available"] = hours
    if detailed:
        told["description"] = item.description
        told["options"] = [
            {
                "group": group.name,
                "min": group.min_select,
                "max": group.max_select,
                "free": group.free_count,
                "choices": [
                    {
                        "name": option.name,
                        "price_delta_cents": option.price_delta_cents,
                        "default": option.by_default,
                    }
                    for option in group.options
                    if not option.sold_out
                ],
            }
            for group in item.option_groups
        ]
    return told


TOOL = Tool(
    name="look_up_menu",
    description="Cherche un plat ou une catégorie de la carte : prix, composition, options.",
    arguments=LookUpMenu,
    run=look_up_menu,
)
