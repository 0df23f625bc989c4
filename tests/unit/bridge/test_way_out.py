"""Renewing one call's way out never raises: the calls renewed after it would lose theirs."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import cast

import pytest

from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.way_out import renew_way_out
from controlplane.esl.errors import EslTimeout

pytestmark = pytest.mark.unit


def context(error: Exception | None, renewed: list[str]) -> CallContext:
    """A parked call of ours, whose channel fails with `error`."""

    def renew() -> None:
        renewed.append("asked")
        if error is not None:
            raise error

    call = SimpleNamespace(way_out=nullcontext(), parked=True, state=CallState.WITH_US)
    return cast(
        CallContext, SimpleNamespace(call=call, channel=SimpleNamespace(renew_way_out=renew))
    )


@pytest.mark.parametrize("error", [None, EslTimeout("no answer"), RuntimeError("unforeseen")])
def test_whatever_goes_wrong_the_next_calls_turn_comes(error: Exception | None) -> None:
    renewed: list[str] = []

    for _ in range(2):
        renew_way_out(context(error, renewed))

    assert renewed == ["asked", "asked"]
