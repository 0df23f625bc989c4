"""Whose data the file is: a restaurant that is here already, or the one the file describes."""

import re
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.phone_numbers import FRANCE, normalise
from controlplane.models.restaurant import MOST_CALL_MONTHS, Restaurant
from controlplane.restaurants.menu_files.cells import plain_words
from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.errors import OldFileRefused, RowRefused
from controlplane.restaurants.old_application.mapping import OldTable
from controlplane.restaurants.old_application.sqlite_file import SqliteFile

NAMESPACE: Final = UUID("6f2b1a0e-8a57-5d3b-9d6e-3c1c5f7a9b42")
"""Ids of restaurants that an old application's file describes are made of their slugs under it."""


def described_restaurant(file: SqliteFile, *, timezone: str) -> Restaurant:
    """The restaurant of the file, which onboards. Raises `OldFileRefused`."""
    rows = list(file.rows(OldTable.RESTAURANT)) if file.count(OldTable.RESTAURANT) == 1 else []
    if not rows:
        raise OldFileRefused(
            "la table du restaurant doit avoir une ligne et une seule : corrigez-la, ou donnez"
            " --restaurant"
        )
    try:
        name = values.words(rows[0]["name"])
        phone = normalise(values.words(rows[0]["phone"]), FRANCE)
        slug = _slug(values.words(rows[0].get("slug")) or name)
        address = values.words(rows[0].get("address"))
    except RowRefused as refused:
        raise OldFileRefused(f"le restaurant : {refused}") from refused
    if not slug or phone is None:
        raise OldFileRefused("le restaurant a besoin d'un nom et d'un numéro de téléphone lisibles")
    return Restaurant(
        id=uuid5(NAMESPACE, slug),
        slug=slug,
        name=name,
        spoken_name=name,
        address=address,
        timezone=str(ZoneInfo(timezone)),
        phone_e164=phone,
        keep_calls_months=MOST_CALL_MONTHS,
    )


async def add_or_find(session: AsyncSession, described: Restaurant, *, dry_run: bool) -> Restaurant:
    """The row, which a first import makes; the caller commits.

    Raises `OldFileRefused` when another restaurant has that slug: one's data never becomes
    another's because their names are alike.
    """
    found = await session.scalar(select(Restaurant).where(Restaurant.slug == described.slug))
    if found is None:
        if not dry_run:
            session.add(described)
            await session.flush()
            await session.refresh(described)
        return described
    if (found.id, found.phone_e164) != (described.id, described.phone_e164):
        raise OldFileRefused(
            f"un autre restaurant s'appelle déjà « {found.slug} » : donnez --restaurant"
            f" {found.slug} si c'est lui, ou un autre « slug » dans la table du restaurant"
        )
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain_words(text)).strip("-")
