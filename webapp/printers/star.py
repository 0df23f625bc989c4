"""Star CloudPRNT: what the printer says as it polls, what it is answered, and tickets in Star Line
Mode (Star's "CloudPRNT Developer Guide" and "Line Mode Command Specifications").
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webapp.printers.ticket import Line

MEDIA_TYPE: Final = "application/vnd.star.line"

_START: Final = b"\x1b@\x1b\x1dt\x20"
"""Everything as it is switched on; code page Windows-1252."""
_CUT: Final = b"\x1bd\x03"
"""It feeds and cuts, but for a point."""
_CENTRED: Final = b"\x1b\x1da\x01"
_LEFT: Final = b"\x1b\x1da\x00"
_BIG: Final = b"\x1bi\x01\x01\x1bE"
"""Twice as high and as wide, and bold."""
_SMALL: Final = b"\x1bi\x00\x00\x1bF"
_INVERSE: Final = b"\x1b4"
_PLAIN: Final = b"\x1b5"


class Poll(BaseModel):
    """What the printer says of itself; the rest is of no use to us."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status_code: str = Field(default="200 OK", alias="statusCode", max_length=200)
    printing: bool = Field(default=False, alias="printingInProgress")

    @property
    def ready(self) -> bool:
        """Codes of 4xx are no paper, an open cover and the like."""
        return self.status_code.replace("%20", " ").strip().startswith("2")


def parse_poll(body: bytes) -> Poll | None:
    """Read a poll; None when it is none."""
    try:
        return Poll.model_validate_json(body)
    except ValidationError:
        return None


def answer(job_id: UUID | None) -> dict[str, object]:
    """Say whether there is a ticket, and by which token to ask for it."""
    if job_id is None:
        return {"jobReady": False}
    return {
        "jobReady": True,
        "mediaTypes": [MEDIA_TYPE],
        "jobToken": str(job_id),
        "deleteMethod": "DELETE",
    }


def printed(code: str) -> bool:
    """Whether the code of a DELETE says that the ticket is on paper."""
    return code.strip().startswith("2")


def build(lines: Sequence[Line]) -> bytes:
    """Return the ticket as the printer's commands."""
    return _START + b"".join(map(_line, lines)) + _CUT


def _line(line: Line) -> bytes:
    return b"".join(
        (
            _CENTRED if line.centred else _LEFT,
            _BIG if line.big else _SMALL,
            _INVERSE if line.inverse else _PLAIN,
            line.text.encode("cp1252", "replace"),
            b"\n",
        )
    )
