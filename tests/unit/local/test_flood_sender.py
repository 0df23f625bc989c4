"""A flood's INVITEs are whole ones, and each is another call."""

import pytest

from controlplane.local.bench.flood_sender import WITHOUT_CONTACT, invite
from freeswitch.telephone.sip import SipRequest, parse

pytestmark = pytest.mark.unit

OWN, TARGET = "127.0.0.66:4000", "127.0.0.1:5080"


def parsed(shape: str = "complete") -> SipRequest:
    message = parse(invite(OWN, TARGET, shape=shape))
    assert isinstance(message, SipRequest)
    return message


def test_each_is_a_call_of_its_own() -> None:
    one, other = parsed(), parsed()
    assert one.method == "INVITE"
    assert len(one.body) == int(one.headers.required("Content-Length"))
    for name in ("Call-ID", "Via", "From"):
        assert one.headers.required(name) != other.headers.required(name)


def test_one_shape_has_no_contact() -> None:
    assert parsed().headers.get("Contact")
    assert parsed(WITHOUT_CONTACT).headers.get("Contact") is None
