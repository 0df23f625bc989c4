"""Runs one command and never lets it, or anything it started, outlive the process that asked.

`ManagedProcess` starts this file by its path (`python -I -S subreaper.py …`), with the standard
library only. The asker holds the other end of a socket. Its end closing is the one way to stop, so
Ctrl-C, kill, kill -9 and a crash of the asker all take the same road as an ordinary stop:

    stop signal to the command → grace → SIGKILL to every descendant → exit

This process is a child subreaper (prctl(2)), so descendants that called setsid (Postgres' backends
do) come back to it. Should it be killed itself, PR_SET_PDEATHSIG kills the command.
"""

import ctypes
import errno
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Sequence

ORPHAN_CHECK_SECONDS = 1.0
"""The parent is looked at this often, in case a forked copy of it holds the socket open."""
KILL_DEADLINE_SECONDS = 5.0
"""SIGKILL cannot be refused; only a descendant in uninterruptible I/O outlives this."""
EXEC_FAILED = 127

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: Sequence[str]) -> int:
    """Run `subreaper.py CONTROL_FD GRACE STOP_SIGNAL UID GID COMMAND…`; uid -1 keeps our own."""
    control, stop_signal, uid, gid = (int(arguments[i]) for i in (0, 2, 3, 4))
    grace = float(arguments[1])
    command = list(arguments[5:])
    _keep_files_to_itself()
    parent = os.getppid()
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake = _wake_on_signals()
    try:
        child = _spawn(command, uid=uid, gid=gid)
    except OSError as failure:
        _tell(control, f"failed {failure}")
        return EXEC_FAILED
    _tell(control, f"pid {child}")
    status = _watch(child, control=control, wake=wake, parent=parent)
    if status is None:
        _signal(child, stop_signal)
        status = _reap(child, deadline=time.monotonic() + grace)
    _kill_descendants()
    if status is not None:
        _tell(control, f"exit {os.waitstatus_to_exitcode(status)}")
    return 0


def _spawn(command: list[str], *, uid: int, gid: int) -> int:
    """Fork and exec; raise the OSError that kept the command from starting."""
    ourselves = os.getpid()
    # Before the change of user, who may not be let in to the modules a search would import.
    program = _on_path(command[0])
    report_read, report_write = os.pipe()  # closed by a successful exec
    child = os.fork()
    if child == 0:
        try:
            _become(uid=uid, gid=gid)
            # After the change of user: that clears the setting.
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == ourselves:
                _forget_signal_handling()
                os.execv(program, command)
        except OSError as failure:
            os.write(report_write, f"{failure.errno} {failure.strerror}".encode())
        except BaseException as failure:  # noqa: BLE001  # the edge of the forked process
            os.write(report_write, f"0 {failure!r}".encode())
        finally:
            os._exit(EXEC_FAILED)
    os.close(report_write)
    report = os.read(report_read, 1024).decode()
    os.close(report_read)
    if report:
        os.waitpid(child, 0)
        number, _, text = report.partition(" ")
        raise OSError(int(number), text, command[0])
    return child


def _on_path(program: str) -> str:
    if "/" in program:
        return program
    for folder in os.get_exec_path():
        candidate = os.path.join(folder, program)
        if os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(errno.ENOENT, "not found on PATH", program)


def _become(*, uid: int, gid: int) -> None:
    os.setpgid(0, 0)  # a signal to the command's group must not reach us
    if uid >= 0:
        os.chdir("/")  # the other user may not be allowed where we are
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _forget_signal_handling() -> None:
    """Reset signals: what Python, nohup or a shell's `&` ignored or blocked is not the command's
    business.
    """
    signal.set_wakeup_fd(-1)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGPIPE,
        signal.SIGXFSZ,
        signal.SIGCHLD,
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _watch(child: int, *, control: int, wake: int, parent: int) -> int | None:
    """Wait until the command ended (its wait status) or must be stopped (None)."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        readable = {fd for fd, _ in poll.poll(ORPHAN_CHECK_SECONDS * 1000)}
        if wake in readable:
            numbers = os.read(wake, 64)
            if any(number != signal.SIGCHLD for number in numbers):
                return None
        status = _reap(child, deadline=0)
        if status is not None:
            return status
        if control in readable or os.getppid() != parent:
            return None


def _reap(child: int, *, deadline: float) -> int | None:
    """Collect ended processes until `child` is among them; None when the deadline passed."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == child:
            return status
        if pid == 0:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.01)


def _kill_descendants() -> None:
    deadline = time.monotonic() + KILL_DEADLINE_SECONDS
    while time.monotonic() < deadline:
        for pid in _descendants():
            _signal(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _descendants() -> list[int]:
    """Return every process below this one, by /proc; where there is no /proc (macOS), none is
    known.
    """
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(fields[1]), []).append(int(entry))
    found: list[int] = []
    pending = [os.getpid()]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # already gone, or changed its user and is not ours to stop


def _keep_files_to_itself() -> None:
    for entry in os.listdir("/dev/fd"):
        try:
            if int(entry) > 2:
                fcntl.fcntl(int(entry), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        except OSError:
            continue  # the listing's own descriptor


def _wake_on_signals() -> int:
    """Return the readable end of a pipe that gets one byte, the number, for each signal."""
    wake, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return wake


def _prctl(option: int, value: int) -> None:
    """Call prctl(2), on Linux only; elsewhere the socket alone guards the command."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0))):
        raise OSError(ctypes.get_errno(), "prctl")


def _tell(control: int, line: str) -> None:
    try:
        os.write(control, line.encode() + b"\n")
    except OSError:
        pass  # the asker is gone: nobody to tell


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
