"""A billing month is a month of the restaurant's own calendar, whatever its clocks do in it. Pure.

A month is written as its first day.
"""

from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

MONTHS: Final = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)


def month_of(at: datetime, timezone: str) -> date:
    """The month of an instant: its first day in that zone."""
    return at.astimezone(ZoneInfo(timezone)).date().replace(day=1)


def next_month(month: date) -> date:
    """The month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_begins(month: date, timezone: str) -> datetime:
    """The instant its first day begins in that zone, in UTC."""
    return datetime.combine(month, time.min, ZoneInfo(timezone)).astimezone(UTC)


def in_french(month: date) -> str:
    """`novembre 2026`, as an invoice names it."""
    return f"{MONTHS[month.month - 1]} {month.year}"
