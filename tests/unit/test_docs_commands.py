"""The commands documentation names exist, with the options it gives them."""

import argparse
import re
from pathlib import Path

import pytest

from controlplane.cli import _parser
from controlplane.registrations.sip_codes import MEANINGS
from tests.unit.test_docs import DOCUMENTS, ROOT

pytestmark = pytest.mark.unit

COMMAND = re.compile(r"`alloresto ([^`]+)`")


def commands(document: Path) -> list[str]:
    return COMMAND.findall(document.read_text(encoding="utf-8"))


def problem(command: str) -> str | None:
    """What is wrong with it: its words down to the last action, then its options."""
    parser = _parser()
    words = command.split()
    while (choices := choices_of(parser)) and words and words[0] in choices:
        parser = choices[words.pop(0)]
    if choices_of(parser) and words and not words[0].startswith("-"):
        return f"{words[0]}: no such command"
    known = {option for action in parser._actions for option in action.option_strings}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"{unknown}: no such option" if unknown else None


def choices_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_named_exists(document: Path) -> None:
    assert {command: problem(command) for command in commands(document) if problem(command)} == {}


def test_a_command_that_does_not_exist_is_found() -> None:
    """Guards the check above."""
    assert problem("sip lst") == "lst: no such command"
    assert problem("sip list --brdge x") == "['--brdge']: no such option"
    assert problem("sip list --bridge x") is None


def test_the_runbook_names_every_action_of_its_groups() -> None:
    told = " ".join(commands(ROOT / "docs" / "telecom.md"))
    groups = choices_of(_parser())
    for group in ("sip", "carrier", "secrets", "bridge", "transfer", "caller"):
        for action in choices_of(groups[group]):
            assert f"{group} {action}" in told


def test_the_runbook_explains_every_code_the_commands_explain() -> None:
    text = (ROOT / "docs" / "telecom.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"\b[3-9][0-9]{2}\b", text.partition("| the carrier's answer")[2]))
    assert {str(code) for code in MEANINGS if code >= 300} <= codes
