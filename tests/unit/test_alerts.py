"""Every alert asks about metrics that exist, and says what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.unit

ROOT: Final = Path(__file__).resolve().parents[2]
ALERTS: Final = ROOT / "helm" / "alerts.yml"
METRIC: Final = re.compile(r"\b(?:alloresto|sip)_\w+")
DECLARED: Final = re.compile(r'(?:Counter|Gauge|Histogram)\(\s*"(\w+)"')


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def declared() -> set[str]:
    sources = [
        *(ROOT / "controlplane").rglob("*.py"),
        *(ROOT / "aiworker").rglob("*.py"),
        *(ROOT / "webapp").rglob("*.py"),
    ]
    return {name for file in sources for name in DECLARED.findall(file.read_text("utf-8"))}


def test_every_metric_an_alert_asks_about_exists() -> None:
    asked = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for rule in rules()
        for name in METRIC.findall(rule["expr"])
    }
    assert asked
    assert asked - declared() == set()


def test_every_alert_has_a_name_of_its_own_a_severity_and_words() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert "docs/" in rule["annotations"]["description"]
        assert rule["annotations"]["summary"]


def test_promtool_reads_them() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: Debian's package prometheus has it")
    checked = subprocess.run(
        [promtool, "check", "rules", str(ALERTS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
