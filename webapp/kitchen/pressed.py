"""What a press of a button is answered with: the page's own script stays where it is."""

from typing import Final

from fastapi import Request, status
from fastapi.responses import Response

from webapp.place import Place

BY_SCRIPT: Final = "x-by-script"
"""The page's script sends this header, and hears of the change by the stream."""


def pressed(request: Request, place: Place, path: str = "/kitchen", *, said: str = "") -> Response:
    """Lead a browser without scripts back to the page, which shows what is now."""
    if BY_SCRIPT in request.headers:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return place.back(path, said=said)
