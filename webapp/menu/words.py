"""What the menu's pages say of fields, values, changes and refusals."""

from collections.abc import Iterable
from typing import Final

from controlplane.menu_pictures.errors import PictureProblem, PictureUnread
from controlplane.models.menu import Allergen
from controlplane.restaurants.calendar_words import written_week
from controlplane.restaurants.errors import UnknownMenuVersion
from controlplane.restaurants.menu_document import OptionEntry, WindowEntry
from controlplane.restaurants.menu_drafts import TYPED
from controlplane.restaurants.menu_errors import (
    CategoryHasDishes,
    DishOffered,
    EntryChanged,
    MenuChangedSince,
    MenuDraftChanged,
    MenuHasErrors,
    NameTaken,
    NoMenuDraft,
    NotInMenu,
    UnreadableMenuVersion,
)
from controlplane.restaurants.menu_files.cells import written_windows
from controlplane.restaurants.menu_files.mapping import Column
from controlplane.restaurants.menu_versions import EDITED
from controlplane.restaurants.photo_file import PhotoProblem, PhotoRefused
from webapp import show
from webapp.words import N_, _, language

ALLERGENS: Final = {
    Allergen.GLUTEN: N_("gluten"),
    Allergen.CRUSTACEANS: N_("crustacés"),
    Allergen.EGGS: N_("œufs"),
    Allergen.FISH: N_("poisson"),
    Allergen.PEANUTS: N_("arachides"),
    Allergen.SOYBEANS: N_("soja"),
    Allergen.MILK: N_("lait"),
    Allergen.NUTS: N_("fruits à coque"),
    Allergen.CELERY: N_("céleri"),
    Allergen.MUSTARD: N_("moutarde"),
    Allergen.SESAME: N_("sésame"),
    Allergen.SULPHITES: N_("sulfites"),
    Allergen.LUPIN: N_("lupin"),
    Allergen.MOLLUSCS: N_("mollusques"),
}
RATES: Final = {
    1_000: N_("10 % : à consommer tout de suite"),
    550: N_("5,5 % : emballé, se garde"),
    2_000: N_("20 % : alcool"),
    210: N_("2,1 % : outre-mer"),
    850: N_("8,5 % : outre-mer, alcool"),
}
FIELDS: Final = {
    "name": N_("nom"),
    "owner": N_("catégorie"),
    "spoken_name": N_("nom parlé"),
    "aliases": N_("aussi appelé"),
    "description": N_("description"),
    "price_cents": N_("prix"),
    "price_delta_cents": N_("supplément"),
    "vat_rate_bp": N_("TVA"),
    "active": N_("en vente"),
    "allergens": N_("allergènes"),
    "alcohol": N_("boisson alcoolisée"),
    "station": N_("poste de cuisine"),
    "kitchen_points": N_("charge en cuisine"),
    "ingredients": N_("ingrédients indispensables"),
    "option_groups": N_("options"),
    "available": N_("heures"),
    "min": N_("minimum"),
    "max": N_("maximum"),
    "free": N_("choix offerts"),
    "default": N_("servi d’office"),
    "category": N_("plat de la catégorie"),
    "set_menu": N_("formule"),
    "options": N_("choix"),
}
COLUMNS: Final = {
    Column.TYPE: N_("Type de ligne (plat, option)"),
    Column.CATEGORY: N_("Catégorie"),
    Column.NAME: N_("Nom"),
    Column.SPOKEN_NAME: N_("Nom parlé"),
    Column.ALIASES: N_("Aussi appelé"),
    Column.DESCRIPTION: N_("Description"),
    Column.PRICE: N_("Prix TTC"),
    Column.VAT: N_("TVA"),
    Column.ON_SALE: N_("En vente"),
    Column.ALLERGENS: N_("Allergènes"),
    Column.ALCOHOL: N_("Boisson alcoolisée"),
    Column.STATION: N_("Poste"),
    Column.KITCHEN_POINTS: N_("Charge"),
    Column.INGREDIENTS: N_("Ingrédients indispensables"),
    Column.OPTION_GROUPS: N_("Options"),
    Column.AVAILABLE: N_("Heures"),
    Column.GROUP: N_("Groupe de l’option"),
    Column.MIN: N_("Minimum"),
    Column.MAX: N_("Maximum"),
    Column.FREE: N_("Choix offerts"),
    Column.DEFAULT: N_("Servi d’office"),
    Column.DISH_OF: N_("Plat de la catégorie"),
    Column.SET_MENU: N_("Formule (menu composé)"),
}
_PHOTO: Final = {
    PhotoProblem.TOO_LARGE: N_("Cette photo dépasse 8 Mo. Choisissez-en une plus légère."),
    PhotoProblem.TOO_MANY_PIXELS: N_(
        "Cette photo a trop de pixels. Choisissez-en une de 50 millions au plus."
    ),
    PhotoProblem.NO_PICTURE: N_(
        "Ce fichier n’est pas une photo lisible. Choisissez un fichier JPEG, PNG ou WebP."
    ),
}
_PICTURE: Final = {
    PictureProblem.AWAY: N_(
        "Le lecteur de cartes ne répond pas. Rien n’a changé : réessayez dans une minute."
    ),
    PictureProblem.REFUSED: N_(
        "Le lecteur de cartes refuse notre demande. Rien n’a changé : prévenez-nous."
    ),
    PictureProblem.UNREADABLE: N_(
        "La carte n’a pas pu être lue en entier. Essayez une page à la fois, bien éclairée."
    ),
    PictureProblem.NO_DISH: N_(
        "Aucun plat n’est lisible sur cette image. Photographiez la carte de face, sans reflet."
    ),
    PictureProblem.TOO_LARGE: N_("Ce PDF dépasse 8 Mo. Envoyez-le en plusieurs fois."),
    PictureProblem.TOO_MANY_PAGES: N_(
        "Ce PDF a plus de 12 pages. Gardez celles de la carte, et renvoyez-le."
    ),
    PictureProblem.NO_PDF: N_(
        "Ce PDF ne s’ouvre pas. Enregistrez-le à nouveau, sans mot de passe."
    ),
}
_REFUSALS: Final = {
    NoMenuDraft: N_("Il n’y a plus de brouillon : il a été publié ou abandonné entre-temps."),
    MenuDraftChanged: N_(
        "Le brouillon a changé depuis que vous l’avez ouvert. Relisez-le, puis recommencez."
    ),
    MenuChangedSince: N_(
        "La carte a changé depuis le début du brouillon. Relisez ce que la publication annulerait."
    ),
    MenuHasErrors: N_(
        "Ce menu a des plats impossibles à commander. Corrigez les points en rouge, puis publiez."
    ),
    UnreadableMenuVersion: N_(
        "Cette version est d’un ancien format et ne peut pas être reprise. La carte n’a pas changé."
    ),
    UnknownMenuVersion: N_("Il n’y a pas de version à reprendre. La carte n’a pas changé."),
    EntryChanged: N_("Quelqu’un vient de changer cette fiche. Relisez-la, puis recommencez."),
    NotInMenu: N_("Ce plat ou ce choix n’est plus sur la carte. Rien n’a changé."),
}


