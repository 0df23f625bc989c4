"""What people who work with the site read: invitations and links for a password, in their language.

Pure. The link comes sealed (`controlplane/restaurants/link_notices.py`) and stands in no log.
"""

from typing import Final

from controlplane.models.membership import Role
from controlplane.notifier.words import Words
from controlplane.restaurants.link_notices import LinkNotice
from controlplane.restaurants.notify import NotificationKind

SITE: Final = "AlloResto"
_ROLES: Final = {
    "fr": {Role.MANAGER: "responsable", Role.STAFF: "membre de l’équipe"},
    "en": {Role.MANAGER: "a manager", Role.STAFF: "a member of the team"},
}


def of_account(kind: NotificationKind, notice: LinkNotice, restaurant: str) -> Words:
    """Word one of `OF_ACCOUNTS` for who is invited to this restaurant, or signs in there."""
    if kind is NotificationKind.PASSWORD_RESET:
        return _reset(notice)
    return _invitation(notice, restaurant)


OF_ACCOUNTS: Final = frozenset({NotificationKind.INVITATION, NotificationKind.PASSWORD_RESET})


def _reset(notice: LinkNotice) -> Words:
    if notice.language == "en":
        return Words(
            subject="Your new password",
            sentence="To choose a new password, open this link within the hour. It works once. If"
            " you did not ask for it, do nothing: your password stays as it is.",
            link=notice.link,
            language="en",
            signed=SITE,
        )
    return Words(
        subject="Votre nouveau mot de passe",
        sentence="Pour choisir un nouveau mot de passe, ouvrez ce lien dans l’heure. Il sert une"
        " seule fois. Si vous n’avez rien demandé, ne faites rien : votre mot de passe reste le"
        " même.",
        link=notice.link,
        signed=SITE,
    )


def _invitation(notice: LinkNotice, restaurant: str) -> Words:
    roles = _ROLES[notice.language]
    role = roles[notice.role or Role.STAFF]
    if notice.language == "en":
        return Words(
            subject=f"{notice.invited_by} invites you to {restaurant}",
            sentence=f"{notice.invited_by} invites you to work with {restaurant} on AlloResto, as"
            f" {role}. Open this link within seven days to accept. It works once, for you alone.",
            link=notice.link,
            language="en",
            signed=SITE,
        )
    return Words(
        subject=f"{notice.invited_by} vous invite chez {restaurant}",
        sentence=f"{notice.invited_by} vous invite à rejoindre {restaurant} sur AlloResto, comme"
        f" {role}. Pour accepter, ouvrez ce lien d’ici sept jours. Il ne sert qu’une fois, et qu’à"
        " vous.",
        link=notice.link,
        signed=SITE,
    )
