"""A restaurant's printers and their queues: no ticket is lost, and none comes twice unmarked.

A printer that dies between taking a ticket and saying that it printed it is given the ticket again,
marked as a duplicate: it may be on paper already. The caller of each function commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.order import NEVER_MADE, Order
from controlplane.models.printer import Printer, PrinterProtocol, PrintJob, PrintState
from controlplane.restaurants.audit import audit
from controlplane.restaurants.notification_errors import (
    NoPrinter,
    NothingToPrint,
    NotToBeMade,
    UnknownPrinter,
)
from controlplane.restaurants.payment_standing import Paid, standings
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.setup_lock import lock_setup
from controlplane.restaurants.tokens import new_token, token_hash

PRINTERS_PATH: Final = "/imprimante"
"""The site's path under which printers poll."""
MOST_PRINTERS: Final = 10
MOST_NAME: Final = 40
SILENT_AFTER: Final = timedelta(seconds=60)
"""Printers poll every few seconds: one that was not heard of for so long prints nothing."""
SEEN_EVERY: Final = timedelta(seconds=10)
"""Its row is written no more often than this: a poll is mostly a look."""
KEPT: Final = timedelta(hours=6)
"""A ticket that no printer took for so long is of a service that is over."""
_OPEN: Final = (PrintState.QUEUED, PrintState.FETCHED)


class PrinterHealth(StrEnum):
    """Says whether a printer prints at present, as far as anybody knows."""

    PRINTS = "prints"
    HINDERED = "no paper, open or faulty"
    SILENT = "silent"
    NEVER_POLLED = "never polled"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A ticket that the printer takes: which order's, and whether it may be on paper already."""

    job_id: UUID
    order_id: UUID
    duplicate: bool


async def add_printer(
    session: AsyncSession, restaurant_id: UUID, name: str, protocol: PrinterProtocol, *, actor: str
) -> str:
    """Return the token for the URL the printer is to poll (`poll_path`); it is shown once.

    Raises `TooManyOf`, `WordsRefused`.
    """
    await lock_setup(session, restaurant_id)
    if len(await printers(session, restaurant_id)) >= MOST_PRINTERS:
        raise TooManyOf("printers", MOST_PRINTERS)
    token = new_token(restaurant_id)
    printer = Printer(
        id=new_id(),
        restaurant_id=restaurant_id,
        name=readable(name, "name of a printer", most=MOST_NAME),
        protocol=protocol,
        token_hash=token_hash(token),
    )
    session.add(printer)
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="add_printer",
        object=f"printer:{printer.id}",
        after={"protocol": protocol},
    )
    return token


def poll_path(protocol: PrinterProtocol, token: str) -> str:
    """The path of the site's that the printer of this token is to poll."""
    return f"{PRINTERS_PATH}/{protocol}/{token}"


async def printers(session: AsyncSession, restaurant_id: UUID) -> Sequence[Printer]:
    """The printers in use, the oldest first."""
    found = await session.scalars(
        select(Printer)
        .where(Printer.restaurant_id == restaurant_id, Printer.revoked_at.is_(None))
        .order_by(Printer.created_at, Printer.id)
    )
    return found.all()


async def find_printer(
    session: AsyncSession, restaurant_id: UUID, token: str, protocol: PrinterProtocol
) -> Printer:
    """The printer of the token at the token's restaurant. Raises `UnknownPrinter`."""
    printer = await session.scalar(
        select(Printer).where(
            Printer.restaurant_id == restaurant_id,
            Printer.token_hash == token_hash(token),
            Printer.protocol == protocol,
            Printer.revoked_at.is_(None),
        )
    )
    if printer is None:
        raise UnknownPrinter
    return printer


