"""What is typed of a reservation, read into what the rules ask for; each fault has its sentence."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from controlplane.contracts.clean_text import clean_text
from controlplane.contracts.identifiers import new_id
from controlplane.models.reservation import ReservationSource
from controlplane.restaurants.errors import NotANumber
from controlplane.restaurants.read_number import read_number
from controlplane.restaurants.reservation_request import Guest, Request
from controlplane.restaurants.reservation_rules import Wish
from webapp.forms import Form, read_uuid
from webapp.words import _

MOST_PARTY: Final = 200
"""The table has the same limit."""
LONGEST_NAME: Final = 80
LONGEST_NOTE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """How many come, and at which instant (UTC)."""

    party: int
    starts_at: datetime


def read_when(form: Form, zone: ZoneInfo) -> When | None:
    """Read `party`, and `day` with `time`, or `at` in place of both: a time that was offered."""
    party = _number(form, "party", 1, MOST_PARTY)
    starts_at = _instant(form, zone)
    if party is None or starts_at is None:
        return None
    return When(party=party, starts_at=starts_at)


def read_request(
    form: Form, zone: ZoneInfo, own: str, *, actor: str, now: datetime
) -> Request | None:
    """Read a whole reservation: `own` is the restaurant's number (E.164), by whose plan a guest's
    is read. Who walked in sits down now, and need not say who they are.
    """
    walk_in = form.ticked("walk_in")
    party = _number(form, "party", 1, MOST_PARTY)
    starts_at = now if walk_in else _instant(form, zone)
    guest = read_guest(form, own, named=not walk_in)
    if party is None or starts_at is None or guest is None:
        return None
    return Request(
        key=f"web:{form_key(form)}",
        wish=Wish(
            party=party,
            starts_at=starts_at,
            area_id=read_uuid(form.text("area")),
            table_ids=frozenset(filter(None, [read_uuid(form.text("table"))])),
            by_staff=True,
        ),
        guest=guest,
        source=ReservationSource.WALK_IN if walk_in else ReservationSource.STAFF,
        actor=actor,
        or_wait=form.ticked("or_wait"),
    )


def form_key(form: Form) -> UUID:
    """Return the form's own key: sent twice, it books once."""
    return read_uuid(form.text("key")) or new_id()


def read_day(text: str, otherwise: date) -> date:
    """Read `2026-11-27`; what is no date of this century is `otherwise`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return day if 2000 <= day.year <= 2099 else otherwise


def read_time(form: Form, name: str) -> time | None:
    """Read `19:30`, or say what is wrong with it."""
    try:
        return time.fromisoformat(form.text(name)).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError:
        form.fail(name, _("Cette heure ne se lit pas. Écrivez-la comme 19:30."))
        return None


def _instant(form: Form, zone: ZoneInfo) -> datetime | None:
    if form.text("at"):
        offered = _local(form.text("at"))
        if offered is not None:
            return offered.replace(tzinfo=zone).astimezone(UTC)
    at = read_time(form, "time")
    day = read_day(form.text("day"), date.min)
    if day == date.min:
        form.fail("day", _("Cette date ne se lit pas. Choisissez un jour du calendrier."))
        return None
    return datetime.combine(day, at, zone).astimezone(UTC) if at is not None else None


def _local(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is None and 2000 <= at.year <= 2099 else None


def read_guest(form: Form, own: str, *, named: bool) -> Guest | None:
    """Read who comes: `own` is the restaurant's number (E.164), by whose plan theirs is read."""
    name = clean_text(form.text("name"))
    if named and not name:
        form.fail("name", _("Il manque un nom. Écrivez celui qui réserve."))
    if len(name) > LONGEST_NAME:
        form.fail("name", _("Ce nom est trop long : %(n)s lettres au plus.", n=LONGEST_NAME))
    phone = _phone(form, own)
    for field in ("note", "allergy"):
        if len(form.text(field)) > LONGEST_NOTE:
            form.fail(field, _("C’est trop long : %(n)s lettres au plus.", n=LONGEST_NOTE))
    if form.errors.keys() & {"name", "phone", "note", "allergy"}:
        return None
    return Guest(
        name=name or None,
        phone_e164=phone,
        note=clean_text(form.text("note")),
        allergy_note=clean_text(form.text("allergy")),
    )


def _phone(form: Form, own: str) -> str | None:
    if not form.text("phone"):
        return None
    try:
        return read_number(form.text("phone"), own=own)
    except NotANumber:
        form.fail("phone", _("Ce numéro ne se lit pas. Écrivez-le comme 06 12 34 56 78."))
        return None


def _number(form: Form, name: str, least: int, most: int) -> int | None:
    written = form.text(name)
    if re.fullmatch(r"[0-9]{1,6}", written) and least <= int(written) <= most:
        return int(written)
    form.fail(name, _("Écrivez un nombre de %(least)s à %(most)s.", least=least, most=most))
    return None
