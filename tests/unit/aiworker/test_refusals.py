"""What the caller hears of each refusal of the restaurant's rules, word for word."""

import pytest

from aiworker.tools.refusals import in_words
from controlplane.restaurants import errors
from controlplane.restaurants.errors import (
    CartEmpty,
    CartFull,
    DishSoldOut,
    KeyOfAnotherCart,
    NotANumber,
    OptionMissing,
    OptionSoldOut,
    OrderNotCommitted,
    OrderUnsettled,
    RestaurantError,
    TooManyOfOne,
    TooManyOptions,
    UnknownLine,
)
from tests.small_menu import CALZONE, DOUGH, EXTRAS

pytestmark = pytest.mark.unit

HEARD: list[tuple[RestaurantError, str, str]] = [
    (UnknownLine(3), "unknown_line", "Je ne trouve pas cette ligne dans la commande."),
    (CartEmpty(), "cart_empty", "La commande est vide."),
    (CartFull(), "too_many_lines", "La commande est trop longue pour le téléphone."),
    (
        TooManyOfOne(20),
        "quantity_too_large",
        "Je peux prendre au plus vingt exemplaires d'un plat.",
    ),
    (DishSoldOut(CALZONE), "sold_out", "Calzone n'est plus disponible."),
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


@pytest.mark.parametrize(
    ("error", "code", "spoken"), HEARD, ids=[type(error).__name__ for error, _, _ in HEARD]
)
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