async def revoke_printer(
    session: AsyncSession, restaurant_id: UUID, printer_id: UUID, *, now: datetime, actor: str
) -> str:
    """Its URL opens nothing any more. Return its name. Raises `UnknownPrinter`."""
    name: str | None = await session.scalar(
        update(Printer)
        .where(
            Printer.restaurant_id == restaurant_id,
            Printer.id == printer_id,
            Printer.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(Printer.name)
    )
    if name is None:
        raise UnknownPrinter
    revoked = f"printer:{printer_id}"
    await audit(session, restaurant_id, actor=actor, action="revoke_printer", object=revoked)
    return name


def health(printer: Printer, now: datetime) -> PrinterHealth:
    """Whether it prints, or why not."""
    if printer.polled_at is None:
        return PrinterHealth.NEVER_POLLED
    if now - printer.polled_at > SILENT_AFTER:
        return PrinterHealth.SILENT
    return PrinterHealth.PRINTS if printer.ready else PrinterHealth.HINDERED


async def silent_printers(session: AsyncSession, restaurant_id: UUID, now: datetime) -> list[str]:
    """Name those that print nothing at present."""
    return [
        each.name
        for each in await printers(session, restaurant_id)
        if health(each, now) is not PrinterHealth.PRINTS
    ]


async def print_order(session: AsyncSession, order: Order) -> None:
    """Queue the order's ticket on every printer of its restaurant that has not had it, in the
    transaction that hands the order to the kitchen.
    """
    await _queue(session, order, await printers(session, order.restaurant_id), copy=1)


async def order_to_print(
    session: AsyncSession, restaurant_id: UUID, number: int | None, now: datetime
) -> Order:
    """The newest order of this number, or of any, but of no service that is over.

    Raises `NothingToPrint`.
    """
    orders = select(Order).where(Order.restaurant_id == restaurant_id, Order.ready_at > now - KEPT)
    if number is not None:
        orders = orders.where(Order.number == number)
    order = await session.scalar(orders.order_by(Order.created_at.desc(), Order.id.desc()).limit(1))
    if order is None:
        raise NothingToPrint(number)
    return order


async def print_again(session: AsyncSession, order: Order, *, actor: str) -> list[str]:
    """Queue the order's ticket once more on every printer, whose names are returned.

    It is marked: whether the kitchen has the order already, on paper or on its page, nobody here
    knows. Raises `NotToBeMade`, `NoPrinter`.
    """
    await _refuse_unless_made(session, order)
    found = await printers(session, order.restaurant_id)
    if not found:
        raise NoPrinter
    last = await session.scalar(
        select(func.max(PrintJob.copy)).where(
            PrintJob.restaurant_id == order.restaurant_id, PrintJob.order_id == order.id
        )
    )
    await _queue(session, order, found, copy=(last or 1) + 1)
    reprinted = f"order:{order.id}"
    await audit(session, order.restaurant_id, actor=actor, action="print_again", object=reprinted)
    return [printer.name for printer in found]


async def _refuse_unless_made(session: AsyncSession, order: Order) -> None:
    if order.status in NEVER_MADE:
        raise NotToBeMade(order.number, f"is {order.status}")
    stands = (await standings(session, order.restaurant_id, [order.id]))[order.id]
    if stands.paid is Paid.AWAITED and stands.required:
        raise NotToBeMade(order.number, "waits for its payment")


async def _queue(
    session: AsyncSession, order: Order, wanted: Sequence[Printer], *, copy: int
) -> None:
    """Queue this copy on each of the printers where it is not."""
    whose = {"restaurant_id": order.restaurant_id, "order_id": order.id, "copy": copy}
    jobs = [{"id": new_id(), "printer_id": printer.id, **whose} for printer in wanted]
    if jobs:
        await session.execute(insert(PrintJob).values(jobs).on_conflict_do_nothing())


async def next_job(
    session: AsyncSession, printer: Printer, now: datetime, *, ready: bool
) -> UUID | None:
    """The ticket that the printer, which has just polled, is to take next, the oldest first.

    Tickets nobody needs any more are dropped on the way.
    """
    if printer.polled_at is None or now - printer.polled_at > SEEN_EVERY or printer.ready != ready:
        printer.polled_at, printer.ready = now, ready
    jobs = await session.execute(
        select(PrintJob, Order.status)
        .join(
            Order,
            (Order.restaurant_id == PrintJob.restaurant_id) & (Order.id == PrintJob.order_id),
        )
        .where(
            PrintJob.restaurant_id == printer.restaurant_id,
            PrintJob.printer_id == printer.id,
            PrintJob.state.in_(_OPEN),
        )
        .order_by(PrintJob.created_at, PrintJob.id)
        .with_for_update(of=PrintJob)
    )
    for job, status in jobs.all():
        if status not in NEVER_MADE and now - job.created_at < KEPT:
            return job.id if ready else None
        job.state, job.settled_at = PrintState.DROPPED, now
    return None


async def fetch(session: AsyncSession, printer: Printer, job_id: UUID) -> Fetched | None:
    """Hand the ticket over; None when it is not this printer's to take, or nobody needs it since
    the poll that named it.
    """
    job = await _open_job(session, printer, job_id)
    if job is None:
        return None
    status = await session.scalar(
        select(Order.status).where(
            Order.restaurant_id == job.restaurant_id, Order.id == job.order_id
        )
    )
    if status in NEVER_MADE:
        return None
    duplicate = job.copy > 1 or job.fetches > 0
    job.state, job.fetches = PrintState.FETCHED, job.fetches + 1
    return Fetched(job.id, job.order_id, duplicate)


async def settle(
    session: AsyncSession, printer: Printer, job_id: UUID, now: datetime, *, printed: bool
) -> None:
    """Write down what the printer says of a ticket it took. One that it could not print is queued
    again; what it says of any other changes nothing.
    """
    job = await _open_job(session, printer, job_id)
    if job is None or job.state != PrintState.FETCHED:
        return
    if printed:
        job.state, job.settled_at = PrintState.PRINTED, now
    else:
        job.state = PrintState.QUEUED


async def _open_job(session: AsyncSession, printer: Printer, job_id: UUID) -> PrintJob | None:
    job: PrintJob | None = await session.scalar(
        select(PrintJob)
        .where(
            PrintJob.restaurant_id == printer.restaurant_id,
            PrintJob.printer_id == printer.id,
            PrintJob.id == job_id,
            PrintJob.state.in_(_OPEN),
        )
        .with_for_update()
    )
    return job
