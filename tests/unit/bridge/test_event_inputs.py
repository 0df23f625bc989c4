"""Every header of an event that the bridge reads is in the list that the real FreeSWITCH is held
to: who makes events smaller, or fewer, takes none of them away.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import controlplane.bridge
from controlplane.contracts.channel_variables import ChannelVariable
from tests.event_inputs import EVERY, OF_WHOM

pytestmark = pytest.mark.unit

EVENTS = {"event", "dump"}
"""The bridge calls them so, wherever it has one."""
OWN_PROPERTIES = {"channel_uuid": "Unique-ID"}


def headers(source: str) -> Iterator[str]:
    """Each header read of an event: `event.get(…)`, `… in event`, `event.channel_uuid`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="get" | "all"), args=[header, *_]
            ) if name in EVENTS:
                yield header_name(header)
            case ast.Compare(left=header, comparators=[ast.Name(id=name)]) if name in EVENTS:
                yield header_name(header)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in EVENTS:
                if attr in OWN_PROPERTIES:
                    yield OWN_PROPERTIES[attr]


def header_name(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(name)):
            return name
        case ast.Attribute(value=ast.Attribute(attr=member), attr="header"):
            return ChannelVariable[member].header
    raise AssertionError(f"a header whose name is not plain: {ast.unparse(node)}")


def test_what_the_bridge_reads_is_listed() -> None:
    (folder,) = controlplane.bridge.__path__
    read = {
        header
        for file in Path(folder).rglob("*.py")
        for header in headers(file.read_text(encoding="utf-8"))
    }
    read |= OF_WHOM  # by a table (controlplane/bridge/calls/hidden_numbers.py)
    # The two that the event socket's client reads itself (controlplane/esl/).
    assert read | {"Application-UUID", "Unique-ID"} == EVERY
