"""What was typed into a form, and what is wrong with it, field by field: a 422 loses nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from fastapi import Request
from starlette.datastructures import UploadFile

MOST_DIGITS = 9
MOST_FIELDS = 2_000
"""A week of hours or a long menu fits; a flood of names does not."""


@dataclass(slots=True)
class Form:
    """`values` are as typed; `errors` are sentences for the person who typed them, by field."""

    values: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every value of each name: boxes that are ticked share one."""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, request: Request) -> "Form":
        """Read the fields of a request; its files are read apart."""
        sent = await request.form(max_fields=MOST_FIELDS)
        pairs = [(name, text) for name, text in sent.multi_items() if isinstance(text, str)]
        many: dict[str, list[str]] = {}
        for name, text in pairs:
            many.setdefault(name, []).append(text)
        return cls(values=dict(pairs), many={name: tuple(texts) for name, texts in many.items()})

    def text(self, name: str) -> str:
        """Return a field without the spaces around it, and without NUL, which Postgres keeps in no
        text; "" when it was not sent.
        """
        return self.values.get(name, "").replace("\0", "").strip()

    def ticked(self, name: str) -> bool:
        return name in self.values

    def all(self, name: str) -> tuple[str, ...]:
        return self.many.get(name, ())

    def fail(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field; the first sentence stays."""
        self.errors.setdefault(name, sentence)


def read_whole(text: str) -> int | None:
    """Read `12`; None when it is no whole number, or a larger one than the database's columns."""
    digits = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if digits else None


def read_uuid(text: str) -> UUID | None:
    """Read an id as our pages write it; None of what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def read_date(text: str) -> date | None:
    """Read `2026-11-27`; None when it is no date of this century, whose days can be added to."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2099 else None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file with the name that the visitor's machine gave it."""

    name: str
    data: bytes


async def read_upload(request: Request, name: str, *, most_bytes: int) -> Upload | None:
    """Return the file that a form sent under this name; None when none was chosen.

    Of a larger file it has one byte more than `most_bytes`: whoever reads it sees that.
    """
    async with request.form(max_fields=MOST_FIELDS) as sent:
        file = sent.get(name)
        if not isinstance(file, UploadFile) or not file.filename:
            return None
        return Upload(file.filename, await file.read(most_bytes + 1))
