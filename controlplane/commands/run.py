"""`alloresto run`: one process, its settings from the environment.

Each process's module has a `run()` that returns its exit status, or nothing. What its runtime
wants while modules are imported is done here, before the first of them is.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

import click

from controlplane.commands.lazy_group import LazyCommand, LazyGroup, imported


@contextmanager
def patched_by_gevent() -> Iterator[None]:
    """Make sockets, locks and sleeps gevent's, for modules that bind them when imported.

    Nothing else patches. gevent is named in a string because the asyncio processes, which load
    this module too, are not to import it.
    """
    imported("gevent.monkey:patch_all")()
    yield


@dataclass(frozen=True, slots=True)
class LazyProcess(LazyCommand):
    """A process; `path` names its `run()`."""

    importing: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while its modules are imported."""

    def load(self, name: str) -> click.Command:
        with self.importing():
            run = imported(self.path)
        gc.freeze()  # a collection need not look through what was imported
        return click.Command(name, callback=run, help=self.help)


RUN: Final = LazyGroup(
    help="Run one process.",
    subcommands={
        "bridge-agent": LazyProcess(
            "controlplane.bridge.bridge_agent:run",
            "The agent beside one FreeSWITCH.",
            patched_by_gevent,
        ),
        "controller": LazyProcess(
            "controlplane.controller.controller:run",
            "Placement and recorder.",
            patched_by_gevent,
        ),
        "ai-worker": LazyProcess("aiworker.ai_worker:run", "The AI worker."),
        "notifier": LazyProcess(
            "controlplane.notifier.notifier:run", "The sender of SMS and e-mail."
        ),
        "web": LazyProcess("webapp.web:run", "The web app."),
    },
)