def sentence(error: Exception) -> str:
    """What happened, then what to do, of each error that the menu's rules raise."""
    match error:
        case PhotoRefused():
            return _(_PHOTO[error.problem])
        case PictureUnread():
            return _(_PICTURE[error.problem])
        case NameTaken():
            return _("« %(name)s » existe déjà ici. Donnez un autre nom.", name=error.name)
        case CategoryHasDishes():
            return _(
                "Cette catégorie a encore %(count)s plat(s). Déplacez-les ou retirez-les d’abord.",
                count=error.count,
            )
        case DishOffered():
            return _(
                "Ce plat est un choix de « %(groups)s ». Retirez-l’en d’abord.",
                groups=" », « ".join(error.groups),
            )
    return _(_REFUSALS[type(error)])


def field_name(field: str) -> str:
    return _(FIELDS[field])


def shown(field: str, value: object) -> str:
    """A field's value as a list of changes shows it; nothing is said to be nothing."""
    match value:
        case bool():
            return _("oui") if value else _("non")
        case int() if field.endswith("_cents"):
            return show.price(value)
        case int() if field.endswith("_bp"):
            return show.rate(value)
        case None:
            return _("non renseignés")
        case tuple() if field == "allergens":
            return allergen_list(value)
        case tuple() if field == "available":
            return hours(value) or _("toujours")
        case tuple() if field == "options":
            return ", ".join(map(_option, value))
        case tuple() | str() if not value:
            return _("aucun")
        case tuple():
            return ", ".join(map(str, value))
    return str(value)


def _option(option: OptionEntry) -> str:
    extra = option.price_delta_cents
    sign = "+" if extra > 0 else ""
    return f"{option.name} ({sign}{show.price(extra)})" if extra else option.name


def allergen_list(allergens: Iterable[Allergen] | None) -> str:
    """Only what is declared is said: « non renseignés », « aucun déclaré », or the list."""
    if allergens is None:
        return _("allergènes non renseignés")
    return ", ".join(_(ALLERGENS[each]) for each in allergens) or _("aucun allergène déclaré")


def hours(windows: Iterable[WindowEntry]) -> str:
    """In French as they are said, in English as they are typed."""
    known = tuple(windows)
    if language() == "en":
        return written_windows(known).replace(" | ", ", ")
    return written_week([each for window in known for each in window.weekly()]) if known else ""


def source(text: str) -> str:
    """Where a version came from: a file's name is left as it is."""
    if text == TYPED:
        return _("saisie sur le site")
    if text == EDITED:
        return _("modifications hors du site")
    if text.startswith("version "):
        return _("reprise de la version %(number)s", number=text.removeprefix("version "))
    return text
