"""Reads the same dialplan XML as the real FreeSWITCH and says which applications a call runs.

It covers what `freeswitch/conf/dialplan/` uses: contexts, extensions, conditions with `break`,
actions, anti-actions, `${variable}` and `$${global}` (mod_dialplan_xml.c, `parse_exten`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

_GLOBAL = re.compile(r"\$\$\{([^}]+)\}")
_VARIABLE = re.compile(r"\$\{((?:[^${}]|\$\{[^{}]*\})+)\}")
"""A name may hold another variable: `${rung_for_${sip_gateway}}`."""


@dataclass(frozen=True, slots=True)
class Action:
    """An application to run; `data` is expanded when it runs."""

    application: str
    data: str = ""


class Dialplan:
    """Holds every context of a folder of dialplan files."""

    def __init__(
        self,
        folder: Path,
        *,
        global_variables: Mapping[str, str],
        set_variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`global_variables` are put in once; those set later are what a channel has that has none
        of that name (switch_channel.c, switch_channel_get_variable_dup).
        """
        self._set = set_variables
        self._contexts: dict[str, ElementTree.Element] = {}
        for file in sorted(folder.glob("*.xml")):
            text = _GLOBAL.sub(
                lambda match: global_variables.get(match[1], ""), file.read_text(encoding="utf-8")
            )
            for context in ElementTree.fromstring(text).iter("context"):
                self._contexts[context.attrib["name"]] = context

    def hunt(
        self, context: str, destination: str, variable: Callable[[str], str | None]
    ) -> list[Action]:
        """Return the actions of the first extension that matches; empty when there is none.

        As in FreeSWITCH, what an extension collected before it failed stays in the list.
        """

        def inherited(name: str) -> str | None:
            return variable(name) or self._set.get(name)

        found = self._contexts.get(context)
        actions: list[Action] = []
        for extension in found.iter("extension") if found is not None else ():
            if _read_extension(extension, destination, inherited, actions):
                break
        return actions


def _read_extension(
    extension: ElementTree.Element,
    destination: str,
    variable: Callable[[str], str | None],
    actions: list[Action],
) -> bool:
    matched = False
    for condition in extension.iter("condition"):
        passed = _passes(condition, destination, variable)
        found = _actions(condition, "action" if passed else "anti-action")
        actions += found
        matched = passed or bool(found)
        break_when = condition.get("break", "on-false")
        if break_when == "always" or break_when == f"on-{str(passed).lower()}":
            break
    return matched


def _passes(
    condition: ElementTree.Element, destination: str, variable: Callable[[str], str | None]
) -> bool:
    field = condition.get("field")
    if field is None:
        return True
    if field == "destination_number":
        value = destination
    else:  # a field of the caller's profile is taken as it is, anything else is expanded
        value = expand(field, variable) if "$" in field else variable(field) or ""
    expression = expand(condition.get("expression", ""), variable)
    return re.search(expression, value) is not None


def _actions(condition: ElementTree.Element, kind: str) -> list[Action]:
    return [
        Action(element.attrib["application"], element.get("data", ""))
        for element in condition.iter(kind)
    ]


def expand(text: str, variable: Callable[[str], str | None]) -> str:
    """Replace each `${name}`; variables that are not set become nothing."""
    return _VARIABLE.sub(lambda match: variable(expand(match[1], variable)) or "", text)
