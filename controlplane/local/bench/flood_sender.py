"""A stranger who floods a SIP port with INVITE, each with a Call-ID and a branch of its own.

It is a process of its own, so that the callers measured beside it wait for no datagram of it:

    python -m controlplane.local.bench.flood_sender --source 127.0.0.66 --target 127.0.0.1:5080

It ends by itself, and prints how many it sent in how many seconds. Answers are not read.
"""

import json
import secrets
import socket
import time
from typing import Final

import click

SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
WITHOUT_CONTACT: Final = "no-contact"
"""FreeSWITCH answers 400 to such an INVITE, and holds its session for 10 s."""
SHAPES: Final = ("complete", WITHOUT_CONTACT)


@click.command()
@click.option("--source", required=True)
@click.option("--target", required=True, metavar="HOST:PORT")
@click.option("--per-second", default=300)
@click.option("--seconds", default=10.0)
@click.option("--shape", type=click.Choice(SHAPES), default=SHAPES[0])
def main(*, source: str, target: str, per_second: int, seconds: float, shape: str) -> None:
    """Send, evenly spaced; one that is late is made up for at once."""
    host, _, port = target.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        own = f"{source}:{sender.getsockname()[1]}"
        began = time.monotonic()
        total = round(per_second * seconds)
        for number in range(total):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            sender.sendto(invite(own, target, shape=shape), (host, int(port)))
        print(json.dumps({"sent": total, "seconds": time.monotonic() - began}))


def invite(own: str, target: str, *, shape: str = SHAPES[0]) -> bytes:
    """Build one INVITE (RFC 3261 §13) for a number that is nobody's. `own` is `host:port`."""
    token = secrets.token_hex(8)
    body = SDP.format(host=own.partition(":")[0])
    lines = [
        f"INVITE sip:0033199000000@{target} SIP/2.0",
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <sip:1000@{own}>;tag={token[:8]}",
        f"To: <sip:0033199000000@{target}>",
        f"Call-ID: {token}@{own}",
        "CSeq: 1 INVITE",
        *([] if shape == WITHOUT_CONTACT else [f"Contact: <sip:1000@{own}>"]),
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join([*lines, "", ""]) + body).encode()


if __name__ == "__main__":
    main()
