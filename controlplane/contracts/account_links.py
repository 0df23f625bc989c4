"""Links that an e-mail or an admin hands to somebody: the site's routes, named once. Pure."""

from typing import Final

INVITATION_PATH: Final = "/invitation/"
RESET_PATH: Final = "/reset/"


def invitation_link(site: str, token: str) -> str:
    """Where an invitation is answered. `site` is the public URL, without a path."""
    return f"{site.rstrip('/')}{INVITATION_PATH}{token}"


def reset_link(site: str, token: str) -> str:
    """Where a password is set."""
    return f"{site.rstrip('/')}{RESET_PATH}{token}"
