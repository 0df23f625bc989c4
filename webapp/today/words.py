"""What there is to do for somebody, in words."""

from typing import Final

from controlplane.models.task import TaskKind
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.task_errors import TaskStatusRefused
from webapp.words import N_, _

TASKS: Final = {
    TaskKind.CALL_BACK: ("call", N_("Rappeler")),
    TaskKind.COMPLAINT: ("quote", N_("Réclamation")),
    TaskKind.LOST_PROPERTY: ("bag", N_("Objet trouvé")),
    TaskKind.OTHER: ("info", N_("À faire")),
}


def why_refused(error: RestaurantError) -> str:
    """Say what happened, and what to do."""
    match error:
        case TaskStatusRefused(current="taken"):
            return _("Quelqu’un d’autre s’en occupe déjà.")
        case TaskStatusRefused():
            return _("C’est déjà réglé.")
        case _:
            raise error
