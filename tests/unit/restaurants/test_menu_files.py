"""A menu's file is read whole or refused, with what to change on which line, in bounded time."""

import io
import json
import time
import zipfile
from contextlib import suppress
from datetime import date

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.menu_document import ItemEntry, MenuDocument
from controlplane.restaurants.menu_files.cells import price_cents, vat_rate_bp
from controlplane.restaurants.menu_files.mapping import OWN, ColumnMapping, read_mapping
from controlplane.restaurants.menu_files.problems import MOST_PROBLEMS, MenuFileRefused
from controlplane.restaurants.menu_files.read_file import read_menu_file

pytestmark = pytest.mark.unit

HEAD = "type;catégorie;nom;autres_noms;prix;tva;options;groupe;min;max"
FULL = f"""{HEAD}
plat;Pizzas;Reine;regina | la royale;12,50 €;10;Pâte;;;
plat;Pizzas;Margherita;;9.5;;Pâte;;;
plat;Vins;Chianti 75 cl;;18;20 %;;;;
option;;fine;;;;;Pâte;1;1
option;;épaisse;mince;-0,50;;;Pâte;;
"""


def read(text: str, mapping: ColumnMapping = OWN) -> MenuDocument:
    return read_menu_file(text.encode(), mapping=mapping)


def problems(data: str | bytes, mapping: ColumnMapping = OWN) -> list[str]:
    """What is told, with plain spaces."""
    with pytest.raises(MenuFileRefused) as refused:
        read_menu_file(data.encode() if isinstance(data, str) else data, mapping=mapping)
    return [str(one).replace("\N{NO-BREAK SPACE}", " ") for one in refused.value.problems]


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def dishes(document: MenuDocument) -> list[tuple[str, str, int, int]]:
    return [
        (category, item.name, item.price_cents, item.vat_rate_bp)
        for category, item in document.placed_items()
    ]


FULL_DISHES = [
    ("Pizzas", "Reine", 1_250, 1_000),
    ("Pizzas", "Margherita", 950, 1_000),
    ("Vins", "Chianti 75 cl", 1_800, 2_000),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_is_read_however_it_was_saved(encoding: str, separator: str) -> None:
    document = read_menu_file(FULL.replace(";", separator).encode(encoding))
    assert dishes(document) == FULL_DISHES
    [dough] = document.option_groups
    assert (dough.name, dough.min, dough.max) == ("Pâte", 1, 1)
    assert [(o.name, o.price_delta_cents) for o in dough.options] == [("fine", 0), ("épaisse", -50)]
    assert document.categories[0].items[0].aliases == ("regina", "la royale")


def test_a_workbook_says_the_same_as_its_csv() -> None:
    rows = [tuple(line.split(";")) for line in FULL.splitlines()]
    assert read_menu_file(workbook(*rows)) == read(FULL)
    numbers = workbook(("categorie", "nom", "prix", "tva"), ("Menus", "Midi", 14.9, 0.055))
    assert dishes(read_menu_file(numbers)) == [("Menus", "Midi", 1_490, 550)]


def test_a_category_has_its_hours_on_a_line_of_its_own() -> None:
    """And a dish in its own line; the category stays where it is named first."""
    document = read(
        "type;categorie;nom;prix;disponible\n"
        "categorie;Formules;;;lun-ven 11:30-14:30\n"
        "plat;Pizzas;Reine;12;\n"
        "plat;Formules;Midi;14;12:00-14:00 | sam 12-15\n"
    )
    assert [category.name for category in document.categories] == ["Formules", "Pizzas"]
    assert str(document.categories[0].available[0]).startswith("du lundi au vendredi")
    assert len(document.categories[0].items[0].available) == 2
    assert read_menu_file(document.model_dump_json().encode()) == document
    twice = (
        "type;categorie;nom;prix;disponible\ncategorie;A;;;midi\ncategorie;A;;;8-9\ncategorie;A;;;"
    )
    told = problems(f"{twice}\nplat;B;C;1;")
    assert [problem.split(" : ")[0] for problem in told] == [
        "ligne 2, colonne « disponible »",
        "ligne 4, colonne « categorie »",
    ]


def test_set_menus_free_choices_and_defaults_are_read_from_a_table() -> None:
    table = (
        "type;categorie;nom;prix;formule;options;groupe;min;max;gratuits;par_defaut;plat_de\n"
        "plat;Formules;Midi;14;oui;Dessert | Sauces;;;;;;\n"
        "plat;Desserts;Tarte;6;;;;;;;;\n"
        "option;;tarte;;;;Dessert;1;1;;oui;desserts\n"
        "option;;blanche;0,50;;;Sauces;0;3;2;;\n"
    )
    document = read(table)
    assert document.categories[0].items[0].set_menu
    dessert, sauces = document.option_groups
    assert (dessert.options[0].category, dessert.options[0].default) == ("desserts", True)
    assert (sauces.max, sauces.free) == (3, 2)
    assert read_menu_file(document.model_dump_json().encode()) == document
    assert problems(table.replace(";desserts", ";vins").replace("3;2", "3;4")) == [
        "ligne 5, colonne « min » : le nombre d'options gratuites dépasse le maximum"
    ]
    assert problems(table.replace(";desserts", ";vins")) == [
        "ligne 4, colonne « plat_de » : aucun plat de « vins » ne s'appelle « tarte »"
    ]
    unknown = document.model_dump_json().replace("desserts", "vins").encode()
    assert problems(unknown) == [
        "option_groups[0].options[0].category : aucun plat de « vins » ne s'appelle « tarte »"
    ]


def test_a_document_of_our_own_comes_back_as_it_was() -> None:
    document = read(FULL)
    assert read_menu_file(document.model_dump_json().encode()) == document


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("12,50 €", 1_250),
        ("12.5", 1_250),
        ("12", 1_200),
        ("€ 12,05", 1_205),
        ("12€50", 1_250),
        ("12 euros", 1_200),
        ("1 250,00", 125_000),
        ("0", 0),
        ("+1,50", 150),
    ],
)
def test_prices_as_people_write_them(written: str, cents: int) -> None:
    assert price_cents(written) == cents


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("-3", "négatif"),
        ("gratuit", "« gratuit »"),
        ("", "prix illisible"),
        ("12,505", "deux chiffres"),
        ("1.250,00", "prix illisible"),
        ("12,50-14", "prix illisible"),
        ("999999", "vérifiez la virgule"),
        ("1e3", "prix illisible"),
        ("٣", "prix illisible"),
        ("9" * 3_000, "prix illisible"),
    ],
)
def test_what_is_no_price_is_told(written: str, told: str) -> None:
    [said] = problems(f"categorie;nom;prix\nPizzas;Reine;{written}")
    assert said.startswith("ligne 2, colonne « prix » : ")
    assert told in said


