"""Every page of every feature: each module of this folder has its own in PAGES."""

import importlib
import pkgutil

from tests.integration.webapp import access, pages
from tests.integration.webapp.access.matrix import Row
from tests.integration.webapp.pages.page import Page


def all_pages() -> list[Page]:
    return [page for module in _modules(pages) for page in getattr(module, "PAGES", [])]


def all_rows() -> list[Row]:
    return [row for module in _modules(access) for row in getattr(module, "ROWS", [])]


def _modules(package: object) -> list[object]:
    found = pkgutil.iter_modules(package.__path__)  # type: ignore[attr-defined]
    name = package.__name__  # type: ignore[attr-defined]
    return [importlib.import_module(f"{name}.{each.name}") for each in found]
