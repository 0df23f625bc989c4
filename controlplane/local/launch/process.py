"""Child processes of the demo and the tests: services, switches, bridge agents, workers.

None of them outlives its parent, however that one ends: each runs under `subreaper.py`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self, TypeVar

from controlplane.errors import AlloRestoError
from controlplane.local.launch import subreaper
from controlplane.local.launch.unprivileged import SystemUser

START_DEADLINE_SECONDS = 15.0
"""The subreaper says whether the command started; it needs 30 ms, more on a machine under load."""
STOP_GRACE_SECONDS = 10.0
"""From the stop signal to SIGKILL: in that time Postgres writes its last checkpoint."""
POLL_SECONDS = 0.02
LOG_TAIL_BYTES = 2_000
STANDARD_ERROR = 2

T = TypeVar("T")


class ProcessFailed(AlloRestoError):
    """A child process did not start, ended too early or was not ready in time.

    The message carries the end of its log.
    """


class ManagedProcess:
    """One child process that ends with its parent, at the latest.

    It blocks, uses no thread, and is started once. It may be used as a context manager.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        log_file: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: SystemUser | None = None,
        cwd: Path | None = None,
        stop_grace: float = STOP_GRACE_SECONDS,
        held_files: Sequence[int] = (),
    ) -> None:
        """`env` replaces the environment (None: the parent's); `log_file` is appended to and gets
        both outputs (None: they go to the parent's standard error); `user` needs root, and starts
        the process in `/`; `held_files` are descriptors the subreaper keeps open (for their locks).
        """
        self.name = name
        self._argv = [str(part) for part in argv]
        self._env = env
        self._log_file = log_file
        self._stop_signal = stop_signal
        self._user = user
        self._cwd = cwd
        self._grace = stop_grace
        self._held_files = tuple(held_files)
        self._subreaper: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._heard = b""
        self._log_start = 0
        self.pid = 0
        """The command's own process id (not its subreaper's); 0 before `start`."""
        self.returncode: int | None = None
        """As in `subprocess`, a negative value is the signal that ended it; None while it runs."""

    def start(self) -> Self:
        """Start the command; return once it was executed.

        Raises ProcessFailed when it could not be: not found, not executable, user not allowed.
        """
        if self._subreaper is not None:
            raise RuntimeError(f"{self.name} was started before")
        control, theirs = socket.socketpair()
        control.settimeout(START_DEADLINE_SECONDS)
        self._control = control
        try:
            with theirs:
                self._launch(theirs.fileno())
        except OSError as failure:  # no such `cwd`, no process left to start
            control.close()
            raise ProcessFailed(f"{self.name} could not be started: {failure}") from failure
        line = self._next_line()
        word, _, rest = line.partition(" ")
        if word != "pid":
            self.stop()
            raise ProcessFailed(f"{self.name} could not be started: {rest or 'no answer'}")
        self.pid = int(rest)
        return self

    def _launch(self, control: int) -> None:
        uid, gid = (self._user.uid, self._user.gid) if self._user else (-1, -1)
        command = [
            sys.executable, "-I", "-S", subreaper.__file__, str(control), str(self._grace),
            str(int(self._stop_signal)), str(uid), str(gid), *self._argv,
        ]  # fmt: skip
        output: IO[bytes] | None = None
        if self._log_file is not None:
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
            output = self._log_file.open("ab")
            self._log_start = output.tell()
        try:
            self._subreaper = subprocess.Popen(
                command,
                env=None if self._env is None else dict(self._env),
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output or STANDARD_ERROR,
                stderr=output,
                pass_fds=(control, *self._held_files),
                start_new_session=True,  # Ctrl-C is for the parent, which stops things in order
            )
        finally:
            if output is not None:
                output.close()

    @property
    def alive(self) -> bool:
        """Tell whether the command and its subreaper run."""
        if self._subreaper is None or self.returncode is not None:
            return False
        if self._subreaper.poll() is None:
            return True
        self._collect()
        return False

    def wait_for(self, ready: Callable[[], T | None], *, deadline: float) -> T:
        """Poll `ready` until it returns something true, and return that.

        Raises ProcessFailed when the process ends first or `deadline` seconds pass.
        """
        until = time.monotonic() + deadline
        while True:
            if answer := ready():
                return answer
            if not self.alive:
                raise ProcessFailed(
                    f"{self.name} ended with {self.returncode} before it was ready{self._told()}"
                )
            if time.monotonic() >= until:
                raise ProcessFailed(f"{self.name} was not ready in {deadline:g} s{self._told()}")
            time.sleep(POLL_SECONDS)

    def wait(self, *, deadline: float) -> int:
        """Wait for the command to end by itself; return its exit code, or raise ProcessFailed."""
        until = time.monotonic() + deadline
        while self.alive:
            if time.monotonic() >= until:
                raise ProcessFailed(f"{self.name} still ran after {deadline:g} s{self._told()}")
            time.sleep(POLL_SECONDS)
        return self.returncode if self.returncode is not None else -signal.SIGKILL

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the command itself."""
        if self.alive:
            os.kill(self.pid, number)

    def stop(self) -> int | None:
        """Send the stop signal, wait `stop_grace` seconds, then kill all that is left.

        Returns the exit code, None when the process was never started. It may be called twice.
        """
        if self._subreaper is None or self._control is None:
            return None
        if self._subreaper.returncode is None:
            if self._control.fileno() >= 0:
                self._control.shutdown(socket.SHUT_WR)
            try:
                self._subreaper.wait(self._grace + subreaper.KILL_DEADLINE_SECONDS + 1)
            except subprocess.TimeoutExpired:
                self._subreaper.kill()  # PR_SET_PDEATHSIG takes the command with it
                self._subreaper.wait()
        self._collect()
        return self.returncode

    def log_tail(self) -> str:
        """Return the end of what this run wrote to its log file."""
        if self._log_file is None or not self._log_file.exists():
            return ""
        with self._log_file.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def _told(self) -> str:
        tail = self.log_tail().strip()
        return f"; its log ends:\n{tail}" if tail else ""

    def _collect(self) -> None:
        """Read how the command ended, once the subreaper has ended."""
        if self.returncode is not None or self._control is None or self._subreaper is None:
            return
        while line := self._next_line():
            word, _, rest = line.partition(" ")
            if word == "exit":
                self.returncode = int(rest)
        self._control.close()
        if self.returncode is None:
            self.returncode = -signal.SIGKILL if self.pid else subreaper.EXEC_FAILED

    def _next_line(self) -> str:
        """Read one line from the subreaper; it is empty when that has gone or stays silent."""
        assert self._control is not None
        try:
            while b"\n" not in self._heard and (heard := self._control.recv(4096)):
                self._heard += heard
        except OSError:
            return ""
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