@given(st.integers(min_value=0, max_value=1_000_000))
def test_every_price_is_read_as_it_is_shown(cents: int) -> None:
    assert price_cents(f"{cents // 100},{cents % 100:02d} €") == cents
    assert price_cents(str(cents), in_cents=True) == cents


@given(st.text(alphabet="0123456789 ,.€-+eurEUR%x\u00a0\n", max_size=12))
def test_any_text_is_a_price_or_a_told_problem(text: str) -> None:
    for parse in (price_cents, vat_rate_bp):
        with suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("written", "bp"), [("5,5", 550), ("10 %", 1_000), ("20", 2_000), ("0.1", 1_000), ("0,9", 90)]
)
def test_vat_rates(written: str, bp: int) -> None:
    assert vat_rate_bp(written) == bp


@pytest.mark.parametrize("written", ["12", "abc", "-10", "1000"])
def test_a_vat_rate_nobody_has_is_told(written: str) -> None:
    [told] = problems(f"categorie;nom;prix;tva\nPizzas;Reine;12;{written}")
    assert told.startswith("ligne 2, colonne « tva » : taux de TVA inconnu")


def test_every_line_that_is_wrong_is_told_of_at_once() -> None:
    told = problems(
        f"{HEAD}\n"
        "plat;Pizzas;Reine;;gratuit;;;;;\n"
        "plat;;Calzone;;10;;;;;\n"
        "plat;Pizzas;;;10;;;;;\n"
        "plat;Pizzas;Royale;;10;;Sauces;;;\n"
        "plat;Pizzas;Napoli;;10;;;;;\n"
        "plat;Pizzas;NAPOLI;;11;;;;;\n"
        "plat;Pizzas;=1+1;;10;;;;;\n"
        "plat;Pizzas;Ni\x00ce;;10;;;;;\n"
        "boisson;Pizzas;Eau;;10;;;;;\n"
        "plat;Pizzas;Sicilienne;;12,50;10;;;;;reste\n"
        "option;;fine;;;;;;;\n"
        "option;;fine;;;;;Pâte;2;1\n"
    )
    assert [line.partition(" : ")[0] for line in told] == [
        "ligne 2, colonne « prix »",
        "ligne 3, colonne « categorie »",
        "ligne 4, colonne « nom »",
        "ligne 5, colonne « options »",
        "ligne 7, colonne « nom »",
        "ligne 8, colonne « nom »",
        "ligne 9, colonne « nom »",
        "ligne 10, colonne « type »",
        "ligne 11",
        "ligne 12, colonne « groupe »",
        "ligne 13, colonne « min »",
    ]
    assert "déjà à la ligne 6" in told[4]
    assert "formule" in told[5]


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        ("", None),
        ("aucun", ()),
        ("Gluten, lait, œufs", ("gluten", "milk", "eggs")),
        ("fruits à coque | poisson", ("nuts", "fish")),
    ],
)
def test_allergens_are_declared_or_unknown(written: str, declared: tuple[str, ...] | None) -> None:
    table = f"categorie;nom;prix;allergenes\nPizzas;Reine;12;{written}"
    assert read(table).categories[0].items[0].allergens == declared


