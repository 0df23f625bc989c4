"""A number its caller hides is hidden, by one rule that the dialplan keeps word for word."""

from xml.etree import ElementTree

import pytest

from controlplane.bridge.calls.hidden_numbers import SHOWN, is_hidden
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.event import EslEvent
from controlplane.local.launch.installation import CONF_FOLDER
from tests.hidden_numbers import SENDERS, Sender

pytestmark = pytest.mark.unit


def shown(sender: Sender) -> EslEvent:
    """What FreeSWITCH shows of a sender: one header of each name."""
    headers = {
        "Caller-Privacy-Hide-Number": "false",
        ChannelVariable.SIP_FROM_USER.header: sender.user,
    }
    for name, variable in (
        ("Privacy", ChannelVariable.SIP_PRIVACY),
        ("Remote-Party-ID", ChannelVariable.SIP_REMOTE_PARTY_ID),
    ):
        if name in sender.headers:
            headers[variable.header] = sender.headers[name]
    if sender.display_name:
        headers[ChannelVariable.SIP_FROM_DISPLAY.header] = sender.display_name
    return EslEvent(dict(headers))


@pytest.mark.parametrize(
    "sender",
    [pytest.param(sender, id=name) for name, sender in SENDERS.items() if not sender.unseen],
)
def test_hidden_is_hidden_and_shown_is_shown(sender: Sender) -> None:
    assert is_hidden(shown(sender)) is sender.hidden


@pytest.mark.parametrize(
    "headers",
    [
        {"Caller-Privacy-Hide-Number": "true"},
        {"Caller-Privacy-Hide-Number": ""},
        {"variable_sip_from_host": "Anonymous.Invalid"},
        {"variable_sip_from_host": "invalid"},
        {"variable_sip_Privacy": "Privacy: user\r\n"},
        {"variable_sip_Privacy": '"none"'},
        {"variable_sip_from_display": '"ANONYMOUS" '},
    ],
)
def test_what_is_not_understood_hides(headers: dict[str, str]) -> None:
    assert is_hidden(EslEvent({"Caller-Privacy-Hide-Number": "false", **headers}))


def test_the_dialplan_has_the_rule_word_for_word() -> None:
    """Then it writes the number, digits alone; at the first field that hides it forgets it."""
    dialplan = ElementTree.parse(CONF_FOLDER / "dialplan" / "public.xml")
    (rule,) = (e for e in dialplan.iter("extension") if e.get("name") == "caller_number")
    conditions = rule.findall("condition")
    assert [(c.get("field"), c.get("expression")) for c in conditions] == [
        ("destination_number", "^caller_number$"),
        *((field.field, field.expression) for field in SHOWN),
        ("caller_id_number", r"^\+?[0-9]{3,20}$"),
    ]
    for condition in conditions[1:]:
        assert condition.get("break") is None
        (forgets,) = condition.findall("anti-action")
        assert forgets.attrib == {"application": "unset", "data": "record_artist"}
