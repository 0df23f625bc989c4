"""What the rules of a restaurant's set-up refuse, in words that several of its pages share."""

from controlplane.errors import AlloRestoError
from controlplane.restaurants.errors import NotANumber
from controlplane.restaurants.setup_errors import HoursOverlap, TooManyOf, WordsRefused
from webapp.words import _


def refused_setup(error: AlloRestoError) -> str:
    """Say what happened and what to do; of an error that no page foresaw, what always helps."""
    match error:
        case HoursOverlap():
            return _("Deux plages se chevauchent. Terminez la première avant que l’autre commence.")
        case NotANumber():
            return _("Ce n’est pas un numéro de téléphone. Écrivez-le comme 06 12 34 56 78.")
        case TooManyOf(most=most):
            return _("C’est un de trop : la limite est de %(most)s.", most=most)
        case WordsRefused(most=most):
            return _(
                "Ce texte est vide, trop long ou illisible. Écrivez %(most)s caractères au plus.",
                most=most,
            )
        case _:
            return _("Ce n’est pas possible ainsi. Vérifiez ce que vous avez saisi.")
