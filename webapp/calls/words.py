"""What came of a call, in a word, a sentence, a tone and an icon: the one table of them."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from webapp.calls.queries import Filter, ListedCall, Result
from webapp.show import clock, day
from webapp.typography import typeset
from webapp.words import N_, _, ngettext


@dataclass(frozen=True, slots=True)
class Look:
    """How a result is shown; `words` are the badge's, `sentence` says it at length."""

    tone: str
    icon: str
    words: str
    sentence: str


LOOKS: Final = {
    Result.LIVE: Look("voice", "call-live", N_("En direct"), N_("L’appel est en cours.")),
    Result.ORDER: Look("ok", "order", N_("Commande"), N_("Le client a passé commande.")),
    Result.BOOKING: Look("ok", "booking", N_("Réservation"), N_("Le client a réservé une table.")),
    Result.TRANSFERRED: Look(
        "work", "transfer", N_("Transféré"), N_("Quelqu’un du restaurant a pris l’appel.")
    ),
    Result.MESSAGE: Look(
        "wait",
        "voice",
        N_("Message vocal"),
        N_("Personne ne pouvait répondre : le client a laissé un message."),
    ),
    Result.INFORMATION: Look(
        "done", "info", N_("Renseignement"), N_("Le client n’a rien commandé ni réservé.")
    ),
    Result.MISSED: Look(
        "bad", "missed", N_("Manqué"), N_("Personne n’a pu répondre, et le client n’a rien laissé.")
    ),
    Result.ERROR: Look(
        "bad", "alert", N_("Interrompu"), N_("L’appel a été coupé par une panne de notre côté.")
    ),
    Result.UNKNOWN: Look(
        "done", "info", N_("Fin inconnue"), N_("La fin de cet appel n’a pas été enregistrée.")
    ),
}
ABANDONED: Final = N_("Le client a raccroché avant que l’IA réponde.")

TABS: Final = (
    (Filter.ALL, N_("Tous")),
    (Filter.LIVE, N_("En direct")),
    (Filter.MISSED, N_("Manqués")),
    (Filter.TRANSFERRED, N_("Transférés")),
    (Filter.WRONG, N_("Signalés faux")),
)


def badge(call: ListedCall) -> str:
    """Say in a word what came of it, with the order's number where there is one."""
    if call.result is Result.ORDER and call.order_number is not None:
        return _("Commande n° %(number)s", number=call.order_number)
    return _(LOOKS[call.result].words)


def summary(call: ListedCall, zone: ZoneInfo) -> str:
    """Say what it was about: the dishes, the table, or the caller's first words."""
    if call.dishes:
        return call.dishes
    if call.party is not None and call.seated_at is not None:
        at = call.seated_at.astimezone(zone)
        people = ngettext("%(n)s personne", "%(n)s personnes", call.party) % {"n": call.party}
        return _(
            "%(people)s, %(day)s à %(clock)s", people=people, day=day(at.date()), clock=clock(at)
        )
    if call.result is Result.MISSED and call.abandoned:
        return _(ABANDONED)
    return _("« %(words)s »", words=typeset(call.first_words)) if call.first_words else ""
