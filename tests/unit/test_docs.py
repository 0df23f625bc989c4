"""The documentation names files that exist, and files number their steps as it does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("aiworker", "controlplane", "docs", "freeswitch", "helm", "tests", "webapp")
ARCHITECTURE = ROOT / "docs" / "architecture.md"
ROW = re.compile(r"^\| (\d+) \|.*$", re.MULTILINE)
STEP = re.compile(r"\bstep (\d+) of a (call|registration)\b", re.IGNORECASE)
LIVES = ("call", "registration")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_named_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text(encoding="utf-8")))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_architecture_names_the_files_of_a_call() -> None:
    """Guards the pattern above: it must find what is plainly there."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert "controlplane/bridge/calls/story.py" in PATH.findall(text)


def steps(life: str) -> list[tuple[int, set[str]]]:
    """The numbers and the files of the rows of "Life of a …", in their order."""
    text = ARCHITECTURE.read_text(encoding="utf-8").split(f"\n## Life of a {life}\n")[1]
    rows = ROW.finditer(text.split("\n## ")[0])
    return [(int(row[1]), set(PATH.findall(row[0]))) for row in rows]


def explanations(source: Path) -> Iterator[str]:
    """A module's docstrings; of any other file all there is."""
    text = source.read_text(encoding="utf-8")
    if not STEP.search(text):  # most tell none, and need no parsing
        return
    if source.suffix != ".py":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def steps_told(source: Path) -> set[tuple[str, int]]:
    found = (match for text in explanations(source) for match in STEP.finditer(text))
    return {(match[2].lower(), int(match[1])) for match in found}


def wrong_steps(source: Path, life: str, rows: list[tuple[int, set[str]]]) -> list[int]:
    """Numbers a file gives itself that are not its own in the table."""
    own = {number for number, files in rows if str(source.relative_to(ROOT)) in files}
    return sorted(number for of, number in steps_told(source) if of == life and number not in own)


@pytest.mark.parametrize("life", LIVES)
def test_the_steps_are_numbered_in_order_and_name_files(life: str) -> None:
    rows = steps(life)
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 10
    assert all(files for _, files in rows)


@pytest.mark.parametrize("life", LIVES)
def test_a_step_told_in_a_file_is_its_step_in_the_table(life: str) -> None:
    sources = [
        path
        for folder in ("aiworker", "controlplane", "freeswitch", "webapp")
        for suffix in ("py", "xml")
        for path in (ROOT / folder).rglob(f"*.{suffix}")
    ]
    assert len(sources) > 100
    rows = steps(life)
    wrong = {str(path.relative_to(ROOT)): wrong_steps(path, life, rows) for path in sources}
    assert {path: numbers for path, numbers in wrong.items() if numbers} == {}


def test_the_pattern_finds_the_steps_of_a_call() -> None:
    """Guards the test above: it must find what is plainly there, and call it wrong elsewhere."""
    offers = ROOT / "controlplane" / "bridge" / "calls" / "offers.py"
    assert steps_told(offers) == {("call", 4)}
    assert wrong_steps(offers, "call", [(4, set()), (5, {str(offers.relative_to(ROOT))})]) == [4]
