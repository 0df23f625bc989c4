"""What the pages of accounts say of the rules' errors: what happened, and what to do."""

from datetime import UTC, datetime
from typing import Final

from controlplane.models.membership import Role
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.people_errors import (
    EmailTaken,
    InvitationOver,
    NotAnEmail,
    ResetOver,
    TooManyPasskeys,
    TooManyTries,
    WeakPassword,
)
from controlplane.restaurants.users import LEAST_PASSWORD
from webapp.words import N_, _, ngettext

SENTENCES: Final[dict[type[RestaurantError], str]] = {
    EmailTaken: N_("Cette adresse a déjà un compte. Connectez-vous avec elle."),
    InvitationOver: N_("Cette invitation ne sert plus. Demandez-en une autre."),
    NotAnEmail: N_("Cette adresse est incomplète. Écrivez-la comme nom@exemple.fr."),
    ResetOver: N_("Ce lien ne sert plus. Demandez-en un autre."),
    TooManyPasskeys: N_("Vous avez déjà dix clés d’accès. Retirez-en une."),
    WeakPassword: N_("Ce mot de passe est trop court ou trop long. Il compte de 12 à 200 signes."),
}
ROLE_WORDS: Final = {
    Role.OWNER: N_("propriétaire"),
    Role.MANAGER: N_("responsable"),
    Role.STAFF: N_("membre de l’équipe"),
}
NO_NAME: Final = N_("Votre nom manque. L’équipe le verra.")
WRONG_PASSWORD: Final = N_("Ce mot de passe n’est pas le bon.")
WRONG_CODE: Final = N_("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant.")
MOST_NAME: Final = 80


def said(error: RestaurantError) -> str:
    """Say a rule's refusal. A class that is not here is a programming error: `KeyError`."""
    if isinstance(error, TooManyTries):
        return too_many(error.until)
    return _(SENTENCES[type(error)])


def too_many(until: datetime) -> str:
    """Say how long nobody is let in."""
    minutes = max(1, round((until - datetime.now(UTC)).total_seconds() / 60))
    return _("Trop d’essais. Réessayez dans %(minutes)s min.", minutes=minutes)


def wrong_login(left: int | None) -> str:
    """Say no more than that the two do not fit, and how many tries are left."""
    wrong = _("Adresse ou mot de passe incorrect.")
    if left is None or left == 0:
        return wrong
    tries = ngettext(
        "Encore %(count)s essai avant une pause de 15 min.",
        "Encore %(count)s essais avant une pause de 15 min.",
        left,
    )
    return f"{wrong} {tries % {'count': left}}"


def password_hint() -> str:
    return _("Au moins %(count)s signes. Une phrase convient.", count=LEAST_PASSWORD)
