"""`requirements.lock` holds what pyproject.toml asks for; `make lock` brings it up to date."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parents[2]
PIN = r"([\w.-]+)(?:\[[\w,-]+\])?=="
NOT_LOCKED = {"esl-native"}
"""Extras that `make` does not install: they need FreeSWITCH's headers."""


def declared() -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, requirements in project["optional-dependencies"].items():
        if extra not in NOT_LOCKED:
            lines += requirements
    requirements = [Requirement(line) for line in lines]
    return [each for each in requirements if each.name != project["name"]]


def locked() -> dict[str, list[str]]:
    """Name → its pinned versions: two where they differ by Python version."""
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(rf"^{PIN}([^\s;]+)", lock(), flags=re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(version)
    return pins


def lock() -> str:
    return (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")


def test_every_requirement_has_a_pin_that_fits() -> None:
    pins = locked()
    missing = [
        str(each)
        for each in declared()
        if not any(map(each.specifier.contains, pins.get(canonicalize_name(each.name), [])))
    ]
    assert not missing, "run `make lock`"


def test_every_pin_has_a_hash_and_no_index_is_named() -> None:
    starts = [found.start() for found in re.finditer(rf"^{PIN}", lock(), flags=re.MULTILINE)]
    blocks = [lock()[start:end] for start, end in pairwise([*starts, None])]
    assert len(blocks) > 50
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in lock()
