"""Which column of a file is which of ours: a small TOML file, one for each platform's export."""

import tomllib
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controlplane.restaurants.menu_files.problems import (
    MenuFileRefused,
    at_path,
    faults_of,
    of_file,
)

MOST_MAPPING_BYTES: Final = 64 * 1024


class Column(StrEnum):
    """The columns of our own tables, as docs/menu-format.md describes them."""

    TYPE = "type"
    CATEGORY = "categorie"
    NAME = "nom"
    SPOKEN_NAME = "nom_parle"
    ALIASES = "autres_noms"
    DESCRIPTION = "description"
    PRICE = "prix"
    VAT = "tva"
    ON_SALE = "en_vente"
    ALLERGENS = "allergenes"
    ALCOHOL = "alcool"
    STATION = "poste"
    KITCHEN_POINTS = "charge"
    INGREDIENTS = "ingredients"
    OPTION_GROUPS = "options"
    AVAILABLE = "disponible"
    GROUP = "groupe"
    MIN = "min"
    MAX = "max"
    FREE = "gratuits"
    DEFAULT = "par_defaut"
    DISH_OF = "plat_de"
    SET_MENU = "formule"


class ColumnMapping(BaseModel):
    """How a platform calls our columns, what it leaves out, and how it writes some values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    columns: dict[Column, str] = Field(default_factory=dict)
    """Our column → the file's."""
    defaults: dict[Column, str] = Field(default_factory=dict)
    """What an empty or missing cell of our column means."""
    values: dict[Column, dict[str, str]] = Field(default_factory=dict)
    """The file's value → ours, by our column."""
    ignored: tuple[str, ...] = ()
    """Columns of the file that are no part of a menu; "*" is all we do not know."""
    prices_in_cents: bool = False


OWN: Final = ColumnMapping()


def read_mapping(data: bytes) -> ColumnMapping:
    """Raise `MenuFileRefused`, whose problems say what to change in the TOML file."""
    if len(data) > MOST_MAPPING_BYTES:
        raise MenuFileRefused([of_file("le fichier de correspondance dépasse 64 Ko")])
    try:
        return ColumnMapping.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except ValidationError as error:
        raise MenuFileRefused([at_path(*fault) for fault in faults_of(error)]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        problem = of_file(f"le fichier de correspondance n'est pas du TOML : {error}")
        raise MenuFileRefused([problem]) from error
