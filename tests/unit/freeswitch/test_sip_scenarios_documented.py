"""Every scenario of the table has its row in docs/sip-scenarios.md."""

from pathlib import Path

import pytest

from tests.integration.sip_table import ANSWERED, REFUSED

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sip-scenarios.md"


def test_every_scenario_has_its_row() -> None:
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    first = {row.split("|")[1].strip() for row in rows if row.startswith("| ")}
    assert {*ANSWERED, *REFUSED} <= first
