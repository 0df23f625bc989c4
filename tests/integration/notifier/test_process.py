"""The notifier's process is killed while it sends: another sends, and no log says to whom."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions, libpq_url
from tests.accounts import SECRET_KEYS
from tests.integration.notifier.stand_ins import CONSUMER, SECRET, OvhStandIn, serving
from tests.integration.notifier.test_sender import MOBILE, ordered
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration


async def test_killed_between_sending_and_recording(
    database_url: str, database: AsyncEngine, tmp_path: Path
) -> None:
    await ordered(async_sessions(database))
    stand_in = OvhStandIn()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1",
        "ALLORESTO_PUBLIC_URL": "https://alloresto.example",
        "ALLORESTO_LINK_SECRET": "a secret of the test",
        "ALLORESTO_SECRET_KEYS": SECRET_KEYS,
        "ALLORESTO_SMS": "ovh",
        "ALLORESTO_EMAIL": "smtp",
        "ALLORESTO_SMTP_HOST": "127.0.0.1",
        "ALLORESTO_SMTP_SENDER": "a@example.fr",
        "ALLORESTO_OVH_ENDPOINT": stand_in.endpoint,
        "ALLORESTO_OVH_APPLICATION_KEY": "key",
        "ALLORESTO_OVH_APPLICATION_SECRET": SECRET,
        "ALLORESTO_OVH_CONSUMER_KEY": CONSUMER,
        "ALLORESTO_OVH_SERVICE_NAME": "sms",
    }
    log = tmp_path / "notifier.log"

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "controlplane.cli", "run", "notifier"],
                env=environment,
                stdout=output,
                stderr=output,
            )

    with serving(stand_in), psycopg.connect(libpq_url(database_url), autocommit=True) as postgres:
        stand_in.speaks.clear()
        first = start()
        await until(lambda: stand_in.jobs)
        first.kill()
        first.wait(DEADLINE_S)
        stand_in.speaks.set()
        row = postgres.execute("SELECT state, attempts FROM notification").fetchone()
        assert row == ("pending", 1)
        postgres.execute("UPDATE notification SET next_attempt_at = now()")  # its lease is over
        second = start()
        await until(
            lambda: postgres.execute("SELECT 1 FROM notification WHERE state = 'sent'").fetchone()
        )
        second.send_signal(signal.SIGTERM)
        assert second.wait(DEADLINE_S) == 0
    assert len(stand_in.jobs) == 2  # at least once, and said so
    logged = log.read_text(encoding="utf-8")
    assert "notification_sent" in logged
    assert MOBILE not in logged
    assert "commande" not in logged
