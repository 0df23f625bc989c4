"""A developer reads in files what would have been sent."""

from pathlib import Path

import pytest

from controlplane.models.notification import Channel
from controlplane.notifier.catcher import Catcher
from controlplane.notifier.providers import Outgoing

pytestmark = pytest.mark.unit


async def test_each_message_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "notifications"
    sms = Outgoing(key="a" * 32, to="+33639980123", text="Chez Luigi : commande 1 notée")
    mail = Outgoing(
        key="b" * 32, to="a@b.fr", subject="Commande", text="Notée", html="<p>Notée</p>"
    )
    await Catcher(folder, Channel.SMS).send(sms)
    await Catcher(folder, Channel.EMAIL).send(mail)
    caught = {
        path.name.split("-")[2] + path.suffix: path.read_text("utf-8") for path in folder.iterdir()
    }
    assert caught == {
        "sms.txt": "À : +33639980123\n\nChez Luigi : commande 1 notée\n",
        "email.txt": "À : a@b.fr\nObjet : Commande\n\nNotée\n",
        "email.html": "<p>Notée</p>",
    }
