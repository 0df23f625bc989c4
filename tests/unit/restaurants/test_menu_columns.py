"""A file of another system is read by the columns that somebody chose, which are guessed first."""

import pytest

from controlplane.restaurants.menu_files.cells import windows, written_windows
from controlplane.restaurants.menu_files.guess import guess_columns, mapping_of
from controlplane.restaurants.menu_files.mapping import Column
from controlplane.restaurants.menu_files.problems import MenuFileRefused
from controlplane.restaurants.menu_files.read_file import read_columns, read_menu_file

pytestmark = pytest.mark.unit

EXPORT = "Rubrique;Libellé;Prix TTC;SKU;Type\nPizzas;Reine;12,50;A1;x\n;Cola;3;A2;x\n".encode()


def test_columns_are_guessed_and_what_is_left_out_is_left_out() -> None:
    columns = read_columns(EXPORT)
    assert [column.example for column in columns] == ["Pizzas", "Reine", "12,50", "A1", "x"]
    names = [column.name for column in columns]
    guessed = guess_columns(names)
    assert guessed == [Column.CATEGORY, Column.NAME, Column.PRICE, None, Column.TYPE]
    with pytest.raises(MenuFileRefused) as refused:
        read_menu_file(EXPORT, mapping=mapping_of(names, guessed))
    assert [problem.line for problem in refused.value.problems] == [2, 3]
    guessed[-1] = None
    document = read_menu_file(EXPORT, mapping=mapping_of(names, guessed, category="Divers"))
    assert [(category, item.name) for category, item in document.placed_items()] == [
        ("Pizzas", "Reine"),
        ("Divers", "Cola"),
    ]


@pytest.mark.parametrize("category", ["x" * 121, "Pizzas\x07"])
def test_a_category_that_is_no_name_is_named_by_its_line(category: str) -> None:
    with pytest.raises(MenuFileRefused) as refused:
        read_menu_file(f"categorie;nom;prix\n{category};Reine;12\n".encode())
    [problem] = refused.value.problems
    assert (problem.line, "categorie" in problem.place) == (2, True)


def test_json_has_no_columns_to_choose() -> None:
    assert read_columns(b'{"categories": []}') == ()


@pytest.mark.parametrize(
    "text", ["", "11:30-14:30", "lun-ven 11:30-14:30 | sam,dim 12:00-15:00", "mar 18:00-02:00"]
)
def test_hours_are_shown_as_they_are_typed(text: str) -> None:
    assert written_windows(windows(text)) == text
