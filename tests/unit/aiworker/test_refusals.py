"""What the caller hears of each refusal of the restaurant's rules, word for word."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from aiworker.tools.refusals import in_words
from controlplane.contracts.opening import OpeningKind
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants import errors
from controlplane.restaurants.decision import Answer
from controlplane.restaurants.errors import (
    CartEmpty,
    CartFull,
    Closed,
    DishSoldOut,
    HoursUnconfirmed,
    KeyOfAnotherCart,
    NotANumber,
    NotAvailable,
    NotReplaceable,
    NotTakingOrders,
    OffMenu,
    OptionMissing,
    OptionSoldOut,
    OrderNotCommitted,
    OrdersPaused,
    OrderUnsettled,
    PriceChanged,
    RestaurantError,
    SlotFull,
    TooFewLeft,
    TooManyOfOne,
    TooManyOptions,
    UnknownLine,
)
from controlplane.restaurants.rules import next_at, no_hours_rule, pacing_rule
from tests.small_menu import CALZONE, DOUGH, EXTRAS

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Paris."""
    return datetime(2026, 11, day, hour, minute, tzinfo=PARIS)


def answer(*, opens: datetime | None, exceptional: bool = False, spoken: str = "") -> Answer:
    """Friday at 15:00, when pick-up is closed."""
    return Answer(
        kind=OpeningKind.PICKUP,
        at=at(27, 15),
        open=False,
        until=None,
        following=next_at(opens),
        rule=no_hours_rule(OpeningKind.PICKUP),
        date=date(2026, 11, 27),
        exceptional=exceptional,
        spoken=spoken,
    )


def closed(*, opens: datetime | None, exceptional: bool = False, spoken: str = "") -> Closed:
    return Closed(answer(opens=opens, exceptional=exceptional, spoken=spoken))


