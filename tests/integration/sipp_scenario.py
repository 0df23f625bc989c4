"""One call as SIPp makes it: an INVITE, what is asked in its dialog, and the answers expected.

SIPp's XML is written from a few lines, so that a table of scenarios shows what is odd about each.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from freeswitch.telephone.rtp_session import Address

PAUSE_MS: Final = 300
"""Between the answer and each request that follows."""
DEADLINE_S: Final = 40
SUCCESS: Final = 200
_PROVISIONAL: Final = (100, 180, 183)


def sdp(*media: str, session: tuple[str, ...] = ()) -> str:
    """Describe a session; `media` are whole sections."""
    head = ("v=0", "o=caller 1 1 IN IP4 {host}", "s=-", "c=IN IP4 {host}", "t=0 0", *session)
    return "\n".join([*head, *media])


def audio(*attributes: str, formats: str = "8", profile: str = "RTP/AVP") -> str:
    return "\n".join([f"m=audio {{port}} {profile} {formats}", *(f"a={a}" for a in attributes)])


PCMA: Final = sdp(audio("rtpmap:8 PCMA/8000", "rtpmap:101 telephone-event/8000", formats="8 101"))


@dataclass(frozen=True, slots=True)
class Request:
    """A request within the dialog. A body is SDP unless `content_type` says otherwise."""

    method: str
    body: str = ""
    answer: int = SUCCESS
    headers: tuple[str, ...] = ()
    content_type: str = "application/sdp"


@dataclass(frozen=True, slots=True)
class Call:
    """What the caller's side sends. Without an `offer` the answer's own is answered in the ACK."""

    offer: str = PCMA
    headers: tuple[str, ...] = ()
    answer: int = SUCCESS
    then: tuple[Request, ...] = field(default=())
    offered_again: bool = False
    """After all that the other side sends a re-INVITE, and is answered."""

    @property
    def steps(self) -> int:
        return len(self.then) + self.offered_again


def scenario_xml(call: Call, *, uri: str, host: str, rtp_port: int, steps: Path) -> str:
    """SIPp's scenario of a call, which touches a file `steps/n` after each request. The other side
    hangs up.
    """
    described = {"host": host, "port": rtp_port}
    parts = [_request("INVITE", uri, call.headers, call.offer.format(**described), cseq=1)]
    if call.answer != SUCCESS:
        parts += [_answered(call.answer), _ack(uri, cseq=1, refused=True)]
        return _scenario(parts)
    answer_in_ack = "" if call.offer else PCMA.format(**described)
    parts += [_answered(SUCCESS), _ack("[next_url]", cseq=1, body=answer_in_ack), _done(steps, 0)]
    for n, request in enumerate(call.then, start=1):
        cseq, body = n + 1, request.body.format(**described) if request.body else ""
        kind = request.content_type
        parts.append(f'<pause milliseconds="{PAUSE_MS}"/>')
        parts.append(_request(request.method, "[next_url]", request.headers, body, cseq, kind))
        parts.append(_answered(request.answer))
        if request.method == "INVITE":
            refused = request.answer != SUCCESS
            described_in_ack = "" if body or refused else PCMA.format(**described)
            parts.append(_ack("[next_url]", cseq=cseq, body=described_in_ack, refused=refused))
        parts.append(_done(steps, n))
    if call.offered_again:
        parts += [_reinvited(PCMA.format(**described)), _done(steps, call.steps)]
    return _scenario([*parts, _hung_up_on()])


@contextlib.asynccontextmanager
async def sipp(
    call: Call, *, uri: str, target: Address, host: str, rtp_port: int, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run SIPp; it ends with 0 when every answer was the expected one and the call was ended."""
    file = folder / "scenario.xml"
    file.write_text(scenario_xml(call, uri=uri, host=host, rtp_port=rtp_port, steps=folder))
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{target[0]}:{target[1]}", "-sf", str(file), "-i", host, "-m", "1"),
        *("-nostdin", "-trace_err", "-trace_msg", "-timeout", f"{DEADLINE_S}s", "-timeout_error"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _scenario(parts: list[str]) -> str:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">'
    return "\n".join([head, '<scenario name="call">', *parts, "</scenario>", ""])


def _send(lines: list[str], body: str = "", *, retransmit: bool = True) -> str:
    text = "\n".join([*lines, "Content-Length: [len]", "", body])
    again = ' retrans="500"' if retransmit else ""
    return f"<send{again}><![CDATA[\n{text}\n]]></send>"


def _request(
    method: str,
    uri: str,
    headers: tuple[str, ...],
    body: str,
    cseq: int,
    content_type: str = "application/sdp",
) -> str:
    to = "<sip:called@[remote_ip]:[remote_port]>" + ("[peer_tag_param]" if cseq > 1 else "")
    lines = _head(method, uri, to, cseq) + list(headers)
    if body:
        lines.append(f"Content-Type: {content_type}")
    return _send(lines, body)


def _ack(uri: str, *, cseq: int, body: str = "", refused: bool = False) -> str:
    """Acknowledge; a refusal in the INVITE's own transaction (RFC 3261 §17.1.1.3)."""
    lines = _head("ACK", uri, "<sip:called@[remote_ip]:[remote_port]>[peer_tag_param]", cseq)
    if refused:
        lines[1] = lines[1].replace("[branch]", f"[branch-{1 + len(_PROVISIONAL) + 1}]")
    if body:
        lines.append("Content-Type: application/sdp")
    return _send(lines, body, retransmit=False)


def _head(method: str, uri: str, to: str, cseq: int) -> list[str]:
    return [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP [local_ip]:[local_port];rport;branch=[branch]",
        "From: <sip:+33639980123@[local_ip]>;tag=[pid]t[call_number]",
        f"To: {to}",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:caller@[local_ip]:[local_port]>",
        "Max-Forwards: 70",
    ]


def _answered(status: int) -> str:
    optional = "\n".join(f'<recv response="{code}" optional="true"/>' for code in _PROVISIONAL)
    return f'{optional}\n<recv response="{status}" rrs="true"/>'


OK: Final = [
    "SIP/2.0 200 OK",
    *("[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"),
]


def _reinvited(body: str) -> str:
    described = [
        "Contact: <sip:caller@[local_ip]:[local_port]>",
        "Content-Type: application/sdp",
    ]
    answer = _send([*OK, *described], body)
    return f'<recv request="INVITE"/>\n{answer}\n<recv request="ACK"/>'


def _hung_up_on() -> str:
    return '<recv request="BYE"/>\n' + _send(OK, retransmit=False)


def _done(steps: Path, n: int) -> str:
    return f'<nop><action><exec command="touch {steps}/{n}"/></action></nop>'
