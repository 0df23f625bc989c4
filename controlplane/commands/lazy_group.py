"""A click group that imports a subcommand's module when its word is typed, and not before.

This is Click's own recipe for lazy loading, with each subcommand's line of help kept beside its
path: a group can then tell what it has without importing any of it. A command module imports all
it needs at its top, like every other module.
"""

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A subcommand that has not been imported yet."""

    path: str
    """`module:name` of a click command."""
    help: str
    """Its line in the group's help; the first line of its docstring."""

    def load(self, _name: str) -> click.Command:
        """Import the command. A path that names none is a programming error: `TypeError`."""
        command = imported(self.path)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.path} is not a click command")
        return command


class LazyGroup(click.Group):
    """A group whose subcommands are groups, or lazy; it keeps and shows them in the given order."""

    def __init__(
        self,
        *,
        help: str,
        subcommands: Mapping[str, "LazyCommand | LazyGroup"],
        context_settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(help=help, context_settings=dict(context_settings or {}))
        self.subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self.subcommands.get(cmd_name)
        return found.load(cmd_name) if isinstance(found, LazyCommand) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help or "") for name, one in self.subcommands.items()])


def imported(path: str) -> Any:
    """Import `module` of `module:name`, and return what it calls `name`.

    Modules leave hardly any garbage, and looking for it meanwhile is up to a tenth of their time.
    """
    module, _, name = path.partition(":")
    collects = gc.isenabled()
    gc.disable()
    try:
        return getattr(import_module(module), name)
    finally:
        if collects:
            gc.enable()
