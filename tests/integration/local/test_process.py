"""A managed process ends with its parent, however the parent ends, and so does all it started."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.local.launch.process import ManagedProcess, ProcessFailed
from controlplane.local.launch.unprivileged import SystemUser, service_user
from tests.process_tree import ProcessSeen, process, still_running_after, tree_below
from tests.waiting import block_until

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]
GONE_DEADLINE_SECONDS = 8.0
"""Above the stop grace the parents below ask for, on a machine under load."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")

STUBBORN_FAMILY = """
trap '' TERM INT HUP
setsid sh -c 'trap "" TERM INT HUP; sleep 1000 & sleep 1000' &
(sleep 1000 &)
while :; do sleep 1000; done
"""
"""Ignores signals, has a child in a session of its own, and an orphan."""

PARENT = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what nohup starts ignores this
from pathlib import Path
from controlplane.local.launch.process import ManagedProcess
family = ManagedProcess(
    ["sh", "-c", sys.argv[1]], name="family", log_file=Path(sys.argv[2]), stop_grace=0.3
)
starter = threading.Thread(target=family.start)
starter.start()
starter.join()
if "forks" in sys.argv:
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that started the stubborn family from a thread which has ended since."""
    options = getattr(request, "param", ())
    command = [sys.executable, "-c", PARENT, STUBBORN_FAMILY, str(tmp_path / "log"), *options]
    # A session of its own: what a terminal signals on Ctrl-C.
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def whole_family_below(pid: int) -> set[ProcessSeen]:
    """The processes below `pid`, once the stubborn family is complete: four of them sleep."""

    def complete() -> set[ProcessSeen] | None:
        below = tree_below(pid)
        return below if sum(seen.name == "sleep" for seen in below) == 4 else None

    return block_until(complete)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV])
def test_nothing_outlives_a_parent_that_is_killed(
    parent: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    below = whole_family_below(parent.pid)

    parent.send_signal(number)

    assert not still_running_after(below, deadline=GONE_DEADLINE_SECONDS)


def test_nothing_outlives_ctrl_c(parent: subprocess.Popen[bytes]) -> None:
    below = whole_family_below(parent.pid)

    os.killpg(parent.pid, signal.SIGINT)

    assert not still_running_after(below, deadline=GONE_DEADLINE_SECONDS)


@pytest.mark.parametrize("parent", [["forks"]], indirect=True)
def test_a_forked_copy_of_the_parent_keeps_nothing_alive(parent: subprocess.Popen[bytes]) -> None:
    below = whole_family_below(parent.pid)
    copies = {seen for seen in below if _is_copy_of(parent.pid, seen.pid)}
    family = below - copies
    assert len(copies) == 1

    parent.kill()

    assert not still_running_after(family, deadline=GONE_DEADLINE_SECONDS)
    (copy,) = copies
    assert copy.runs
    os.kill(copy.pid, signal.SIGKILL)


def _is_copy_of(parent: int, pid: int) -> bool:
    commands = [Path(f"/proc/{each}/cmdline").read_bytes() for each in (parent, pid)]
    return commands[0] == commands[1]


def test_the_command_does_not_outlive_its_subreaper() -> None:
    with ManagedProcess(["sleep", "1000"], name="sleeper") as sleeper:
        command = process(sleeper.pid)

        os.kill(command.parent, signal.SIGKILL)

        assert not still_running_after({command}, deadline=GONE_DEADLINE_SECONDS)
        assert not sleeper.alive
        assert sleeper.returncode == -signal.SIGKILL


@as_root
def test_another_users_command_does_not_outlive_its_subreaper() -> None:
    user = _other_user()
    with ManagedProcess(["sleep", "1000"], name="sleeper", user=user) as sleeper:
        command = process(sleeper.pid)
        assert Path(f"/proc/{sleeper.pid}").stat().st_uid == user.uid

        os.kill(command.parent, signal.SIGKILL)

        assert not still_running_after({command}, deadline=GONE_DEADLINE_SECONDS)


@as_root
def test_another_user_keeps_none_of_roots_groups(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = os.getgroups()
    os.setgroups([0, 4])
    try:
        with ManagedProcess(["id", "-G"], name="id", user=_other_user(), log_file=log) as shown:
            shown.wait(deadline=10)
    finally:
        os.setgroups(before)
    assert log.read_text().split() == [str(_other_user().gid)]


def _other_user() -> SystemUser:
    user = service_user(Path("/"))
    assert user is not None
    assert user.uid != 0
    return user


def test_stop_sends_the_signal_asked_for_and_reports_the_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "trap 'echo asked; exit 7' INT; echo started; while :; do sleep 0.02; done"
    command = ManagedProcess(
        ["sh", "-c", script], name="polite", log_file=log, stop_signal=signal.SIGINT
    ).start()
    command.wait_for(lambda: "started" in command.log_tail(), deadline=10)

    assert command.stop() == 7
    assert command.stop() == 7
    assert log.read_text() == "started\nasked\n"


def test_stop_kills_after_the_grace_and_leaves_no_descendant(tmp_path: Path) -> None:
    command = ManagedProcess(
        ["sh", "-c", STUBBORN_FAMILY], name="family", log_file=tmp_path / "log", stop_grace=0.2
    ).start()
    family = whole_family_below(process(command.pid).parent)

    assert command.stop() == -signal.SIGKILL
    assert not {seen for seen in family if seen.runs}


def test_a_command_that_ends_by_itself_takes_its_descendants_along(tmp_path: Path) -> None:
    script = "setsid sleep 1000 & echo $!; exit 3"
    with ManagedProcess(["sh", "-c", script], name="brief", log_file=tmp_path / "log") as command:
        assert command.wait(deadline=GONE_DEADLINE_SECONDS) == 3
    left = int((tmp_path / "log").read_text())
    assert not Path(f"/proc/{left}").exists()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("/nonexistent/program", "No such file"),
        ("nonexistent-program", "not found on PATH"),
        ("/etc", "Permission"),
    ],
)
def test_a_command_that_cannot_be_executed_says_why(program: str, reason: str) -> None:
    command = ManagedProcess([program], name="broken")
    with pytest.raises(ProcessFailed, match=reason):
        command.start()
    assert not command.alive


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    command = ManagedProcess(["sleep", "1000"], name="homeless", cwd=tmp_path / "nowhere")
    with pytest.raises(ProcessFailed, match=r"homeless could not be started: .*nowhere"):
        command.start()
    assert command.stop() is None


def test_waiting_for_a_command_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("an earlier run\n")
    script = "echo 'address in use'; exit 1"
    with ManagedProcess(["sh", "-c", script], name="server", log_file=tmp_path / "log") as server:
        with pytest.raises(ProcessFailed, match=r"server ended with 1 .*\naddress in use") as told:
            server.wait_for(lambda: None, deadline=10)
    assert "an earlier run" not in str(told.value)


def test_waiting_ends_at_the_deadline() -> None:
    with ManagedProcess(["sleep", "1000"], name="slow") as slow:
        started = time.monotonic()
        with pytest.raises(ProcessFailed, match=r"slow was not ready in 0\.1 s"):
            slow.wait_for(lambda: None, deadline=0.1)
        assert time.monotonic() - started < 5
        assert slow.alive


def test_signals_the_parent_ignores_reach_the_command() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        command = ManagedProcess(
            ["sleep", "1000"], name="sleeper", stop_signal=signal.SIGINT
        ).start()
        assert command.stop() == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_inherits_no_descriptor_and_only_the_environment_given(tmp_path: Path) -> None:
    log = tmp_path / "log"
    readable, writable = os.pipe()
    os.set_inheritable(writable, True)  # noqa: FBT003  # the standard library's signature
    script = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.environ.get('ONLY'))"
    try:
        with ManagedProcess(
            [sys.executable, "-I", "-S", "-c", script],
            name="curious",
            env={"ONLY": "this"},
            log_file=log,
            held_files=(readable,),
        ) as command:
            command.wait(deadline=10)
    finally:
        os.close(readable)
        os.close(writable)
    assert log.read_text() == "['0', '1', '2'] this\n"


def test_processes_are_started_and_stopped_from_several_threads() -> None:
    failures: list[BaseException] = []

    def start_and_stop() -> None:
        try:
            with ManagedProcess(["sleep", "1000"], name="sleeper") as sleeper:
                assert sleeper.alive
            assert sleeper.returncode == -signal.SIGTERM
        except BaseException as failure:  # noqa: BLE001  # handed to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=start_and_stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
