"""The routers of the menu's pages."""

from typing import Final

from fastapi import APIRouter

from webapp.menu.category_routes import router as category_router
from webapp.menu.dish_routes import router as dish_router
from webapp.menu.group_routes import router as group_router
from webapp.menu.import_routes import router as import_router
from webapp.menu.photo_routes import router as photo_router
from webapp.menu.publish_routes import router as publish_router
from webapp.menu.routes import router as menu_router
from webapp.menu.stock_routes import router as stock_router

MENU_ROUTERS: Final[tuple[APIRouter, ...]] = (
    menu_router,
    dish_router,
    category_router,
    group_router,
    publish_router,
    import_router,
    photo_router,
    stock_router,
)
