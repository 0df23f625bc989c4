"""A page of the menu: the restaurant's own, with the menu's words at hand."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import HTMLResponse

from webapp.menu import words
from webapp.place import Place
from webapp.typography import typeset

NameOf = Annotated[str, Query(max_length=200)]
"""A category's or a group's name; empty: the one that is added."""


def menu_page_of(place: Place, template: str, *, status: int = 200, **data: Any) -> HTMLResponse:
    """Render it; `typeset` sets the French sentences of the rules."""
    return place.page(
        f"menu/{template}",
        status=status,
        hours=words.hours,
        allergen_list=words.allergen_list,
        shown=words.shown,
        source=words.source,
        typeset=typeset,
        **data,
    )
