"""The tests keep their own house: each module says what it proves, and few may be tried again."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.unit

TESTS: Final = Path(__file__).resolve().parents[1]
MODULES: Final = sorted(TESTS.rglob("test_*.py"))
MOST_LINES: Final = 500
MOST_REAL_TIME: Final = 15
"""So many tests may measure or speak in real time; a longer list hides races."""


def name(path: Path) -> str:
    return str(path.relative_to(TESTS))


def marks(path: Path) -> Iterator[ast.Attribute]:
    """Every `pytest.mark.NAME` of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="pytest"), attr="mark")):
                yield node


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_begins_with_a_sentence_that_says_what_it_proves(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    first = docstring.split("\n\n")[0]
    assert first.endswith("."), first
    assert len(first.split()) >= 5, first


def test_a_module_holds_one_idea() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_tests_are_tried_again_by_our_marker_only_and_few_are() -> None:
    """`real_time` demands a reason; conftest.py turns it into two more tries."""
    used = [(name(path), mark.attr) for path in MODULES for mark in marks(path)]
    assert [path for path, mark in used if mark == "flaky"] == []
    assert len([path for path, mark in used if mark == "real_time"]) <= MOST_REAL_TIME
