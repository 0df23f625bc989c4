"""The benchmark of faults deals its faults to rounds: each once, repeatable, one cause a round."""

from collections import Counter

import pytest

from controlplane.local.bench.faults_catalogue import (
    NOTHING,
    Alone,
    CallFault,
    Mutation,
    Round,
    Shared,
    matching,
    names,
    rounds,
)

pytestmark = pytest.mark.unit


def dealt(found: list[Round]) -> Counter[str]:
    return Counter(
        name
        for one in found
        for name in (*(fault.name for fault in one.alone), one.shared)
        if name != NOTHING
    )


def test_every_fault_happens_once_before_any_happens_again() -> None:
    found = rounds(names(), calls=1_000, at_once=5, seed=1)
    counts = dealt(found)
    assert counts.keys() == set(names())
    alone = [counts[name] for name in names() if name not in set(Shared)]
    assert max(alone) - min(alone) <= 1


def test_a_round_has_one_shared_fault_or_one_for_each_call_and_the_first_none() -> None:
    first, *others = rounds(names(), calls=203, at_once=5, seed=3)
    assert first == Round(5)
    assert sum(one.calls for one in (first, *others)) == 203
    for one in others:
        assert (one.shared != NOTHING) != bool(one.alone)
        assert not one.alone or len(one.alone) == one.calls


def test_a_seed_decides_everything() -> None:
    again = [rounds(names(), calls=100, at_once=4, seed=seed) for seed in (7, 7, 8)]
    assert again[0] == again[1]
    assert again[0] != again[2]


@pytest.mark.parametrize(
    ("patterns", "some"),
    [
        (("kill_*",), {Shared.KILL_WORKER, Shared.KILL_FREESWITCH}),
        (("*:response.done",), {f"{mutation}:response.done" for mutation in Mutation}),
        (("frames_stop",), {Alone.FRAMES_STOP}),
        ((), set(names())),
    ],
)
def test_patterns_select(patterns: tuple[str, ...], some: set[str]) -> None:
    assert some <= set(matching(patterns))


def test_only_what_is_selected_happens() -> None:
    selected = matching(["frames_stop", "kill_worker"])
    assert dealt(rounds(selected, calls=60, at_once=3, seed=2)).keys() == set(selected)


def test_a_pattern_that_fits_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="kil_worker"):
        matching(["kill_agent", "kil_worker"])


def test_a_fault_of_an_event_knows_both() -> None:
    fault = CallFault("drop:response.done", nth=2)
    assert (fault.mutation, fault.event) == (Mutation.DROP, "response.done")
    assert (CallFault(Alone.FRAMES_STOP).mutation, CallFault(Alone.FRAMES_STOP).event) == (None, "")
