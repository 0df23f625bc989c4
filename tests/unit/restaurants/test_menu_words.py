"""Ways of writing one dish come to the same words, and two dishes to other words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.menu_words import words_of
from controlplane.spoken.spoken_french import number as spelt

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("4 FROMAGES", "une quatre fromages"),
        ("Coca 33cl", "coca trente-trois centilitres"),
        ("Coca 33 cl", "Coca 33cl"),
        ("Coca 1,5 L", "un coca d'un litre cinq"),
        ("Coca 1.50l", "coca un litre et demi"),
        ("Coca 1L", "coca un litre"),
        ("Ste Maxime", "la Sainte-Maxime"),
        ("St-Marcellin", "saint marcellin"),
        ("n° 12", "le numéro douze"),
        ("Menu n°1", "le menu un"),
        ("1/2 poulet", "un demi-poulet"),
        ("½ poulet", "demi poulet"),
        ("Pizza sans gluten", "la pizza sans gluten"),
        ("sans oignon", "pas d'oignons"),
        ("Royales", "royal"),
        ("L'Italienne", "italien"),
        ("ŒUF", "oeufs"),
        ("CREME BRULEE", "crème brûlée"),
        ("Le menu 97", "menu quatre-vingt-dix-sept"),
        ("Menu 71", "menu soixante et onze"),
        ("M&M’s", "M&M's"),
    ],
)
def test_ways_of_writing_one_dish(written: str, said: str) -> None:
    assert words_of(written) == words_of(said)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Coca 1 L", "Coca 1,5 L"),
        ("Coca 1,5 L", "Coca 15 cl"),
        ("Menu 20", "Menu vingt et un"),
        ("Menu A", "Menu B"),
        ("Menu A", "Menu"),
        ("Pizza", "Pizza sans gluten"),
        ("Margherita", "Margherita (Menus)"),
        ("Margherita n° 1", "Margherita n° 2"),
        ("12 nems", "Nems"),
        ("🍕", "🍔"),
        ("寿司", "ラーメン"),
    ],
)
def test_two_dishes(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


def test_accents_tell_pate_from_pates_where_they_are_written() -> None:
    assert words_of("Pâté", accents=True) != words_of("Pâtes", accents=True)
    assert words_of("Pâté") == words_of("Pâtes")


@pytest.mark.parametrize("number", range(2, 100))
def test_numbers_are_one_word_in_digits_or_not(number: int) -> None:
    assert words_of(f"Menu {spelt(number)}") == words_of(f"menu {number}") == ("menu", str(number))


@given(st.text(max_size=200))
def test_any_text_has_words(text: str) -> None:
    assert all(words_of(text, accents=True)) or not text.strip()
