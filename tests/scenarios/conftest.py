"""One running stack for all scenarios, on the switch found: FreeSWITCH, else the simulator."""

from collections.abc import Generator, Iterator

import pytest

from controlplane.local.demo.stack import Stack

LOG_LINES = 40


@pytest.fixture(scope="session")
def shared_stack() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALLORESTO_SPEECH", "auto")
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A scenario that fails shows the end of each process's log."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and stack is not None:
        for name, process in stack.processes.items():
            tail = "\n".join(process.log_tail().splitlines()[-LOG_LINES:])
            report.sections.append((f"log of {name}", tail))
    return report