def test_an_allergen_nobody_declares_is_told() -> None:
    [told] = problems("categorie;nom;prix;allergenes\nPizzas;Reine;12;lait, fraise")
    assert told.startswith("ligne 2, colonne « allergenes » : allergène inconnu (« fraise »)")


def test_alcohol_is_at_its_own_rate() -> None:
    head = "categorie;nom;prix;alcool;tva\nVins;Chianti;18;oui;"
    assert read(head).categories[0].items[0].vat_rate_bp == 2_000
    [told] = problems(head + "10")
    assert told.startswith("ligne 2, colonne « tva » : l'alcool est toujours à 20 % de TVA")


def test_a_price_cut_by_its_own_comma_is_told() -> None:
    [told] = problems("categorie,nom,prix\nPizzas,Reine,12,50\n")
    assert told.startswith("ligne 2 : plus de cellules que de colonnes")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "ligne 1 : le fichier est vide"),
        (b"\n\n;;\n", "ligne 1 : le fichier est vide"),
        (b"categorie;nom\nPizzas;Reine", "il manque la colonne « prix »"),
        (b"categorie;nom;prix;prix\n", "deux fois"),
        (b"categorie;nom;prix;Calories\n", "« Calories » : colonne inconnue"),
        (b"categorie;nom;prix\n", "aucun plat"),
        (b'categorie;nom;prix\nPizzas;"Reine;12\n', "ligne 2 : un guillemet"),
        ("categorie;nom;prix\nPizzas;Épi;1\n".encode() + b"Vins;Ros\xe9;2\n", "ligne 3 : accents"),
        (b"categorie;nom;prix\nPizzas;R\x81ine;1\n", "ligne 2 : accents illisibles"),
        ("categorie;nom;prix\nPizzas;PÃ¢té;1\n".encode(), "ligne 2, colonne « nom » : des accents"),
        ("categorie;nom;prix\nPizzas;R\ufffdine;1\n".encode(), "des accents sont abîmés"),
        (b"\xff\xfec\x00a", "UTF-16"),
        (b"\xff\xfec\x00\x00\xd8", "UTF-16"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "enregistrez le fichier en .xlsx"),
        (b"PK\x03\x04" + b"\0" * 99, "ne s'ouvre pas"),
    ],
)
def test_a_file_that_is_no_menu_is_told(data: bytes, told: str) -> None:
    assert any(told in problem for problem in problems(data))


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("=A1*2", "formule"),
        (date(2026, 2, 1), "format Texte"),
        ("x" * 5_000, "4000 caractères"),
    ],
)
def test_a_cell_no_menu_has_is_told_by_line_and_column(cell: object, told: str) -> None:
    [problem] = problems(workbook(("categorie", "nom", "prix"), ("Pizzas", cell, 12)))
    assert problem.startswith("ligne 2, colonne « B » : ")
    assert told in problem


