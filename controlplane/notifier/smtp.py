"""E-mail by SMTP, with the standard library in a thread: one short conversation a message needs no
further dependency, and each step of it has its deadline.
"""

import asyncio
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from controlplane.notifier.providers import Outgoing, PermanentFailure, TemporaryFailure
from controlplane.notifier.settings import SmtpTls

STEP_DEADLINE_S: Final = 5.0
"""A mail server answers each command within this; RFC 5321 §4.5.3.2 would give it minutes."""


class Smtp:
    """Hands e-mails to one mail server."""

    def __init__(
        self, *, host: str, port: int, tls: SmtpTls, user: str, password: str, sender: str
    ) -> None:
        self._address = (host, port)
        self._tls = tls
        self._login = (user, password)
        self._sender = sender

    async def send(self, message: Outgoing) -> str | None:
        return await asyncio.to_thread(self._send, message)

    async def close(self) -> None:
        """Nothing is kept open between two messages."""

    def _send(self, message: Outgoing) -> str:
        try:
            mail = self._mail(message)
            self._hand_over(mail)
        except smtplib.SMTPAuthenticationError as error:  # our password, not the message
            raise TemporaryFailure("smtp_login") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise _failure(next(iter(error.recipients.values()))[0]) from error
        except smtplib.SMTPDataError as error:
            raise _failure(error.smtp_code) from error
        except smtplib.SMTPResponseException as error:  # our host or our sender, not the message
            raise TemporaryFailure(f"smtp_{error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise TemporaryFailure("unreachable") from error
        except ValueError as error:  # a line break in a header
            raise PermanentFailure("malformed") from error
        return str(mail["Message-ID"])

    def _hand_over(self, mail: EmailMessage) -> None:
        server = self._connected()
        try:
            server.send_message(mail)
            with suppress(smtplib.SMTPException):  # it has the mail, however it says goodbye
                server.quit()
        finally:
            server.close()

    def _mail(self, message: Outgoing) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        # Mail servers pass over a second one with the same name, if they look.
        mail["Message-ID"] = f"<{message.key}@{self._sender.rpartition('@')[2].strip('>')}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody is away on our account
        mail.set_content(message.text)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        return mail

    def _connected(self) -> smtplib.SMTP:
        host, port = self._address
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(host, port, timeout=STEP_DEADLINE_S, context=context)
            if self._tls is SmtpTls.TLS
            else smtplib.SMTP(host, port, timeout=STEP_DEADLINE_S)
        )
        try:
            if self._tls is SmtpTls.STARTTLS:
                server.starttls(context=context)
            if self._login[0]:
                server.login(*self._login)
        except BaseException:
            server.close()
            raise
        return server


def _failure(code: int) -> TemporaryFailure | PermanentFailure:
    """RFC 5321 §4.2.1: 5yz is for good; 530 and 535 say that we are not let in (RFC 4954 §6)."""
    if 500 <= code < 600 and code not in {530, 535}:
        return PermanentFailure(f"smtp_{code}")
    return TemporaryFailure(f"smtp_{code}")
