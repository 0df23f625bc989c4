"""A table's rows become a menu document: dishes, and the options of their groups, a line each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from controlplane.restaurants.menu_document import (
    ALCOHOL_RATES_BP,
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
    Windows,
)
from controlplane.restaurants.menu_files import cells
from controlplane.restaurants.menu_files.mapping import Column, ColumnMapping
from controlplane.restaurants.menu_files.problems import (
    MenuFileRefused,
    Problem,
    faults_of,
    in_line,
)
from controlplane.restaurants.menu_files.rows import Row
from controlplane.restaurants.menu_words import words_of

_FORMULA: Final = ("=", "@")
"""A spreadsheet would compute a cell that begins so; nobody reads a formula to a caller."""
_DISH: Final = frozenset({"", "plat", "article", "produit"})
_OPTION: Final = "option"
_CATEGORY: Final = "categorie"
_COLUMN_OF: Final = {
    "name": Column.NAME,
    "spoken_name": Column.SPOKEN_NAME,
    "aliases": Column.ALIASES,
    "description": Column.DESCRIPTION,
    "price_cents": Column.PRICE,
    "price_delta_cents": Column.PRICE,
    "vat_rate_bp": Column.VAT,
    "active": Column.ON_SALE,
    "allergens": Column.ALLERGENS,
    "alcohol": Column.ALCOHOL,
    "station": Column.STATION,
    "kitchen_points": Column.KITCHEN_POINTS,
    "ingredients": Column.INGREDIENTS,
    "option_groups": Column.OPTION_GROUPS,
    "available": Column.AVAILABLE,
    "min": Column.MIN,
    "max": Column.MAX,
    "free": Column.FREE,
    "default": Column.DEFAULT,
    "category": Column.DISH_OF,
    "set_menu": Column.SET_MENU,
}

_WHEN_GIVEN: Final[tuple[tuple[str, Column, Callable[[str], object]], ...]] = (
    ("vat_rate_bp", Column.VAT, cells.vat_rate_bp),
    ("active", Column.ON_SALE, cells.yes_or_no),
    ("allergens", Column.ALLERGENS, cells.allergens),
    ("alcohol", Column.ALCOHOL, cells.yes_or_no),
    ("kitchen_points", Column.KITCHEN_POINTS, cells.choices),
    ("set_menu", Column.SET_MENU, cells.yes_or_no),
    ("available", Column.AVAILABLE, cells.windows),
)
"""What a dish has by default when its cell is empty."""

_LIMITS: Final = ((Column.MIN, "min"), (Column.MAX, "max"), (Column.FREE, "free"))
"""What the first line of a group says of it."""

T = TypeVar("T")
_OF_SEVERAL: Final[dict[type[object], Column]] = {
    ItemEntry: Column.VAT,
    OptionEntry: Column.NAME,
    GroupEntry: Column.MIN,
}
"""The column to look at when what is wrong is how two values go together."""
_Entry = TypeVar("_Entry", ItemEntry, OptionEntry, GroupEntry)


@dataclass
class _Group:
    """A group while its lines are read; the first line says its minimum and maximum."""

    line: int
    min: int = 0
    max: int = 1
    free: int = 0
    options: dict[object, OptionEntry] = field(default_factory=dict)


def table_document(rows: list[Row], mapping: ColumnMapping) -> MenuDocument:
    """The menu those rows describe, the first of which has the columns' names.

    Raises `MenuFileRefused` with everything that is wrong, not the first alone.
    """
    if not rows:
        raise MenuFileRefused([in_line(1, "le fichier est vide")])
    columns = _columns(rows[0], mapping)
    reading = _Reading(mapping, width=len(rows[0].cells))
    for row in rows[1:]:
        reading.read(row, columns)
    return reading.document()


def _columns(head: Row, mapping: ColumnMapping) -> dict[int, Column]:
    """Which column of ours each column of the file is, by its place."""
    known = {plain_column(column): column for column in Column}
    known |= {plain_column(name): column for column, name in mapping.columns.items()}
    ignored = set(map(plain_column, mapping.ignored))
    found: dict[int, Column] = {}
    problems: list[Problem] = []
    for at, name in enumerate(head.cells):
        column = None if plain_column(name) in ignored else known.get(plain_column(name))
        if column in found.values():
            problems.append(in_line(head.line, "cette colonne est là deux fois", column=name))
        elif column is not None:
            found[at] = column
        elif name and not {plain_column(name), "*"} & ignored:
            message = "colonne inconnue : renommez-la, supprimez-la, ou nommez-la dans « ignored »"
            problems.append(in_line(head.line, f"{message} d'une correspondance", column=name))
    given = {*found.values(), *mapping.defaults}
    for needed in (Column.CATEGORY, Column.NAME, Column.PRICE):
        if needed not in given:
            problems.append(in_line(head.line, f"il manque la colonne « {needed} »"))
    if problems:
        raise MenuFileRefused(problems)
    return found


class _Reading:
    """What has been read so far, and what was wrong with it."""

    def __init__(self, mapping: ColumnMapping, *, width: int) -> None:
        self._mapping = mapping
        self._width = width
        self._problems: list[Problem] = []
        self._items: dict[str, dict[object, tuple[int, ItemEntry]]] = {}
        self._groups: dict[str, _Group] = {}
        self._hours: dict[str, Windows] = {}

    def read(self, row: Row, columns: Mapping[int, Column]) -> None:
        """Take one line in, or note what is wrong with it."""
        if any(row.cells[self._width :]):
            message = "plus de cellules que de colonnes : mettez entre guillemets ce qui contient"
            self._problems.append(in_line(row.line, f"{message} le séparateur"))
            return
        cells_of = dict(self._mapping.defaults)
        for at, column in columns.items():
            text = row.cells[at] if at < len(row.cells) else ""
            text = self._mapping.values.get(column, {}).get(text, text)
            if text.startswith(_FORMULA):
                self._wrong(row, "une formule, ou un signe = ou @ : écrivez sa valeur", column)
                return
            if text:
                cells_of[column] = text
        kind = plain_column(cells_of.get(Column.TYPE, ""))
        if kind in _DISH:
            self._read_dish(row, cells_of)
        elif kind == _OPTION:
            self._read_option(row, cells_of)
        elif kind == _CATEGORY:
            self._read_category(row, cells_of)
        else:
            self._wrong(row, "type inconnu : écrivez plat, option ou categorie", Column.TYPE)

    def document(self) -> MenuDocument:
        """The menu, once every line was read. Raises `MenuFileRefused`."""
        for items in self._items.values():
            for line, item in items.values():
                for name in item.option_groups:
                    if name not in self._groups:
                        message = f"aucune ligne de type option n'a le groupe « {name} »"
                        self._problems.append(in_line(line, message, column="options"))
        groups = tuple(self._whole_groups())
        if not any(self._items.values()) and not self._problems:
            self._problems.append(in_line(1, "le fichier ne contient aucun plat"))
        if self._problems:
            raise MenuFileRefused(self._problems)
        document = MenuDocument(
            categories=tuple(
                CategoryEntry(
                    name=name,
                    available=self._hours.get(name, ()),
                    items=tuple(item for _, item in items.values()),
                )
                for name, items in self._items.items()
            ),
            option_groups=groups,
        )
        for group, option in document.unknown_components():
            message = f"aucun plat de « {option.category} » ne s'appelle « {option.name} »"
            line = self._groups[group.name].line
            self._problems.append(in_line(line, message, column=Column.DISH_OF))
        if self._problems:
            raise MenuFileRefused(self._problems)
        return document

    def _read_category(self, row: Row, given: Mapping[Column, str]) -> None:
        """A line that says when all of the category may be had."""
        name = self._category(row, given)
        windows = self._cell(row, given, Column.AVAILABLE, cells.windows)
        if name is None:
            return
        if name in self._hours:
            self._wrong(row, f"« {name} » a déjà une ligne de ce type", Column.CATEGORY)
        elif windows is not None:
            self._hours[name] = windows
            self._items.setdefault(name, {})

    def _read_dish(self, row: Row, given: Mapping[Column, str]) -> None:
        values: dict[str, Any] = {
            "name": _name(given.get(Column.NAME, "")),
            "spoken_name": _name(given.get(Column.SPOKEN_NAME, "")),
            "aliases": cells.listed(given.get(Column.ALIASES, "")),
            "description": " ".join(given.get(Column.DESCRIPTION, "").split()),
            "station": _name(given.get(Column.STATION, "")),
            "ingredients": cells.listed(given.get(Column.INGREDIENTS, "")),
            "option_groups": cells.listed(given.get(Column.OPTION_GROUPS, "")),
        }
        in_cents = self._mapping.prices_in_cents
        values["price_cents"] = self._cell(
            row, given, Column.PRICE, lambda text: cells.price_cents(text, in_cents=in_cents)
        )
        for name, column, parse in _WHEN_GIVEN:
            if given.get(column):
                values[name] = self._cell(row, given, column, parse)
        if values.get("alcohol"):
            values.setdefault("vat_rate_bp", ALCOHOL_RATES_BP[0])
        item = self._entry(row, ItemEntry, values)
        category = self._category(row, given)
        if category is not None and item is not None:
            same = self._items.setdefault(category, {})
            first, _ = same.setdefault(words_of(item.name, accents=True), (row.line, item))
            if first != row.line:
                message = f"« {item.name} » est déjà à la ligne {first} : gardez l'une des deux"
                self._wrong(row, message, Column.NAME)

    def _category(self, row: Row, given: Mapping[Column, str]) -> str | None:
        """The name of the line's category; None, and noted, when it is none."""
        name = _name(given.get(Column.CATEGORY, ""))
        if not name:
            self._wrong(row, "il manque la catégorie", Column.CATEGORY)
            return None
        try:
            return CategoryEntry(name=name).name
        except ValidationError as error:
            for _, message in faults_of(error):
                self._wrong(row, message, Column.CATEGORY)
            return None

    def _read_option(self, row: Row, given: Mapping[Column, str]) -> None:
        in_cents = self._mapping.prices_in_cents
        values: dict[str, Any] = {
            "name": _name(given.get(Column.NAME, "")),
            "spoken_name": _name(given.get(Column.SPOKEN_NAME, "")),
            "aliases": cells.listed(given.get(Column.ALIASES, "")),
            "category": _name(given.get(Column.DISH_OF, "")),
        }
        if given.get(Column.PRICE):
            values["price_delta_cents"] = self._cell(
                row,
                given,
                Column.PRICE,
                lambda text: cells.price_cents(text, in_cents=in_cents, may_be_negative=True),
            )
        if given.get(Column.DEFAULT):
            values["default"] = self._cell(row, given, Column.DEFAULT, cells.yes_or_no)
        option = self._entry(row, OptionEntry, values)
        group = self._group(row, given)
        if option is not None and group is not None:
            words = words_of(option.name, accents=True)
            if words in group.options:
                self._wrong(row, f"« {option.name} » est deux fois dans ce groupe", Column.NAME)
            group.options[words] = option

    def _group(self, row: Row, given: Mapping[Column, str]) -> _Group | None:
        name = _name(given.get(Column.GROUP, ""))
        if not name:
            self._wrong(row, "il manque le groupe de cette option", Column.GROUP)
            return None
        group = self._groups.setdefault(name, _Group(row.line))
        for column, limit in _LIMITS:
            if not given.get(column):
                continue
            value = self._cell(row, given, column, cells.choices)
            if group.line == row.line and value is not None:
                setattr(group, limit, value)
            elif value not in (None, getattr(group, limit)):
                message = f"le groupe « {name} » dit autre chose à la ligne {group.line}"
                self._wrong(row, message, column)
        return group

    def _whole_groups(self) -> Iterable[GroupEntry]:
        for name, group in self._groups.items():
            values = {"name": name, "min": group.min, "max": group.max, "free": group.free}
            row = Row(group.line, ())
            entry = self._entry(row, GroupEntry, values | {"options": [*group.options.values()]})
            if entry is not None:
                yield entry

    def _entry(self, row: Row, kind: type[_Entry], values: Mapping[str, Any]) -> _Entry | None:
        """None when a value is wrong; one that `_cell` has told of already is None here."""
        if None in values.values():
            return None
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            for path, message in faults_of(error):
                column = _COLUMN_OF.get(str(path[0])) if path else _OF_SEVERAL[kind]
                self._wrong(row, message, column)
            return None

    def _cell(
        self,
        row: Row,
        given: Mapping[Column, str],
        column: Column,
        parse: Callable[[str], T],
    ) -> T | None:
        """What the cell says, None when it says nothing of the kind."""
        try:
            return parse(given.get(column, ""))
        except ValueError as error:
            self._wrong(row, str(error), column)
            return None

    def _wrong(self, row: Row, message: str, column: Column | None) -> None:
        self._problems.append(in_line(row.line, message, column=column or ""))


def plain_column(text: str) -> str:
    """ "Catégorie", "categorie " and "Autres noms" as our columns are written."""
    return cells.plain_words(text).replace(" ", "_")


def _name(text: str) -> str:
    return " ".join(text.split())
