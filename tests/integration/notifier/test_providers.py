"""What carries messages says of each whether it took it, may take it later, or never will."""

from email import message_from_string, policy

import pytest

from controlplane.notifier import ovh_sms
from controlplane.notifier.ovh_sms import OvhSms, signature
from controlplane.notifier.providers import Outgoing, PermanentFailure, TemporaryFailure
from controlplane.notifier.settings import SmtpTls
from controlplane.notifier.smtp import Smtp
from tests.integration.notifier.stand_ins import (
    CONSUMER,
    SECRET,
    MailStandIn,
    OvhStandIn,
    serving,
)

pytestmark = pytest.mark.integration

SMS = Outgoing(key="k" * 32, to="+33639980123", text="Bonjour €")
MAIL = Outgoing(
    key="k" * 32, to="a@example.fr", subject="Commande n° 3 prête", text="é", html="<p>é</p>"
)


def operator(stand_in: OvhStandIn) -> OvhSms:
    return OvhSms(
        endpoint=stand_in.endpoint,
        application_key="key",
        application_secret=SECRET,
        consumer_key=CONSUMER,
        service_name="sms-ab1-1",
        sender="Luigi",
    )


def test_the_signature_is_the_documented_one() -> None:
    """The sum is of OVH's formula, worked out with `sha1sum`."""
    signed = signature("s", "c", "POST", "https://eu.api.ovh.com/1.0/sms/x/jobs", "{}", "1")
    assert signed == "$1$a2d321b2304accf1dd670c228d17c736dbf061cb"


async def test_an_sms() -> None:
    stand_in = OvhStandIn()
    with serving(stand_in):
        sms = operator(stand_in)
        assert await sms.send(SMS) == "815"
        (job,) = stand_in.jobs
        assert (job["message"], job["receivers"], job["sender"], job["noStopClause"]) == (
            "Bonjour €",
            ["+33639980123"],
            "Luigi",
            True,
        )
        assert stand_in.badly_signed == 0
        for status in (401, 402, 429, 500, 503):
            stand_in.status = status
            with pytest.raises(TemporaryFailure, match=f"http_{status}"):
                await sms.send(SMS)
        for status in (400, 404):
            stand_in.status = status
            with pytest.raises(PermanentFailure, match=f"http_{status}"):
                await sms.send(SMS)
        stand_in.status, stand_in.answer = 200, {"ids": [], "invalidReceivers": ["+33639980123"]}
        with pytest.raises(PermanentFailure, match="invalid_receiver"):
            await sms.send(SMS)
        stand_in.answer = ["garbage"]
        assert await sms.send(SMS) is None  # it took it, whatever it says
        await sms.close()


async def test_an_operator_that_is_away_or_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovh_sms, "DEADLINE_S", 0.2)
    stand_in = OvhStandIn()
    with serving(stand_in):
        sms = operator(stand_in)
        stand_in.speaks.clear()
        with pytest.raises(TemporaryFailure, match="unreachable"):
            await sms.send(SMS)
        stand_in.speaks.set()
    with pytest.raises(TemporaryFailure, match="unreachable"):
        await sms.send(SMS)
    await sms.close()


async def test_an_e_mail() -> None:
    stand_in = MailStandIn()
    with serving(stand_in):
        mail = Smtp(
            host="127.0.0.1",
            port=stand_in.port,
            tls=SmtpTls.NONE,
            user="",
            password="",
            sender="AlloResto <noreply@example.fr>",
        )
        name = await mail.send(MAIL)
        (raw,) = stand_in.mails
        taken = message_from_string(raw, policy=policy.default)
        assert taken["Subject"] == "Commande n° 3 prête"
        assert taken["Message-ID"] == name == f"<{'k' * 32}@example.fr>"
        assert [part.get_content_type() for part in taken.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        for command, code, failure in (
            ("RCPT", 450, TemporaryFailure),
            ("RCPT", 550, PermanentFailure),
            ("DATA", 554, PermanentFailure),
            ("HELLO", 554, TemporaryFailure),  # our host is on somebody's list
            ("MAIL", 550, TemporaryFailure),  # our sender
        ):
            stand_in.answers = {command: code}
            with pytest.raises(failure, match=f"smtp_{code}"):
                await mail.send(MAIL)
        stand_in.answers = {"QUIT": 421}
        assert await mail.send(MAIL)  # it was taken: once more would be twice
        stand_in.answers = {}
        with pytest.raises(PermanentFailure, match="malformed"):
            await mail.send(Outgoing(key="k", to="a@example.fr\nBcc: x@y.fr", text="", subject=""))
    with pytest.raises(TemporaryFailure, match="unreachable"):
        await mail.send(MAIL)
