"""What the audit page calls each deed, and who did it."""

from collections.abc import Mapping
from typing import Any, Final

from controlplane.models.membership import Role
from controlplane.restaurants.audit import ADMIN
from webapp.templating import ROLE_NAMES
from webapp.words import N_, _

SUBJECTS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "team": (
        N_("Équipe"),
        {
            "invite": N_("a invité quelqu’un"),
            "revoke_invitation": N_("a annulé une invitation"),
            "join": N_("a rejoint l’équipe"),
            "change_role": N_("a changé le rôle de quelqu’un"),
            "remove_member": N_("a retiré quelqu’un de l’équipe"),
            "make_owner": N_("a remis le restaurant à un propriétaire"),
            "offer_code": N_("a montré un code pour une tablette"),
            "pair_device": N_("a été jumelée"),
            "revoke_device": N_("a retiré une tablette"),
            "set_identity": N_("a changé le nom, l’adresse ou le numéro"),
            "go_live": N_("a mis le restaurant en service"),
            "look": N_("a consulté le restaurant"),
        },
    ),
    "menu": (
        N_("Menu"),
        {
            "save_menu_draft": N_("a travaillé au brouillon du menu"),
            "discard_menu_draft": N_("a jeté le brouillon du menu"),
            "publish_menu": N_("a publié le menu"),
            "set_photo": N_("a mis une photo"),
            "remove_photo": N_("a retiré une photo"),
            "count_portions": N_("a compté les portions d’un plat"),
        },
    ),
    "hours": (
        N_("Horaires et cadence"),
        {
            "set_week": N_("a changé les horaires de la semaine"),
            "add_exception": N_("a ajouté un jour particulier"),
            "remove_exception": N_("a retiré un jour particulier"),
            "set_holidays": N_("a changé les jours fériés"),
            "set_kitchen": N_("a changé les temps de la cuisine"),
            "set_busy": N_("a changé le coup de feu"),
            "add_pacing": N_("a ajouté une règle de cadence"),
            "change_pacing": N_("a changé une règle de cadence"),
            "remove_pacing": N_("a retiré une règle de cadence"),
            "set_expiry": N_("a changé quand une commande oubliée expire"),
            "add_zone": N_("a ajouté une zone de livraison"),
            "change_zone": N_("a changé une zone de livraison"),
            "remove_zone": N_("a retiré une zone de livraison"),
        },
    ),
    "kitchen": (
        N_("Cuisine et salle"),
        {
            "set_auto_accept": N_("a changé l’acceptation automatique"),
            "set_available": N_("a changé une rupture"),
            "set_dish_ages": N_("a changé les couleurs d’attente des plats"),
            "add_printer": N_("a ajouté une imprimante"),
            "revoke_printer": N_("a retiré une imprimante"),
            "print_again": N_("a réimprimé un bon"),
            "set_ladder": N_("a changé qui est prévenu d’une commande oubliée"),
            "set_dining_plan": N_("a changé le plan de salle"),
            "offer_table": N_("a proposé une table à qui attendait"),
        },
    ),
    "voice": (
        N_("Appels et réponse vocale"),
        {
            "add_answer": N_("a ajouté une réponse"),
            "change_answer": N_("a changé une réponse"),
            "remove_answer": N_("a retiré une réponse"),
            "settle_question": N_("a réglé une question sans réponse"),
            "set_voice": N_("a changé la réponse vocale"),
            "word_prompt": N_("a changé une annonce"),
            "unword_prompt": N_("a repris l’annonce d’origine"),
            "add_transfer_target": N_("a ajouté un numéro de transfert"),
            "remove_transfer_target": N_("a retiré un numéro de transfert"),
            "report_wrong": N_("a signalé une erreur de l’IA"),
            "export_cases": N_("a exporté les erreurs signalées"),
        },
    ),
    "customers": (
        N_("Clients et données"),
        {
            "block_caller": N_("a bloqué un appelant"),
            "unblock_caller": N_("a débloqué un appelant"),
            "export_caller": N_("a exporté ce qui est su d’un client"),
            "erase_caller": N_("a effacé un client"),
            "change_retention": N_("a changé la durée de conservation"),
            "import_data": N_("a repris les données d’une autre application"),
        },
    ),
    "links": (
        N_("Ligne et logiciels reliés"),
        {
            "set_account": N_("a changé le compte de la ligne"),
            "make_api_token": N_("a créé une clé d’API"),
            "revoke_api_token": N_("a retiré une clé d’API"),
            "add_webhook": N_("a relié un logiciel"),
            "remove_webhook": N_("a délié un logiciel"),
            "replay_webhook": N_("a renvoyé des événements à un logiciel"),
        },
    ),
    "payments": (
        N_("Paiement en ligne"),
        {
            "payment.policy": N_("a changé le paiement en ligne"),
            "payment.account": N_("a changé le compte de paiement"),
        },
    ),
}
"""By subject: its name, and its actions as the audit log spells them. A test finds the rest."""
DEEDS: Final = {
    action: sentence for _name, deeds in SUBJECTS.values() for action, sentence in deeds.items()
}
PROCESSES: Final = {ADMIN: N_("AlloResto"), "kitchen": N_("Cuisine")}


def who(actor: str, names: Mapping[str, str]) -> str:
    """Say who acted; somebody whose account is gone is still somebody."""
    if actor in names:
        return names[actor]
    if actor in PROCESSES:
        return _(PROCESSES[actor])
    return _("Compte supprimé") if actor.startswith("user:") else _("AlloResto")


def deed(action: str) -> str:
    """Say what was done. An action that is newer than this page is named as the log has it."""
    return _(DEEDS[action]) if action in DEEDS else action.replace("_", " ")


def about(object: str, diff: Mapping[str, list[Any]], names: Mapping[str, str]) -> str:
    """Say to whom or what, as far as it has a name: "Marco · Équipe → Responsable"."""
    said = [names[object]] if object in names else []
    kind, _colon, number = object.partition(":")
    if kind == "menu_version":
        said.append(_("version %(number)s", number=number))
    if "role" in diff:
        said.append(" → ".join(_(ROLE_NAMES[Role(role)]) for role in diff["role"] if role))
    return " · ".join(said)
