"""Docstrings are sentences, and words that were replaced do not come back.

`docs/glossary.md` has the words that took their place. Only people can tell a good
sentence: this test keeps out the fragments that say nothing to who does not know already.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("aiworker", "controlplane", "freeswitch", "webapp")
SOURCES = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
TESTS = sorted(file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

LEAST_WORDS = 3
HALF_A_SENTENCE = re.compile(r"(Of|Until|Beside|Against)\b")
"""A docstring that begins so leaves its subject and its verb to the reader."""

RETIRED = {
    "adoption": "resuming calls",
    "exposure": "folder safety",
    "happenings": "call signals",
    "manners": "fillers, session watchdog, call ending",
    "recap": "read-back",
    "shelf": "SoldOut",
    "warden": "subreaper",
}
RETIRED_WORD = re.compile(rf"{'|'.join(RETIRED)}|adopt", re.IGNORECASE)


def docstrings(tree: ast.Module) -> Iterator[str]:
    """The docstrings of a module's classes and functions, its own, and those after assignments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            own = ast.get_docstring(node)
            if own is not None:
                yield own
            yield from attribute_docstrings(node.body)


def attribute_docstrings(body: list[ast.stmt]) -> Iterator[str]:
    for before, statement in pairwise(body):
        if isinstance(before, ast.Assign | ast.AnnAssign):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield text


def is_fragment(text: str) -> bool:
    """Whether the first paragraph is too short, has no end, or begins in the middle."""
    first = " ".join(text.strip().split("\n\n")[0].split())
    ends = first.endswith((".", ":", "?", "!", '."', "…"))
    return len(first.split()) < LEAST_WORDS or not ends or bool(HALF_A_SENTENCE.match(first))


@pytest.mark.parametrize("folder", PRODUCT)
def test_docstrings_are_sentences(folder: str) -> None:
    sources = [file for file in SOURCES if file.is_relative_to(ROOT / folder)]
    assert sources
    fragments = [
        f"{file.relative_to(ROOT)}: {text.strip()}"
        for file in sources
        for text in docstrings(ast.parse(file.read_text(encoding="utf-8")))
        if is_fragment(text)
    ]
    assert fragments == []


def test_words_that_were_replaced_are_gone() -> None:
    """In names, comments, docstrings and documents alike: one word for one thing."""
    found = {
        f"{file.relative_to(ROOT)}:{number}: {match[0]}"
        for file in (*SOURCES, *TESTS, *DOCUMENTS)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for match in RETIRED_WORD.finditer(line)
    }
    assert sorted(found) == []


@pytest.mark.parametrize(
    "text",
    ["For ever.", "Of REDIS_URL, in seconds.", "By name.", "Until it ends.", "A class without end"],
)
def test_a_fragment_is_found(text: str) -> None:
    assert is_fragment(text)


@pytest.mark.parametrize(
    "text",
    ["Return the URL.", "Usage: read on.", "Everything is here.\n\n    code"],
)
def test_a_sentence_is_none(text: str) -> None:
    assert not is_fragment(text)


@pytest.mark.parametrize("text", ["_warden", "Shelf", "exposures", "TellExposure", "re-adopted"])
def test_a_retired_word_is_found_within_a_name(text: str) -> None:
    """Guards the pattern above, which must see through capitals and underscores."""
    assert RETIRED_WORD.search(text)
