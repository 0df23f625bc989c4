"""`alloresto caller erase`: a caller is forgotten, in Postgres and Redis, and it is proved."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Final

import click
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import environment, record
from controlplane.commands.admin_database import in_transaction
from controlplane.commands.caller import number_argument
from controlplane.commands.options import json_option
from controlplane.models.erasure_certificate import ErasureCertificate
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.certify_erasure import CertifiedErasure
from controlplane.restaurants.erase_caller import Part
from controlplane.restaurants.find_restaurant import find_restaurant
from controlplane.restaurants.forget_caller import forget_caller
from controlplane.text_table import table

REFERENCE_DIGITS: Final = 6
"""So short a hash names one of sixteen million numbers: it tells two reports apart, and no number
can be found from it.
"""


@click.command()
@number_argument
@click.option("--restaurant", metavar="RESTAURANT", help="At this one only; at all when not given.")
@json_option
def erase(*, number: str, restaurant: str | None, as_json: bool) -> None:
    """Erase what is known of this number's caller, search for what is left, and report.

    NUMBER may be - to be read from standard input, so that it is in no shell's history. Erasing
    twice changes nothing more. Each restaurant that knew the number gets a certificate of what a
    search of all its rows found.
    """
    written = sys.stdin.readline() if number == "-" else number
    box, redis_url = environment.secret_box(), environment.redis_url()

    async def work(session: AsyncSession) -> tuple[CertifiedErasure, int]:
        everywhere = select(Restaurant).order_by(Restaurant.id)
        where = (
            [await find_restaurant(session, restaurant)]
            if restaurant is not None
            else list(await session.scalars(everywhere))
        )
        return await forget_caller(session, box, redis_url, where, written)

    done, events = in_transaction(work)
    parts = [*done.erased.parts, *([Part(table="redis", erased=events)] if events else [])]
    reference = sha256(done.erased.number.encode()).hexdigest()[:REFERENCE_DIGITS]
    if as_json:
        certificates = [_certificate(each) for each in done.certificates]
        report = {"reference": reference, "parts": [asdict(part) for part in parts]}
        print(record.as_json({**report, "certificates": certificates}))
        return
    print(f"reference {reference}")
    rows = [(part.table, str(part.erased), str(part.kept), part.why) for part in parts]
    print(table(("TABLE", "ERASED", "KEPT", "WHY"), rows) if rows else "nothing was found")
    _tell(done.certificates)


def _tell(certificates: Sequence[ErasureCertificate]) -> None:
    for each in certificates:
        left = ", ".join(f"{column} ({rows})" for column, rows in sorted(each.found.items()))
        print(
            f"certificate {each.id}: {each.columns_searched} columns searched,"
            f" {f'left in {left}' if left else 'nothing is left'}"
        )
        if each.columns_unreadable:
            print(
                f"{each.columns_unreadable} columns may not be read by DATABASE_URL's user: erase"
                " once more as the tables' owner",
                file=sys.stderr,
            )


def _certificate(each: ErasureCertificate) -> dict[str, object]:
    return {
        "id": each.id,
        "restaurant_id": each.restaurant_id,
        "clean": each.clean,
        "columns_searched": each.columns_searched,
        "columns_unreadable": each.columns_unreadable,
        "found": each.found,
    }
