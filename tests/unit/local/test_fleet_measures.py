"""The fleet benchmarks compute their figures from what they saw."""

import pytest

from controlplane.local.bench.probe_caller import Probe, longest_unreachable_ms
from controlplane.local.bench.registrations import most_within_a_second

pytestmark = pytest.mark.unit


def probes(pattern: str) -> list[Probe]:
    """One a period: `.` got through, `x` did not."""
    return [Probe(index * 0.1, reached=mark == ".") for index, mark in enumerate(pattern)]


@pytest.mark.parametrize(
    ("pattern", "milliseconds"),
    [
        ("", 0),
        (".....", 0),
        ("..x..", 100),
        (".xxx.x.", 300),
        ("xx...", 0),  # nobody was there before the first answer
        (".xxx", 200),  # and never again
    ],
)
def test_longest_unreachable_is_what_missed_probes_span(pattern: str, milliseconds: int) -> None:
    assert longest_unreachable_ms(probes(pattern)) == milliseconds


def test_late_probes_that_get_through_are_no_gap() -> None:
    assert longest_unreachable_ms([Probe(0.0, reached=True), Probe(5.0, reached=True)]) == 0


def test_probes_are_ordered_by_when_they_were_dialled() -> None:
    assert longest_unreachable_ms(list(reversed(probes("..x..")))) == 100


@pytest.mark.parametrize(
    ("instants", "most"),
    [
        ([], 0),
        ([3.0], 1),
        ([0.0, 0.5, 0.99, 1.0], 3),
        ([0.9, 1.0, 1.1, 1.2, 5.0], 4),
        ([2.0, 0.0, 1.0], 1),
    ],
)
def test_most_within_a_second_slides(instants: list[float], most: int) -> None:
    assert most_within_a_second(instants) == most
