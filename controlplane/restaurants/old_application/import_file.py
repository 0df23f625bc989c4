"""The old application's data is taken over: menu, customers, orders, reservations.

Each batch of rows is one transaction, and each row has the same id whenever it is imported: whoever
is interrupted begins again, and what is there is passed over. A dry run reads and judges the same
rows and writes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.customer import Customer
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.customers import add_customer
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_versions import list_versions, publish_menu
from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.mapping import OldMapping, OldTable
from controlplane.restaurants.old_application.read_customers import ReadCustomer, read_customer
from controlplane.restaurants.old_application.read_menu import read_menu
from controlplane.restaurants.old_application.read_rows import (
    Reading,
    read_order,
    read_reservation,
)
from controlplane.restaurants.old_application.sqlite_file import SqliteFile
from controlplane.restaurants.old_application.taking import Count, Part, Taking, Tell
from controlplane.restaurants.old_application.totals import (
    Compared,
    Totals,
    compare,
    stored_totals,
)
from controlplane.restaurants.old_application.write_rows import write_orders, write_reservations
from controlplane.restaurants.suppressions import erased_numbers
from controlplane.secret_box import SecretBox
from controlplane.tenancy import restaurant_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What the import did; a dry run compares nothing."""

    counts: dict[OldTable, Count]
    compared: tuple[Compared, ...]
    decoded: int
    """So many texts were read as Windows-1252."""

    @property
    def refused(self) -> int:
        return sum(count.refused for count in self.counts.values())

    @property
    def adds_up(self) -> bool:
        """Whether no row of the file was lost on the way, and each that was read is there."""
        return all(one.complete for one in self.counts.values()) and all(
            one.same for one in self.compared
        )


async def import_file(
    sessions: async_sessionmaker[AsyncSession],
    box: SecretBox,
    restaurant: Restaurant,
    file: SqliteFile,
    mapping: OldMapping,
    *,
    tell: Tell,
    dry_run: bool,
) -> Imported:
    """Read every table, write what is right, and hold both sides' totals against each other.

    Raises `OldFileRefused`, and the database's errors, after which it may be run again.
    """
    taking = Taking(
        sessions=sessions,
        restaurant_id=restaurant.id,
        file=file,
        tell=tell,
        dry_run=dry_run,
    )
    reading = await _reading(sessions, box, restaurant, mapping)
    totals = Totals(reading.zone)
    await _take_menu(taking, mapping)
    await taking.take(
        Part(
            table=OldTable.CUSTOMERS,
            rows=(
                (row["id"], partial(read_customer, reading, row))
                for row in file.rows(OldTable.CUSTOMERS)
            ),
            write=partial(_write_customers, box=box, restaurant=restaurant),
            add=lambda _: None,
        )
    )
    for old_id in file.lines_of_no_order():
        taking.refuse(OldTable.ORDER_LINES, old_id, "cette ligne n'a pas de commande")
    await taking.take(
        Part(
            table=OldTable.ORDERS,
            rows=((row["id"], partial(read_order, reading, row, of)) for row, of in file.orders()),
            write=partial(write_orders, restaurant_id=restaurant.id),
            add=totals.add_orders,
        )
    )
    taking.count(OldTable.ORDER_LINES).read = file.lines_read
    await taking.take(
        Part(
            table=OldTable.RESERVATIONS,
            rows=(
                (row["id"], partial(read_reservation, reading, row))
                for row in file.rows(OldTable.RESERVATIONS)
            ),
            write=partial(write_reservations, restaurant_id=restaurant.id),
            add=totals.add_reservations,
        )
    )
    compared = () if dry_run else await _verify(taking, totals)
    return Imported(counts=taking.counts, compared=compared, decoded=file.decoded)


async def _reading(
    sessions: async_sessionmaker[AsyncSession],
    box: SecretBox,
    restaurant: Restaurant,
    mapping: OldMapping,
) -> Reading:
    async with restaurant_session(sessions, restaurant.id) as session:
        kept = func.make_interval(0, restaurant.keep_calls_months)
        since: datetime = (await session.execute(select(func.now() - kept))).scalar_one()
        is_erased = await erased_numbers(session, box, restaurant.id)
    return Reading(
        restaurant_id=restaurant.id,
        own_number=restaurant.phone_e164,
        zone=ZoneInfo(restaurant.timezone),
        mapping=mapping,
        now=datetime.now(UTC),
        personal_since=since,
        is_erased=is_erased,
    )


async def _take_menu(taking: Taking, mapping: OldMapping) -> None:
    """Publish the menu, unless the restaurant has one, or had one: its own is newer."""
    file, count = taking.file, taking.count(OldTable.MENU)
    categories = {
        values.words(row["id"]): values.words(row["name"]) for row in file.rows(OldTable.CATEGORIES)
    }
    refuse = partial(taking.refuse, OldTable.MENU)
    document = read_menu(file.rows(OldTable.MENU), categories, mapping, refuse)
    count.read = len(document.placed_items())
    if taking.dry_run or not count.read:
        return
    async with (
        restaurant_session(taking.sessions, taking.restaurant_id) as session,
        session.begin(),
    ):
        known = await read_document(session, taking.restaurant_id) != MenuDocument()
        if not known and not await list_versions(session, taking.restaurant_id):
            await publish_menu(session, taking.restaurant_id, document, source=file.name)
            count.new = count.read


async def _write_customers(
    session: AsyncSession,
    customers: Sequence[ReadCustomer],
    *,
    box: SecretBox,
    restaurant: Restaurant,
) -> int:
    numbers = {one.number for one in customers}
    known = select(func.count(Customer.id)).where(
        Customer.restaurant_id == restaurant.id, Customer.phone_e164.in_(numbers)
    )
    before = await session.scalar(known) or 0
    for one in customers:
        await add_customer(session, box, restaurant, one.number, name=one.name, seen_at=one.seen_at)
    return (await session.scalar(known) or 0) - before


async def _verify(taking: Taking, totals: Totals) -> tuple[Compared, ...]:
    """What is in the database beside what the file has; an import that wrote is on record."""
    written = {str(table): count.new for table, count in taking.counts.items() if count.new}
    async with (
        restaurant_session(taking.sessions, taking.restaurant_id) as session,
        session.begin(),
    ):
        if written:
            await audit(
                session,
                taking.restaurant_id,
                actor=ADMIN,
                action="import_data",
                object="restaurant",
                after=written,
            )
        stored = await stored_totals(session, taking.restaurant_id, totals.zone)
    return compare(totals, stored)
