"""A notifier says at its start what it lacks, and catches nothing in production by accident."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from controlplane.errors import InvalidSettings
from controlplane.notifier.settings import EmailBy, NotifierSettings, SmsBy, SmtpTls
from controlplane.secret_box import SecretBox

pytestmark = pytest.mark.unit


def settings(**values: Any) -> NotifierSettings:
    given = {
        "DATABASE_URL": "postgresql://",
        "REDIS_URL": "redis://",
        "public_url": "http://127.0.0.1:8080",
        "link_secret": "a secret of the test",
        "secret_keys": SecretBox.new_key(),
        "sms": SmsBy.CATCHER,
        "email": EmailBy.CATCHER,
        "catch_folder": Path("caught"),
        **values,
    }
    return NotifierSettings(**given)


def problems(**values: Any) -> str:
    with pytest.raises(InvalidSettings) as refused:
        settings(**values).check()
    return str(refused.value)


def test_a_developers_settings_pass() -> None:
    settings().check()


def test_nothing_is_caught_where_the_site_is_public() -> None:
    told = problems(public_url="https://alloresto.example", sms=SmsBy.CATCHER)
    assert "the catcher sends nothing" in told


def test_each_missing_setting_is_named() -> None:
    told = problems(sms=SmsBy.OVH, email=EmailBy.SMTP, ovh_consumer_key=SecretStr("x"))
    assert told.count("it is missing") == 5
    for name in ("OVH_APPLICATION_KEY", "OVH_APPLICATION_SECRET", "OVH_SERVICE_NAME"):
        assert f"ALLORESTO_{name}: it is missing" in told
    assert "ALLORESTO_SMTP_HOST: it is missing; ALLORESTO_SMTP_SENDER: it is missing" in told


def test_no_password_travels_in_clear() -> None:
    told = problems(
        email=EmailBy.SMTP,
        smtp_host="mail.example",
        smtp_sender="a@b.example",
        smtp_tls=SmtpTls.NONE,
    )
    assert "ALLORESTO_SMTP_TLS" in told
