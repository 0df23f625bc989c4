"""Exceptions as the log shows them: where and of which class, and no word that a caller said.

The text of many exceptions quotes what they failed on: Postgres the row it refused, pydantic its
input, `int()` its argument. So a text is shown only for classes whose texts are about code.
"""

import logging
import re
import traceback
from typing import Final

from controlplane.errors import AlloRestoError

_ABOUT_CODE: Final = (
    AlloRestoError,
    AssertionError,
    AttributeError,
    ImportError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
)
_NUMBER: Final = re.compile(r"\+?\d(?:[ .\-/]?\d){7,}")
"""What could be a telephone number, which has eight digits and more."""
_MOST_CHAINED: Final = 10

_BECAUSE: Final = "\nThe above exception was the direct cause of the following one:\n"
_DURING: Final = "\nDuring handling of the above exception, another one occurred:\n"


def format_exception(error: BaseException | None) -> str:
    """Return the traceback with the exceptions that led to it, the oldest first."""
    parts: list[str] = []
    for _ in range(_MOST_CHAINED):
        if error is None:
            break
        parts.append(_one(error))
        if error.__cause__ is not None:
            parts.append(_BECAUSE)
            error = error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            parts.append(_DURING)
            error = error.__context__
        else:
            break
    return "\n".join(reversed(parts))


def without_numbers(text: str) -> str:
    """Return the text with a sign in the place of what could be a telephone number."""
    return _NUMBER.sub("<number>", text)


class PrivateFormatter(logging.Formatter):
    """Formats the records of libraries: their first line and our traceback.

    asyncio's further lines show a task with the exception it failed with, text and all.
    """

    def format(self, record: logging.LogRecord) -> str:
        first_line = without_numbers(record.getMessage().partition("\n")[0])
        text = f"{record.levelname}:{record.name}:{first_line}"
        error = record.exc_info[1] if record.exc_info else None
        return text if error is None else f"{text}\n{format_exception(error)}"


def _one(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else _qualified(kind)
    lines = ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__)]
    text = "".join(lines) + name + _said_by(error)
    if isinstance(error, BaseExceptionGroup):
        members = (f"--- one of the group:\n{format_exception(one)}" for one in error.exceptions)
        text = "\n".join((text, *members))
    return text


def _said_by(error: BaseException) -> str:
    sqlstate = getattr(error, "sqlstate", None)  # psycopg's errors have it
    if isinstance(sqlstate, str):
        return f": SQLSTATE {sqlstate}"
    return f": {without_numbers(str(error))}" if isinstance(error, _ABOUT_CODE) else ""


def _qualified(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
