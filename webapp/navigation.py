"""The navigation of a restaurant's pages: what each role sees of it, in the order it is drawn."""

from dataclasses import dataclass
from typing import Final

from controlplane.models.membership import Role
from webapp.queries import Frame
from webapp.words import N_

RANK: Final = (Role.STAFF, Role.MANAGER, Role.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A link of the navigation; `key` is what its page says it is."""

    key: str
    path: str
    name: str
    icon: str
    least: Role
    counter: str = ""
    """The attribute of `Frame` that is shown beside it, when it is not zero."""
    counted: str = ""
    """What that number counts, for those who hear the page."""
    tone: str = ""
    short: str = ""
    """The name on a telephone's bar of five, where it differs."""


MAIN: Final = (
    Entry(key="today", path="", name=N_("Aujourd’hui"), icon="today", least=Role.STAFF),
    Entry(
        key="kitchen",
        path="/kitchen",
        name=N_("Cuisine"),
        icon="kitchen",
        least=Role.STAFF,
        counter="new_orders",
        counted=N_("nouvelles"),
        tone="bad",
    ),
    Entry(
        key="orders",
        path="/orders",
        name=N_("Commandes"),
        icon="order",
        least=Role.STAFF,
        counter="orders_in_hand",
        counted=N_("en cours"),
    ),
    Entry(
        key="bookings",
        path="/reservations",
        name=N_("Réservations"),
        icon="booking",
        least=Role.STAFF,
        counter="bookings_tonight",
        counted=N_("aujourd’hui"),
        short=N_("Résas"),
    ),
)
CALLS: Final = Entry(
    key="calls",
    path="/calls",
    name=N_("Appels"),
    icon="call",
    least=Role.STAFF,
    counter="live_calls",
    counted=N_("en direct"),
    tone="voice",
)
MENU_AND_VOICE: Final = (
    Entry(
        key="menu",
        path="/menu",
        name=N_("Menu"),
        icon="menu",
        least=Role.STAFF,
        counter="unpublished_menu",
        counted=N_("brouillon à publier"),
    ),
    Entry(key="hours", path="/config/hours", name=N_("Horaires"), icon="hours", least=Role.MANAGER),
    Entry(key="room", path="/config/room", name=N_("Salle"), icon="chair", least=Role.MANAGER),
    Entry(
        key="voice",
        path="/config/voice",
        name=N_("Réponse vocale"),
        icon="voice",
        least=Role.MANAGER,
    ),
    Entry(key="ask", path="/ask", name=N_("Que dira l’IA ?"), icon="ask", least=Role.MANAGER),
)
MANAGEMENT: Final = (
    Entry(
        key="customers", path="/customers", name=N_("Clients"), icon="person", least=Role.MANAGER
    ),
    Entry(
        key="stats", path="/analytics", name=N_("Statistiques"), icon="stats", least=Role.MANAGER
    ),
    Entry(key="team", path="/team", name=N_("Équipe"), icon="team", least=Role.OWNER),
    Entry(key="invoices", path="/invoices", name=N_("Factures"), icon="invoice", least=Role.OWNER),
    Entry(key="programs", path="/config/api", name=N_("API"), icon="key", least=Role.OWNER),
    Entry(key="journal", path="/audit", name=N_("Journal"), icon="journal", least=Role.MANAGER),
    Entry(key="line", path="/config/line", name=N_("Ligne"), icon="line", least=Role.MANAGER),
)


def may(role: Role | None, least: Role) -> bool:
    """Whether a role may do what takes at least another; a tablet has none."""
    return role is not None and RANK.index(role) >= RANK.index(least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries under one title; the first group has none."""

    title: str
    entries: tuple[Entry, ...]


def navigation(role: Role | None) -> tuple[Group, ...]:
    """Return the groups that the role sees: the bar's, then those behind "Plus"."""
    groups = (
        Group(title="", entries=(*MAIN, CALLS)),
        Group(title=N_("Carte et voix"), entries=MENU_AND_VOICE),
        Group(title=N_("Gestion"), entries=MANAGEMENT),
    )
    seen = (
        Group(title=each.title, entries=tuple(e for e in each.entries if may(role, e.least)))
        for each in groups
    )
    return tuple(group for group in seen if group.entries)


def counter(frame: Frame, entry: Entry) -> int:
    """Return the number beside an entry; 0 is not shown."""
    return int(getattr(frame, entry.counter)) if entry.counter else 0
