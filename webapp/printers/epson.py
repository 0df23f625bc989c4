"""Epson Server Direct Print: forms in, XML out (Epson's "Server Direct Print User's Manual" and
"ePOS-Print XML User's Manual").
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from webapp.printers.ticket import Line

MEDIA_TYPE: Final = "text/xml; charset=utf-8"
PRINTER_DEADLINE_MS: Final = 10_000
_EPOS: Final = "http://www.epson-pos.com/schemas/2011/03/epos-print"


@dataclass(frozen=True, slots=True)
class Asked:
    """The printer asks for a ticket."""


@dataclass(frozen=True, slots=True)
class Told:
    """The printer tells what became of tickets: whether each is on paper."""

    results: tuple[tuple[UUID, bool], ...]


def parse(body: bytes) -> Asked | Told | None:
    """Read a request's form; None when it is none of the two."""
    try:
        form = parse_qs(body.decode("utf-8"), max_num_fields=20)
    except ValueError:
        return None
    match form.get("ConnectionType"):
        case ["GetRequest"]:
            return Asked()
        case ["SetResponse"]:
            return _told(form.get("ResponseFile", [""])[0])
    return None


def build(job_id: UUID, lines: Sequence[Line]) -> bytes:
    """Return the ticket as `PrintRequestInfo`."""
    request = Element("PrintRequestInfo", Version="2.00")
    ticket = SubElement(request, "ePOSPrint")
    parameter = SubElement(ticket, "Parameter")
    SubElement(parameter, "devid").text = "local_printer"
    SubElement(parameter, "timeout").text = str(PRINTER_DEADLINE_MS)
    SubElement(parameter, "printjobid").text = _job_name(job_id)
    data = SubElement(SubElement(ticket, "PrintData"), "epos-print", xmlns=_EPOS)
    SubElement(data, "text", lang="fr")
    for line in lines:
        style = {
            "align": "center" if line.centred else "left",
            "dw": _flag(line.big),
            "dh": _flag(line.big),
            "em": _flag(line.big),
            "reverse": _flag(line.inverse),
        }
        SubElement(data, "text", style).text = f"{line.text}\n"
    SubElement(data, "cut", type="feed")
    written: bytes = ElementTree.tostring(request, encoding="utf-8", xml_declaration=True)
    return written


def _told(xml: str) -> Told | None:
    """No document type is read: with it could come entities without end."""
    if "<!" in xml:
        return None
    try:
        return Told(tuple(_results(ElementTree.fromstring(xml))))
    except ElementTree.ParseError:
        return None


def _results(told: Element) -> Iterator[tuple[UUID, bool]]:
    for ticket in told.iterfind(".//{*}ePOSPrint"):
        job_id = _job_id(ticket.findtext(".//{*}printjobid", ""))
        response = ticket.find(".//{*}response")
        if job_id is not None and response is not None:
            yield job_id, response.get("success") in {"true", "1"}


def _flag(on: bool) -> str:  # noqa: FBT001 (a value, no switch)
    return "true" if on else "false"


def _job_name(job_id: UUID) -> str:
    """Name the job in 22 characters: a `printjobid` has 30 at most."""
    return urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def _job_id(name: str) -> UUID | None:
    try:
        return UUID(bytes=urlsafe_b64decode(f"{name}=="))
    except (ValueError, binascii.Error):
        return None
