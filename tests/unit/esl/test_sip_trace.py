"""Which traced messages are a gateway's, and what is masked in them."""

import pytest

from controlplane.esl.sip_trace import MAX_DIALOGS, GatewayMessages, masked

pytestmark = pytest.mark.unit

LUIGI = "chez-luigi-0a1b2c3d"


def message(first: str, *lines: str, call_id: str = "one") -> str:
    return "\n".join([f"recv 9 bytes\n---\n{first}", f"Call-ID: {call_id}", *lines, ""])


def test_a_message_that_names_the_gateway_is_its() -> None:
    wanted = GatewayMessages(LUIGI)
    assert wanted.belongs(message(f"INVITE sip:gw+{LUIGI}@192.0.2.1 SIP/2.0"))
    contact = f"Contact: <sip:x@192.0.2.1;transport=udp;gw={LUIGI}>"
    assert wanted.belongs(message("REGISTER sip:sip.example SIP/2.0", contact, call_id="two"))


@pytest.mark.parametrize("name", [f"{LUIGI}4", f"x{LUIGI}", "chez-mario-0a1b2c3e"])
def test_another_gateways_message_is_not(name: str) -> None:
    wanted = GatewayMessages(LUIGI)
    assert not wanted.belongs(message(f"INVITE sip:gw+{name}@192.0.2.1 SIP/2.0"))
    assert not wanted.belongs(message("SIP/2.0 200 OK", f"Contact: <sip:x@y;gw={name}>"))


def test_the_rest_of_its_dialog_belongs_to_it() -> None:
    wanted = GatewayMessages(LUIGI)
    assert not wanted.belongs(message("BYE sip:phone@192.0.2.9 SIP/2.0"))
    assert wanted.belongs(message(f"INVITE sip:gw+{LUIGI}@192.0.2.1 SIP/2.0"))
    assert wanted.belongs(message("BYE sip:phone@192.0.2.9 SIP/2.0"))
    assert not wanted.belongs(message("BYE sip:phone@192.0.2.9 SIP/2.0", call_id="other"))


def test_dialogs_are_forgotten_the_oldest_first() -> None:
    wanted = GatewayMessages(LUIGI)
    for number in range(MAX_DIALOGS + 1):
        assert wanted.belongs(message(f"INVITE sip:gw+{LUIGI}@x SIP/2.0", call_id=f"c{number}"))
    assert not wanted.belongs(message("BYE sip:y SIP/2.0", call_id="c0"))
    assert wanted.belongs(message("BYE sip:y SIP/2.0", call_id="c1"))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('From: "Jean \\"06\\" Dupont" <sip:+33612345678@h>', 'From: "…" <sip:+33…78@h>'),
        ("From: Jean Dupont <sip:0612345678@h>", 'From: "…" <sip:061…78@h>'),
        ("To: <sip:0033199001234@h>;tag=a1", "To: <sip:003…34@h>;tag=a1"),
        ("P-Asserted-Identity: <tel:+33612345678>", "P-Asserted-Identity: <tel:+33…78>"),
        ('Authorization: Digest username="0033", response="5230"', "Authorization: (hidden)"),
        ('Proxy-Authenticate: Digest nonce="05"', "Proxy-Authenticate: (hidden)"),
        ("INVITE sip:0612345678@h SIP/2.0", "INVITE sip:061…78@h SIP/2.0"),
        ("Contact: <sip:gw+chez-luigi-0a1b2c3d@192.0.2.1:5080>", None),
        ("Call-ID: 123456789012@h", None),
        ("c=IN IP4 192.0.2.100", None),
    ],
)
def test_numbers_names_and_credentials_are_masked(line: str, shown: str | None) -> None:
    assert masked(f"SIP/2.0 200 OK\n{line}\n") == f"SIP/2.0 200 OK\n{shown or line}\n"
