"""Prices, times and telephone numbers are written out as a voice is to say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.prompts.spoken_text import spoken_text

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Menu à 12,50\xa0€ le midi", "Menu à 12 euros 50 le midi"),
        ("Le café est à 1 €.", "Le café est à 1 euro."),
        ("9.90 euros, ou 12€", "9 euros 90, ou 12 euros"),
        ("Ouvert de 11h30 à 14h et de 19 h à 24h.", "Ouvert de 11 heures 30 à 14 heures"
         " et de 19 heures à 24 heures."),
        ("À 12h, à 1h15, à 18:05.", "À midi, à une heure 15, à 18 heures 5."),
        ("Fermé du 2 au 12 : bonnes vacances", "Fermé du 2 au 12 : bonnes vacances"),
        ("Réponse sous 24h, 24h/24.", "Réponse sous 24 heures, 24 heures sur 24."),
        ("Appelez le 01 99 00 12 04 !", "Appelez le zéro un, 99, zéro zéro, 12, zéro quatre !"),
        ("+33199001234", "zéro un, 99, zéro zéro, 12, 34"),
        ("+33 1.99.00.12.34.", "zéro un, 99, zéro zéro, 12, 34."),
        ("« L’Ardoise »\u202f: bonjour", "L'Ardoise : bonjour"),
        ("Depuis 1987, 12 rue Hoche, 3h de parking", "Depuis 1987, 12 rue Hoche, 3 heures de"
         " parking"),
    ],
)  # fmt: skip
def test_as_it_is_said(written: str, said: str) -> None:
    assert spoken_text(written) == said


@given(st.text(max_size=60))
def test_any_text_can_be_said(text: str) -> None:
    said = spoken_text(text)
    assert said == " ".join(said.split())
