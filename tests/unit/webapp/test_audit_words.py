"""The audit page has words for every deed that a rule writes down."""

import ast
from pathlib import Path

import pytest

from controlplane import restaurants
from webapp.audit.words import DEEDS

pytestmark = pytest.mark.unit

RULES = Path(restaurants.__file__).parent
BY_A_VARIABLE = {"join", "make_owner", "change_role", "remove_member", "add_pacing"}
"""Some that a helper of their module passes on; there are more."""


def actions() -> set[str]:
    """The words in place of `action` in calls of `audit`, and of the helpers named after it."""
    found = set()
    for path in RULES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).lstrip("_") == "audit":
                named = {each.arg: each.value for each in node.keywords}
                given = [named["action"]] if "action" in named else node.args[1:]
                found |= {
                    each.value
                    for each in given
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return found


def test_every_deed_has_its_words() -> None:
    assert BY_A_VARIABLE <= actions()
    assert sorted(actions() - DEEDS.keys()) == []
