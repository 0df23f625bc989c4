"""Statistics: what rises, and what gets stuck? The period is in the URL; the server draws."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from webapp.analytics.csv_file import csv_of
from webapp.analytics.figures import Figures, figures
from webapp.analytics.period import COMPARED, NAMES, Period, Span, period_of
from webapp.analytics.queries import calls_at, cost_on, orders_on, quality, top_dishes
from webapp.analytics.words import SHOWN, refusal
from webapp.charts import Plot, Series, gauge, plot
from webapp.place import ManagerHere, Place
from webapp.show import hour, month_name, short_day
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}", include_in_schema=False)
PeriodAsked = Annotated[str, Query(max_length=20)]


@router.get("/analytics")
async def analytics(place: ManagerHere, period: PeriodAsked = Span.WEEK) -> HTMLResponse:
    """Show the figures of a period; one that the URL does not name is a week."""
    read = await _read(place, _asked(place, period))
    return place.page(
        "analytics/page.html",
        figures=read,
        spans=NAMES,
        compared=COMPARED[read.period.span],
        bucket_name=lambda day: _name(read.period, day),
        hour_name=lambda of_day: hour(time(of_day)),
        calls_drawn=_draw_calls(read),
        orders_drawn=_draw_orders(read),
        cost_drawn=_draw_cost(read),
        reasons=_reasons(read),
        gauge=gauge,
    )


@router.get("/analytics.csv")
async def analytics_csv(place: ManagerHere, period: PeriodAsked = Span.WEEK) -> Response:
    """Send the same figures as a file."""
    read = await _read(place, _asked(place, period))
    name = f"{place.frame.slug}-{read.period.first}-{read.period.last}.csv"
    return Response(
        csv_of(read),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _asked(place: Place, period: str) -> Period:
    today = datetime.now(UTC).astimezone(place.zone).date()
    return period_of(Span(period) if period in {*Span} else Span.WEEK, today)


async def _read(place: Place, period: Period) -> Figures:
    restaurant_id, zone = place.restaurant_id, place.zone
    async with place.session() as session:
        return figures(
            period,
            calls=await calls_at(session, restaurant_id, period, zone),
            orders=await orders_on(session, restaurant_id, period),
            costs=await cost_on(session, restaurant_id, period, zone),
            quality=await quality(session, restaurant_id, period, zone),
            dishes=await top_dishes(session, restaurant_id, period),
        )


def _name(period: Period, day: date) -> str:
    return month_name(day) if period.by_month else short_day(day)


def _draw_calls(read: Figures) -> Markup:
    return plot(
        Plot(
            series=[
                Series("b1", [each.taken for each in read.hours]),
                Series("b2", [each.transferred for each in read.hours]),
                Series("b3", [each.missed for each in read.hours]),
            ],
            labels=[hour(time(each.hour)) for each in read.hours],
        )
    )


def _draw_orders(read: Figures) -> Markup:
    orders = [each.totals.orders for each in read.buckets]
    labels = [_name(read.period, each.begins) for each in read.buckets]
    return plot(Plot(series=[Series("b1", orders)], labels=labels, gap=0.4))


def _draw_cost(read: Figures) -> Markup:
    """Draw cents: a day of few calls costs less than a euro."""
    return plot(
        Plot(
            series=[
                Series("b1", [each.call_micros / 10_000 for each in read.buckets]),
                Series("b4", [each.sms_micros / 10_000 for each in read.buckets]),
            ],
            labels=[_name(read.period, each.begins) for each in read.buckets],
            unit=" ct",
            gap=0.4,
        )
    )


def _reasons(read: Figures) -> list[tuple[str, int, str]]:
    """Say why calls led to nothing, how often, and in which tone; the most frequent first."""
    found = [
        (_("A raccroché avant que l’IA réponde"), read.quality.abandoned, "wait"),
        (_("Personne ne pouvait répondre"), read.quality.unserved, "bad"),
        (_("Coupé par une panne de notre côté"), read.quality.errors, "bad"),
        (_("Passé à quelqu’un du restaurant"), read.now.transferred, "work"),
        *((refusal(code), n, "") for code, n in read.quality.refusals if code in SHOWN),
    ]
    return sorted((each for each in found if each[1]), key=lambda each: -each[1])
