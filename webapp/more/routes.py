"""Everything behind "Plus", as a page: for browsers without popovers."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from webapp.place import StaffHere

router = APIRouter(prefix="/place/{restaurant_id}/more", include_in_schema=False)


@router.get("")
async def more_page(place: StaffHere) -> HTMLResponse:
    """Show the rest of the navigation, as far as the member's role goes."""
    return place.page("more/page.html")
