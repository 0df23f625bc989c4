"""The commands documentation names exist, with the options it gives them."""

import re
from pathlib import Path

import pytest

from controlplane.cli import ALLORESTO
from controlplane.commands.lazy_group import LazyCommand, LazyGroup
from controlplane.registrations.sip_codes import MEANINGS
from tests.unit.test_docs import DOCUMENTS, ROOT

pytestmark = pytest.mark.unit

COMMAND = re.compile(r"`alloresto ([^`]+)`")


def commands(document: Path) -> list[str]:
    return COMMAND.findall(document.read_text(encoding="utf-8"))


def problem(command: str) -> str | None:
    """What is wrong with it: its words down to the last action, then its options."""
    found: LazyGroup | LazyCommand = ALLORESTO
    words = command.split()
    while isinstance(found, LazyGroup) and words and words[0] in found.subcommands:
        found = found.subcommands[words.pop(0)]
    if isinstance(found, LazyGroup) and words and not words[0].startswith("-"):
        return f"{words[0]}: no such command"
    options = {word for word in words if word.startswith("--")} - {"--help"}
    unknown = options - options_of(found) if options else None
    return f"{sorted(unknown)}: no such option" if unknown else None


def options_of(found: LazyGroup | LazyCommand) -> set[str]:
    command = found if isinstance(found, LazyGroup) else found.load("")
    return {name for parameter in command.params for name in parameter.opts}


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
    for group in ("sip", "carrier", "secrets", "bridge", "transfer", "caller", "prompt"):
        subgroup = ALLORESTO.subcommands[group]
        assert isinstance(subgroup, LazyGroup)
        for action in subgroup.subcommands:
            assert f"{group} {action}" in told


def test_the_runbook_explains_every_code_the_commands_explain() -> None:
    text = (ROOT / "docs" / "telecom.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"\b[3-9][0-9]{2}\b", text.partition("| the carrier's answer")[2]))
    assert {str(code) for code in MEANINGS if code >= 300} <= codes
