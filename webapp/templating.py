"""The templates' environment: words, money and hours as filters, files by their content's name."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controlplane.models.membership import Role
from webapp import show
from webapp.typography import typeset
from webapp.words import N_, _, gettext, language, ngettext

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"

ROLE_NAMES: Final = {
    Role.OWNER: N_("Propriétaire"),
    Role.MANAGER: N_("Responsable"),
    Role.STAFF: N_("Équipe"),
}


def templates() -> Environment:
    """Load the templates. They are strict: a name that one doesn't get is an error, not an empty
    string on a ticket.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        price=show.price,
        micros=show.micros,
        clock=show.clock,
        hour=show.hour,
        day=show.day,
        capital=show.capital,
        since=show.since,
        until=show.until,
        phone=show.telephone,
        last_digits=show.last_digits,
        count=show.count,
        call_clock=show.call_clock,
        decimal=show.decimal,
        typeset=typeset,
        rate=show.rate,
    )
    environment.globals.update(
        static=static, language=language, role_name=lambda role: _(ROLE_NAMES[role])
    )
    return environment


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """Return a file's address, which changes with its content: browsers keep it for a year."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
