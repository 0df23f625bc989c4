"""What the team page says: of its people's sign-in, and of the rules' refusals."""

from datetime import datetime, timedelta
from typing import Final

from controlplane.models.device import Device
from controlplane.models.membership import Role
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.people_errors import (
    AlreadyMember,
    InvitationOver,
    NotAnEmail,
    TooManyDevices,
    TooManyInvitations,
    TooManyTries,
)
from webapp.accounts.words import too_many
from webapp.team.queries import Member
from webapp.words import N_, _, ngettext

REFUSALS: Final[dict[type[RestaurantError], str]] = {
    AlreadyMember: N_("Cette personne fait déjà partie de l’équipe. Changez plutôt son rôle."),
    InvitationOver: N_("Cette invitation est déjà acceptée ou annulée."),
    NotAnEmail: N_("Cette adresse est incomplète. Écrivez-la comme nom@exemple.fr."),
    TooManyDevices: N_("Cinquante tablettes sont déjà jumelées. Retirez-en une."),
    TooManyInvitations: N_("Vingt invitations attendent déjà. Annulez-en une."),
}
TONES: Final = {Role.OWNER: "voice", Role.MANAGER: "work", Role.STAFF: "done"}
ROLES_OFFERED: Final = (
    (Role.STAFF, N_("Équipe"), N_("Cuisine, commandes, réservations, ruptures")),
    (Role.MANAGER, N_("Responsable"), N_("Aussi menu, horaires, voix, appels, statistiques")),
)
NOW: Final = timedelta(minutes=2)
SILENT: Final = timedelta(minutes=15)
"""A tablet's stream is opened anew every ten minutes: one that was not seen for longer is off."""


def refusal(error: RestaurantError) -> str:
    """Say a rule's refusal. A class that is not here is a programming error: `KeyError`."""
    if isinstance(error, TooManyTries):
        return too_many(error.until)
    return _(REFUSALS[type(error)])


def security(member: Member) -> str:
    """Say by what the member signs in."""
    if member.has_passkey:
        return _("clé d’accès")
    return _("mot de passe et code") if member.has_code else _("mot de passe seul")


def is_silent(device: Device, now: datetime) -> bool:
    return device.seen_at is None or now - device.seen_at > SILENT


def days_left(until: datetime, now: datetime) -> str:
    """Say how long an invitation can still be answered."""
    days = (until - now).days
    if days < 1:
        return _("valable encore quelques heures")
    return ngettext("valable encore %(count)s jour", "valable encore %(count)s jours", days) % {
        "count": days
    }


def grouped(code: str) -> str:
    """Part ten digits so that they are read aloud and typed: "482 913 0576"."""
    return f"{code[:3]} {code[3:6]} {code[6:]}"
