"""Printers as they poll: Star CloudPRNT and Epson Server Direct Print, with paper to look at."""

from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import httpx2


@dataclass
class StarPrinter:
    """Polls, fetches and deletes as Star's firmware does."""

    browser: httpx2.AsyncClient
    token: str
    paper: list[str] = field(default_factory=list)
    code: str = "200 OK"

    @property
    def url(self) -> str:
        return f"/imprimante/star/{self.token}"

    async def poll(self) -> dict[str, Any]:
        status = {"statusCode": self.code, "printerMAC": "00:11:62:00:00:01", "status": "23 6 0"}
        answer = await self.browser.post(self.url, json=status)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def fetch(self) -> str | None:
        """Take what there is to print and put it on paper; its token, not yet confirmed."""
        offered = await self.poll()
        if not offered["jobReady"]:
            return None
        (media_type,) = offered["mediaTypes"]
        query = {"token": offered["jobToken"], "type": media_type, "mac": "00:11:62:00:00:01"}
        answer = await self.browser.get(self.url, params=query)
        answer.raise_for_status()
        self.paper.append(answer.content.decode("cp1252"))
        return str(offered["jobToken"])

    async def confirm(self, token: str, code: str = "200 OK") -> None:
        answer = await self.browser.delete(self.url, params={"token": token, "code": code})
        answer.raise_for_status()


@dataclass
class EpsonPrinter:
    """Asks and tells as Epson's firmware does."""

    browser: httpx2.AsyncClient
    token: str
    paper: list[str] = field(default_factory=list)

    async def fetch(self) -> str | None:
        """Take what there is to print and put it on paper; its job's name, not yet told of."""
        form = {"ConnectionType": "GetRequest", "ID": "", "Name": "TM"}
        answer = await self.browser.post(f"/imprimante/epson/{self.token}", data=form)
        answer.raise_for_status()
        if not answer.content:
            return None
        ticket = ElementTree.fromstring(answer.content)
        self.paper.append("".join(ticket.itertext()))
        return ticket.findtext(".//printjobid")

    async def tell(self, job: str, *, success: bool) -> None:
        told = (
            '<?xml version="1.0" encoding="UTF-8"?><PrintResponseInfo Version="2.00"><ePOSPrint>'
            f"<Parameter><devid>local_printer</devid><printjobid>{job}</printjobid></Parameter>"
            '<PrintResponse><response xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print"'
            f' success="{str(success).lower()}" code="" status="251658262"/></PrintResponse>'
            "</ePOSPrint></PrintResponseInfo>"
        )
        form = {"ConnectionType": "SetResponse", "ID": "", "Name": "TM", "ResponseFile": told}
        answer = await self.browser.post(f"/imprimante/epson/{self.token}", data=form)
        answer.raise_for_status()
