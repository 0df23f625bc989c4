"""Bridge code spells no channel variable: every name comes from the contract."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.contracts.channel_variables import ChannelColumn, ChannelVariable

pytestmark = pytest.mark.unit

BRIDGE = Path(__file__).resolve().parents[3] / "controlplane" / "bridge"
SOURCES = sorted(BRIDGE.rglob("*.py"))

NAMES = "|".join(re.escape(variable.value) for variable in ChannelVariable)
SPELT = re.compile(rf"\b(variable_\w+|{NAMES})\b|^{ChannelColumn.EXTENSION}$")
ASSIGNED = re.compile(r"(^|[;,{\[ ])[a-z]+(_[a-z]+)+=")
"""A variable the contract may not know: `call_timeout=20` in a dial string or a command."""


def literals(source: str) -> Iterator[str]:
    """Every text in a program but its docstrings, f-strings by their parts."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def spelt(source: str, pattern: re.Pattern[str]) -> list[str]:
    return [text for text in literals(source) if pattern.search(text)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(BRIDGE)))
def test_no_name_of_the_contract_is_spelt_again(path: Path) -> None:
    assert spelt(path.read_text(encoding="utf-8"), SPELT) == []


@pytest.mark.parametrize(
    "path", sorted((BRIDGE / "calls").glob("*.py")), ids=lambda path: path.stem
)
def test_no_variable_is_set_that_the_contract_does_not_name(path: Path) -> None:
    assert spelt(path.read_text(encoding="utf-8"), ASSIGNED) == []


@pytest.mark.parametrize(
    "line",
    [
        'event.get("variable_sip_to_user")',
        'event.get("sip_gateway")',
        'row.get("dest")',
        'f"uuid_setvar {uuid} STREAM_BUFFER_SIZE 40"',
        'f"{{group_confirm_key={key}}}"',
    ],
)
def test_the_test_finds_a_name_that_is_spelt(line: str) -> None:
    assert spelt(line, SPELT)
    assert not spelt(f'"""{line!r}"""', SPELT)


@pytest.mark.parametrize(
    "line", ['f"uuid_setvar_multi {uuid} park_timeout={n}"', 'f"[leg_delay_start={n}]{dial}"']
)
def test_the_test_finds_a_variable_nobody_knows(line: str) -> None:
    assert spelt(line, ASSIGNED)
