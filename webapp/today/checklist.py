"""What is still to be set up before callers are served well: asked of what there is. Pure."""

from dataclasses import dataclass

from controlplane.contracts.gateway_states import GatewayState
from controlplane.models.membership import Role
from webapp.queries import Frame
from webapp.today.queries import Today
from webapp.words import _, ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to set up; whoever has less than `least` sees it and cannot do it."""

    name: str
    done: bool
    hint: str
    path: str
    least: Role = Role.MANAGER


def checklist(frame: Frame, today: Today) -> list[Step]:
    """Return all steps in the order in which they are best done."""
    undeclared = ngettext(
        "%(n)s plat n’a pas d’allergènes déclarés",
        "%(n)s plats n’ont pas d’allergènes déclarés",
        today.undeclared,
    ) % {"n": today.undeclared}
    return [
        Step(
            name=_("Menu"),
            done=today.dishes > 0,
            hint=_("L’IA ne vend que ce qui est à la carte."),
            path="/menu",
        ),
        Step(
            name=_("Allergènes"),
            done=today.dishes > 0 and today.undeclared == 0,
            hint=undeclared if today.dishes else _("Après le menu."),
            path="/menu",
        ),
        Step(
            name=_("Horaires"),
            done=today.has_hours,
            hint=_("Sans horaires, l’IA dit que le restaurant est fermé."),
            path="/config/hours",
        ),
        Step(
            name=_("Accueil vocal"),
            done=today.has_greeting,
            hint=_("Vos propres mots ; sinon l’accueil d’origine est dit."),
            path="/config/voice",
        ),
        Step(
            name=_("Personnes à qui passer un appel"),
            done=today.has_people,
            hint=_("Sinon seul le téléphone du restaurant sonne."),
            path="/config/voice",
        ),
        Step(
            name=_("Tablette de cuisine"),
            done=today.has_tablet,
            hint=_("Elle sonne à chaque commande."),
            path="/team",
            least=Role.OWNER,
        ),
        Step(
            name=_("Ligne téléphonique"),
            done=frame.line_state == GatewayState.REGED,
            hint=_("Le compte SIP chez votre opérateur."),
            path="/config/line",
        ),
        Step(
            name=_("Première commande, de l’appel au ticket"),
            done=today.ever_ordered,
            hint=_("Appelez votre numéro et commandez."),
            path="",
        ),
    ]
