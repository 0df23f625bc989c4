"""What the voice lint says of a menu's groups and of its set menus. Pure."""

from collections.abc import Iterator, Sequence

from controlplane.restaurants.menu_document import DishWords, GroupEntry, ItemEntry
from controlplane.restaurants.voice_lint.findings import Finding, Rule, error_of, warning_of


def group_findings(groups: Sequence[GroupEntry]) -> Iterator[Finding]:
    """What of a group's minimum, maximum, free choices and defaults does not go together."""
    for group in groups:
        if group.min and not group.options:
            yield error_of(
                Rule.NO_OPTION,
                group.name,
                f"Le groupe « {group.name} » demande un choix sans en proposer : aucun "
                "plat qui l'utilise ne peut être commandé. Ajoutez ses options, ou mettez son "
                "minimum à 0.",
            )
        elif group.options and not group.max:
            yield warning_of(
                Rule.NEVER_CHOSEN,
                group.name,
                f"Le groupe « {group.name} » a un maximum de 0 : aucune de ses options ne "
                "peut être choisie. Augmentez son maximum, ou retirez-le.",
            )
        if (taken := sum(option.default for option in group.options)) > group.max:
            yield error_of(
                Rule.TOO_MANY_DEFAULTS,
                group.name,
                f"Le groupe « {group.name} » a {taken} options par défaut pour {group.max} au "
                "plus : ses plats ne peuvent être commandés tels quels. Augmentez son maximum, ou "
                "retirez des options par défaut.",
            )
        if group.free and not any(option.price_delta_cents > 0 for option in group.options):
            yield warning_of(
                Rule.NOTHING_TO_GIVE,
                group.name,
                f"Le groupe « {group.name} » offre {group.free} option(s), et aucune ne coûte "
                "quoi que ce soit. Indiquez leur supplément, ou mettez « gratuits » à 0.",
            )


def set_menu_findings(
    category: str, item: ItemEntry, groups: Sequence[GroupEntry], dishes: dict[DishWords, ItemEntry]
) -> Iterator[Finding]:
    """What keeps a set menu's price from being split across the VAT rates of what is in it.

    `groups` are the item's own; `dishes` are all of the menu's, as options name them.
    """
    demanded = [group for group in groups if group.min]
    place = f"{category} › {item.name}"
    if not any(option.category for group in demanded for option in group.options):
        yield error_of(
            Rule.SET_MENU,
            place,
            f"La formule « {item.name} » ne dit pas de quels plats elle est faite : sa TVA ne peut "
            "être répartie. Donnez-lui des groupes obligatoires dont les options sont des plats "
            "de la carte.",
        )
        return
    for group in demanded:
        for option in group.options:
            dish = dishes.get(option.dish)
            if dish is None or not dish.price_cents:
                yield warning_of(
                    Rule.SET_MENU,
                    f"{group.name} › {option.name}",
                    f"« {option.name} » est dans la formule « {item.name} » et n'a pas de prix à "
                    "la carte : sa part de la TVA est inconnue. Dites de quelle catégorie est ce "
                    "plat, et son prix.",
                )
