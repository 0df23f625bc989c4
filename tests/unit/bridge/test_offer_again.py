"""Only an offer without a codec of ours, which FreeSWITCH has refused, is answered with ours."""

import pytest

from tests.unit.bridge.one_call import OneCall

pytestmark = pytest.mark.unit

HEAD = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("offered", "again"),
    [
        (f"{HEAD}m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", True),
        (f"{HEAD}m=audio 4000 RTP/AVP 96 101\r\n", True),
        (f"{HEAD}m=audio 0 RTP/AVP 8\r\n", True),
        (f"{HEAD}m=image 4000 udptl t38\r\n", True),
        (f"{HEAD}m=audio 4000 RTP/AVP 8 101\r\n", False),
        (f"{HEAD}m=audio 4000 RTP/AVP 18 0\r\n", False),
        (f"{HEAD}m=image 4000 udptl t38\r\nm=audio 4002 RTP/AVP 8\r\n", False),
        ("_undef_", False),
        ("", False),
    ],
)
def test_an_offer_is_answered_with_ours(offered: str, *, again: bool) -> None:
    one = OneCall()
    one.switch.variable = offered
    one.channel.offer_audio_again()
    assert (one.switch.commands[-1].split()[0] == "uuid_media_reneg") is again
