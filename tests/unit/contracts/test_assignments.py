"""What a bridge is told is read back as it was said."""

import pytest

from controlplane.contracts.assignments import (
    Assignment,
    BindingGivenBack,
    Echo,
    RegistrationMoved,
    RegistrationsChanged,
    RegistrationsPlaced,
    parse_assignment,
)
from controlplane.contracts.messages import MessageError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "message",
    [
        RegistrationsPlaced(),
        RegistrationsChanged(),
        RegistrationMoved(),
        BindingGivenBack(gateway_name="pizza-0a1b2c3d"),
        Echo(),
    ],
)
def test_each_is_read_back(message: Assignment) -> None:
    assert parse_assignment(message.to_json()) == message


@pytest.mark.parametrize(
    "body",
    ["placed", "{}", '{"type": "given_back"}', '{"type": "placed", "bridgeId": "bridge-0"}'],
)
def test_nothing_else_is_read(body: str) -> None:
    with pytest.raises(MessageError):
        parse_assignment(body)