PACED = pacing_rule("1", most="12 commandes", slot_minutes=15)
HEARD: list[tuple[RestaurantError, str, str]] = [
    (UnknownLine(3), "unknown_line", "Je ne trouve pas cette ligne dans la commande."),
    (
        NotTakingOrders(RestaurantStatus.PAUSED),
        "not_taking_orders",
        "Le restaurant ne prend pas de commandes en ce moment.",
    ),
    (
        closed(opens=at(27, 18, 30)),
        "closed",
        "Le restaurant est fermé en ce moment. "
        "Vous pourrez commander à partir de dix-huit heures trente.",
    ),
    (
        closed(opens=at(27, 18, 30), exceptional=True, spoken="Nous sommes en travaux."),
        "closed",
        "Nous sommes en travaux. Vous pourrez commander à partir de dix-huit heures trente.",
    ),
    (
        OrdersPaused(answer(opens=at(27, 15, 30))),
        "orders_paused",
        "La cuisine ne prend plus de commandes pour le moment. "
        "Vous pourrez commander à partir de quinze heures trente.",
    ),
    (
        OrdersPaused(answer(opens=None)),
        "orders_paused",
        "La cuisine ne prend plus de commandes pour le moment.",
    ),
    (
        SlotFull(at(27, 20), rule=PACED, following=next_at(at(27, 20, 45))),
        "slot_full",
        "La cuisine ne peut plus rien promettre pour cette heure-là. La prochaine commande "
        "possible serait prête à partir de vingt heures quarante-cinq.",
    ),
    (
        NotAvailable(CALZONE, at(27, 20), rule=PACED, following=next_at(at(28, 11, 30))),
        "not_available_then",
        "À cette heure-là, nous ne servons pas Calzone. "
        "Ce sera possible à partir de demain à onze heures trente.",
    ),
    (
        SlotFull(at(27, 20), rule=PACED, following=next_at(None)),
        "slot_full",
        "La cuisine ne peut plus rien promettre pour cette heure-là.",
    ),
    (
        HoursUnconfirmed(answer(opens=at(28, 12))),
        "hours_unconfirmed",
        "Les horaires de ce jour férié restent à confirmer. "
        "Vous pourrez commander à partir de demain à midi.",
    ),
    (
        closed(opens=at(28, 11, 30)),
        "closed",
        "Le restaurant est fermé en ce moment. "
        "Vous pourrez commander à partir de demain à onze heures trente.",
    ),
    (
        closed(opens=at(30, 12), exceptional=True),
        "closed",
        "Le restaurant est exceptionnellement fermé. "
        "Vous pourrez commander à partir de lundi à midi.",
    ),
    (
        closed(opens=at(27, 12).replace(month=12, day=8)),
        "closed",
        "Le restaurant est fermé en ce moment. "
        "Vous pourrez commander à partir du mardi huit décembre à midi.",
    ),
    (closed(opens=None), "closed", "Le restaurant est fermé en ce moment."),
    (
        PriceChanged("Margherita", 1_050),
        "price_changed",
        "Le prix vient de changer : Margherita, c'est maintenant dix euros cinquante.",
    ),
    (OffMenu("Calzone"), "off_menu", "Calzone n'est plus à la carte."),
    (CartEmpty(), "cart_empty", "La commande est vide."),
    (CartFull(), "too_many_lines", "La commande est trop longue pour le téléphone."),
    (
        TooManyOfOne(20),
        "quantity_too_large",
        "Je peux prendre au plus vingt exemplaires d'un plat.",
    ),
    (DishSoldOut(CALZONE), "sold_out", "Calzone n'est plus disponible."),
    (TooFewLeft("Tiramisu", 0), "sold_out", "Tiramisu n'est plus disponible."),
    (TooFewLeft("Tiramisu", 1), "too_few_left", "Il ne reste qu'une portion de Tiramisu."),
    (TooFewLeft("Tiramisu", 3), "too_few_left", "Il ne reste que trois portions de Tiramisu."),
    (
        OptionSoldOut(DOUGH.options[2]),
        "option_sold_out",
        "sans gluten n'est plus disponible.",
    ),
    (OptionMissing(DOUGH), "option_missing", "Il faut choisir pour Pâte : fine, épaisse."),
    (
        TooManyOptions(EXTRAS),
        "too_many_options",
        "Suppléments : deux au maximum parmi mozzarella, œuf, jambon.",
    ),
    (
        NotReplaceable("preparing"),
        "too_late_to_change",
        "Cette commande ne peut plus être modifiée. Voulez-vous que je vous passe le restaurant ?",
    ),
    (NotANumber(), "invalid_phone", "Je n'ai pas bien compris le numéro de téléphone."),
    (
        OrderNotCommitted(),
        "orders_unavailable",
        "Je n'arrive pas à enregistrer la commande pour le moment. "
        "Voulez-vous que je vous passe le restaurant ?",
    ),
    (
        KeyOfAnotherCart(),
        "another_order",
        "J'ai un doute sur la commande : je préfère vous passer le restaurant.",
    ),
    (
        OrderUnsettled(),
        "order_unsettled",
        "Je n'ai pas pu vérifier que la commande est bien enregistrée : "
        "le restaurant vous rappelle pour vous le confirmer.",
    ),
    (
        OrderUnsettled(reachable=False),
        "order_unsettled",
        "Je n'ai pas pu vérifier que la commande est bien enregistrée. "
        "Je vous passe le restaurant, qui vous le confirmera.",
    ),
]


@pytest.mark.parametrize(("error", "code", "spoken"), HEARD, ids=[code for _, code, _ in HEARD])
def test_each_refusal_has_its_code_and_its_sentence(
    error: RestaurantError, code: str, spoken: str
) -> None:
    told = in_words(error).result()
    assert (told["status"], told["error"], told["spoken"]) == ("error", code, spoken)


def test_an_order_that_was_not_committed_is_offered_to_a_human() -> None:
    assert "transfer_to_human" in in_words(OrderNotCommitted()).result()["next"]


def test_a_refusal_no_tool_should_meet_promises_nothing() -> None:
    told = in_words(errors.StatusRefused("completed", "placed")).result()
    assert (told["error"], told["spoken"]) == ("not_possible", "Ce n'est pas possible.")
