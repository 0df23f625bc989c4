"""Every fault of a call that the benchmark deals is one that the Realtime simulator knows."""

import pytest

from aiworker.simulator.faults import Fault, FaultKind
from controlplane.local.bench.faults_catalogue import Alone, CallFault, Mutation, Shared, names
from controlplane.local.bench.faults_realtime import in_simulator

pytestmark = pytest.mark.unit

OF_REALTIME = [name for name in names() if name not in {*Shared, Alone.FRAMES_STOP}]


@pytest.mark.parametrize("name", OF_REALTIME)
def test_the_simulator_knows_it(name: str) -> None:
    fault = in_simulator(CallFault(name, nth=2))
    assert fault.on
    assert fault.nth == 2


@pytest.mark.parametrize("mutation", Mutation)
def test_an_event_is_met_by_its_type(mutation: Mutation) -> None:
    fault = in_simulator(CallFault(f"{mutation}:response.done"))
    assert (fault.kind, fault.on) == (FaultKind(mutation), "response.done")


def test_a_late_event_is_eight_seconds_late() -> None:
    assert in_simulator(CallFault("delay:response.done")).ms == 8_000


def test_a_response_that_is_refused_is_the_clients_event() -> None:
    refused = Fault(kind=FaultKind.REJECT, on="response.create", nth=3)
    assert in_simulator(CallFault(Alone.CREATE_REFUSED, nth=3)) == refused


def test_a_caller_whose_frames_stop_is_none_of_its_business() -> None:
    with pytest.raises(ValueError, match="frames_stop"):
        in_simulator(CallFault(Alone.FRAMES_STOP))
