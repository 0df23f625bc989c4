"""Every word that the site says has its English, every entry of a catalogue is said somewhere, and
French is typeset.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from webapp.typography import NARROW_NO_BREAK, NO_BREAK, typeset
from webapp.words import TRANSLATIONS, _language, gettext, ngettext, read_catalogue

pytestmark = pytest.mark.unit

SITE = TRANSLATIONS.parent
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "false", "silent": "false", "newstyle_gettext": "true"}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
}


def said() -> Iterator[str]:
    for _file, _line, message, _comments, _context in extract_from_dir(
        SITE, METHODS, OPTIONS, keywords=KEYWORDS
    ):
        yield from [message] if isinstance(message, str) else message


def translated(path: Path) -> Iterator[tuple[str, str]]:
    for each in read_catalogue(path):
        if not each.id:
            continue
        ids = each.id if isinstance(each.id, tuple) else (each.id,)
        strings = each.string if isinstance(each.string, tuple) else (each.string,)
        yield from zip(ids, strings, strict=True)


CATALOGUES = sorted((TRANSLATIONS / "en").glob("*.po"))


def test_every_word_has_its_english() -> None:
    known = {id for path in CATALOGUES for id, string in translated(path) if string}
    assert sorted(set(said()) - known) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_every_entry_is_said_and_keeps_its_places(path: Path) -> None:
    everything = set(said())
    entries = list(translated(path))
    assert sorted(id for id, _ in entries if id not in everything) == []
    assert [id for id, string in entries if id.count("%(") != string.count("%(")] == []


def test_no_word_is_translated_twice_differently() -> None:
    seen: dict[str, str] = {}
    for path in CATALOGUES:
        for id, string in translated(path):
            assert seen.setdefault(id, string) == string, id


@pytest.mark.parametrize(
    ("written", "set_"),
    [
        ("Que dira l'IA ?", f"Que dira l’IA{NO_BREAK}?"),
        ("« %(words)s »", f"«{NO_BREAK}%(words)s{NO_BREAK}»"),
        ("%(count)s appels", f"%(count)s{NO_BREAK}appels"),
        ("n° %(number)s", f"n°{NO_BREAK}%(number)s"),
        ("à 19 h 05", f"à 19{NO_BREAK}h{NO_BREAK}05"),
        ("1 312 €", f"1{NARROW_NO_BREAK}312{NO_BREAK}€"),
        ("Voir https://example.fr:8080", "Voir https://example.fr:8080"),
    ],
)
def test_french_is_typeset(written: str, set_: str) -> None:
    assert typeset(written) == set_


def test_french_counts_zero_in_the_singular_and_english_does_not() -> None:
    forms = "%(count)s appel", "%(count)s appels"
    assert ngettext(*forms, 0) == f"%(count)s{NO_BREAK}appel"
    token = _language.set("en")
    try:
        assert gettext("Aller au contenu") == "Skip to content"
        assert [ngettext(*forms, n) for n in (0, 1)] == ["%(count)s calls", "%(count)s call"]
    finally:
        _language.reset(token)
