"""Who has proved within ten minutes who they are; anybody else is asked first, and led back."""

from typing import Annotated

from fastapi import Depends, Request

from webapp.place import confirmed_recently
from webapp.visitor import PasswordNeeded, SignedIn, UserHere


async def a_recent_user(request: Request, user: UserHere) -> SignedIn:
    """Return the user. Raises `PasswordNeeded`."""
    if not confirmed_recently(user):
        raise PasswordNeeded(request)
    return user


RecentUserHere = Annotated[SignedIn, Depends(a_recent_user)]
