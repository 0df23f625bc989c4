"""One running stack for all scenarios, on the switch found: FreeSWITCH, else the simulator."""

from collections.abc import Iterator

import pytest

from controlplane.local.stack import Stack


@pytest.fixture(scope="session")
def shared_stack() -> Iterator[Stack]:
    with Stack(worker_slots=4) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The stack, whole again after each scenario."""
    yield shared_stack
    for name, process in shared_stack.processes.items():
        if not process.alive:
            shared_stack.launch_again(name)
    shared_stack.wait_until_ready()
