"""The documentation names files that exist."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("aiworker", "controlplane", "docs", "freeswitch", "tests", "webapp")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_named_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text(encoding="utf-8")))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_architecture_names_the_files_of_a_call() -> None:
    """Guards the pattern above: it must find what is plainly there."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "controlplane/bridge/calls/story.py" in PATH.findall(text)