def test_ten_megabytes_are_refused_at_once() -> None:
    began = time.process_time()
    row = "Pizzas;Reine;12\n"
    [told] = problems("categorie;nom;prix\n" + row * (10_000_000 // len(row)))
    assert "10,0 Mo, une carte 5 Mo au plus" in told
    [told] = problems("categorie;nom;prix\n" + row * 200_000)
    assert "10000 lignes" in told
    assert time.process_time() - began < 3


def test_a_long_report_is_cut_and_counted() -> None:
    with pytest.raises(MenuFileRefused) as refused:
        read("categorie;nom;prix\n" + "Pizzas;Reine;gratuit\n" * 5_000)
    assert len(refused.value.problems) == MOST_PROBLEMS
    assert refused.value.left_out == 4_900


def test_a_compression_bomb_and_xml_entities_are_not_unpacked() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"\0" * 30_000_000)
    assert "trop grand" in problems(bomb.getvalue())[0]
    entities = io.BytesIO()
    with zipfile.ZipFile(entities, "w") as parts:
        parts.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    assert "un tableur n'écrit pas" in problems(entities.getvalue())[0]


@pytest.mark.parametrize("damaged", range(0, 4_000, 400))
def test_a_damaged_workbook_is_told_of(damaged: int) -> None:
    whole = workbook(("categorie", "nom", "prix"), ("Pizzas", "Reine", 12))
    for broken in (whole[:damaged], whole[:damaged] + b"\xff" * 40 + whole[damaged + 40 :]):
        with suppress(MenuFileRefused):
            assert read_menu_file(broken).placed_items()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "ligne 1 : ce n'est pas du JSON"),
        ('{"categories": []}', "aucun plat"),
        ('{"categories": [], "categories": []}', "« categories » est écrit deux fois"),
        ('{"a": 1}', "a : nom inconnu"),
        ("[]", "objet entre accolades"),
        ('{"categories": NaN}', "NaN"),
        ("{" + '"a":{' * 100_000, "imbriqué"),
    ],
)
def test_json_that_is_no_menu_is_told(text: str, told: str) -> None:
    assert told in problems(text)[0]


def test_json_faults_are_told_by_their_path() -> None:
    item = {"name": "Reine", "price_cents": -3, "vat_rate_bp": "10", "colour": "red"}
    again = {"name": "Royale", "price_cents": 12.5, "option_groups": ["Pâte"], "aliases": [""]}
    told = problems(json.dumps({"categories": [{"name": " ", "items": [item, again]}]}))
    assert sorted(told) == [
        "categories[0].items[0].colour : nom inconnu : retirez-le, ou corrigez-le",
        "categories[0].items[0].price_cents : pas moins de 0",
        "categories[0].items[0].vat_rate_bp : écrivez un nombre entier sans guillemets "
        "(12,50 € s'écrit 1250)",
        "categories[0].items[1].aliases[0] : ne peut pas être vide",
        "categories[0].items[1].price_cents : écrivez un nombre entier sans guillemets "
        "(12,50 € s'écrit 1250)",
        "categories[0].name : ne peut pas être vide",
    ]


def test_json_names_are_there_once_and_their_groups_exist() -> None:
    item = ItemEntry(name="Reine", price_cents=1, option_groups=("Pâte",)).model_dump()
    told = problems(json.dumps({"categories": [{"name": "Pizzas", "items": [item, item]}]}))
    assert sorted(one.partition(" : ")[0] for one in told) == [
        "categories[0].items[0].option_groups",
        "categories[0].items[1].name",
        "categories[0].items[1].option_groups",
    ]


PLATFORM = """
prices_in_cents = true
ignored = ["Image"]
[columns]
categorie = "Section"
nom = "Title"
prix = "Price (cents)"
type = "Kind"
groupe = "Parent"
[defaults]
tva = "10"
[values.type]
MODIFIER = "option"
ITEM = "plat"
"""


def test_a_platforms_export_is_read_by_its_mapping() -> None:
    export = (
        "Kind,Section,Parent,Title,Price (cents),Image\n"
        "ITEM,Burgers,,Cheese,990,http://x\n"
        "MODIFIER,,Sauces,Samouraï,50,\n"
    )
    document = read(export, read_mapping(PLATFORM.encode()))
    assert dishes(document) == [("Burgers", "Cheese", 990, 1_000)]
    assert document.option_groups[0].options[0].price_delta_cents == 50
    assert "colonne « Kind » : colonne inconnue" in problems(export)[0]


@pytest.mark.parametrize(
    "text", ["x", "a = 1", "[columns]\nfoo = 'x'", "[columns]\nnom = 1", "\xff"]
)
def test_a_mapping_that_is_none_is_told(text: str) -> None:
    with pytest.raises(MenuFileRefused) as refused:
        read_mapping(text.encode("latin-1"))
    assert str(refused.value.problems[0])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_menu_or_a_told_problem(data: bytes) -> None:
    for prefix in (b"", b"categorie;nom;prix\n", b"{", b"PK\x03\x04"):
        with suppress(MenuFileRefused):
            assert read_menu_file(prefix + data).placed_items()
