"""The routers of all features, in the order they are asked."""

from typing import Final

from fastapi import APIRouter

from webapp.accounts.routes import ACCOUNTS
from webapp.analytics.routes import router as analytics_router
from webapp.ask.routes import router as ask_router
from webapp.audit.routes import router as audit_router
from webapp.call.in_progress import router as in_progress_router
from webapp.call.routes import router as call_router
from webapp.calls.routes import router as calls_router
from webapp.customers.rights import router as rights_router
from webapp.customers.routes import router as customers_router
from webapp.hours.routes import router as hours_router
from webapp.invoices.routes import router as invoices_router
from webapp.kitchen.availability_routes import router as availability_router
from webapp.kitchen.paper_routes import router as paper_router
from webapp.kitchen.routes import messages_router
from webapp.kitchen.routes import router as kitchen_router
from webapp.kitchen.settings_routes import router as kitchen_settings_router
from webapp.line.routes import router as line_router
from webapp.live.routes import router as live_router
from webapp.menu.routers import MENU_ROUTERS
from webapp.more.routes import router as more_router
from webapp.orders.by_hand import router as by_hand_router
from webapp.orders.routes import router as orders_router
from webapp.pace.routes import router as pace_router
from webapp.payments.routes import router as payments_router
from webapp.platform.routes import router as platform_router
from webapp.printers.routes import router as printers_router
from webapp.programs.routes import router as programs_router
from webapp.public.routes import router as public_router
from webapp.receipt.routes import router as receipt_router
from webapp.reservations.routes import router as reservations_router
from webapp.room.routes import router as room_router
from webapp.start.routes import router as start_router
from webapp.team.devices import router as devices_router
from webapp.team.routes import router as team_router
from webapp.today.routes import router as today_router
from webapp.voice.routes import router as voice_router
from webapp.voice_messages.routes import router as voice_messages_router
from webapp.zones.routes import router as zones_router

ROUTERS: Final[tuple[APIRouter, ...]] = (
    availability_router,
    kitchen_settings_router,
    paper_router,
    kitchen_router,
    messages_router,
    by_hand_router,
    orders_router,
    rights_router,
    customers_router,
    live_router,
    receipt_router,
    public_router,
    printers_router,
    payments_router,
    calls_router,
    call_router,
    in_progress_router,
    today_router,
    analytics_router,
    voice_messages_router,
    reservations_router,
    invoices_router,
    programs_router,
    *ACCOUNTS,
    hours_router,
    pace_router,
    zones_router,
    ask_router,
    room_router,
    *MENU_ROUTERS,
    platform_router,
    team_router,
    devices_router,
    audit_router,
    more_router,
    voice_router,
    line_router,
    start_router,
)
