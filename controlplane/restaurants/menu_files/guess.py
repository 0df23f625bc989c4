"""Which of our columns a file's most likely are, by what exports and restaurateurs call them. Pure.

Somebody looks at the guess before anything is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from controlplane.restaurants.menu_files.mapping import Column, ColumnMapping
from controlplane.restaurants.menu_files.table import plain_column

_ALSO: Final[Mapping[Column, str]] = {
    Column.CATEGORY: "category categories rubrique section famille groupe_de_produits",
    Column.NAME: "name title titre libelle designation produit article plat item",
    Column.SPOKEN_NAME: "spoken_name",
    Column.ALIASES: "aliases alias synonymes",
    Column.DESCRIPTION: "details composition",
    Column.PRICE: "price tarif prix_ttc prix_vente prix_de_vente pvttc montant",
    Column.VAT: "vat taux_tva taux_de_tva tax tax_rate",
    Column.ON_SALE: "active actif disponible_a_la_vente available",
    Column.ALLERGENS: "allergen allergene allergens",
    Column.ALCOHOL: "alcohol",
    Column.STATION: "station atelier imprimante",
    Column.INGREDIENTS: "ingredient",
    Column.OPTION_GROUPS: "option_groups modifiers modifier_groups",
    Column.TYPE: "kind",
    Column.GROUP: "group modifier_group groupe_d'options",
}
_KNOWN: Final = {plain_column(column): column for column in Column} | {
    name: column for column, names in _ALSO.items() for name in names.split()
}


def guess_columns(names: Sequence[str]) -> list[Column | None]:
    """One of ours for each of the file's, each of ours once; None of what no menu has."""
    found: list[Column | None] = []
    for name in names:
        column = _KNOWN.get(plain_column(name))
        found.append(None if column in found else column)
    return found


def mapping_of(
    names: Sequence[str],
    columns: Sequence[Column | None],
    *,
    category: str = "",
    prices_in_cents: bool = False,
) -> ColumnMapping:
    """What somebody chose: the file's columns, ours for each, and the category where none is named.

    A column of the file that is none of ours is left out.
    """
    chosen = dict(zip(names, columns, strict=True))
    return ColumnMapping(
        columns={column: name for name, column in chosen.items() if column is not None},
        ignored=tuple(name for name, column in chosen.items() if column is None),
        defaults={Column.CATEGORY: category} if category else {},
        prices_in_cents=prices_in_cents,
    )
