"""SMS by OVHcloud's API: `POST /sms/{serviceName}/jobs`, signed as its "First steps with the API"
says. It knows no key of ours, so a job whose answer was lost is sent again.
"""

import json
import time
from hashlib import sha1
from typing import Any, Final

import httpx2

from controlplane.notifier.providers import Outgoing, PermanentFailure, TemporaryFailure

DEADLINE_S: Final = 10.0
"""The API answers within a second; a sender has twenty messages at a time."""
_OURS: Final = frozenset({401, 402, 403, 408, 425, 429})
"""Our key, our credit, our pace: no fault of the message, which waits for who mends it."""


class OvhSms:
    """Sends SMS from one SMS account."""

    def __init__(
        self,
        *,
        endpoint: str,
        application_key: str,
        application_secret: str,
        consumer_key: str,
        service_name: str,
        sender: str,
    ) -> None:
        """`sender` is shown to who reads it; '' is a number of OVH's, which can be answered."""
        self._url = f"{endpoint.rstrip('/')}/sms/{service_name}/jobs"
        self._application_key = application_key
        self._application_secret = application_secret
        self._consumer_key = consumer_key
        self._sender = sender
        self._client = httpx2.AsyncClient(timeout=DEADLINE_S)

    async def send(self, message: Outgoing) -> str | None:
        body = json.dumps(self._job(message))
        try:
            answer = await self._client.post(self._url, content=body, headers=self._signed(body))
        except httpx2.HTTPError as error:
            raise TemporaryFailure("unreachable") from error
        if answer.status_code in _OURS or answer.status_code >= 500:
            raise TemporaryFailure(f"http_{answer.status_code}")
        if answer.status_code >= 300:
            raise PermanentFailure(f"http_{answer.status_code}")
        return _job_id(answer)

    async def close(self) -> None:
        await self._client.aclose()

    def _job(self, message: Outgoing) -> dict[str, Any]:
        """Only advertising has the "STOP" clause, which OVH adds and answers to."""
        return {
            "charset": "UTF-8",
            "coding": "7bit",
            "message": message.text,
            "noStopClause": not message.advertising,
            "priority": "high",
            "receivers": [message.to],
            **({"sender": self._sender} if self._sender else {"senderForResponse": True}),
        }

    def _signed(self, body: str) -> dict[str, str]:
        at = str(int(time.time()))
        return {
            "Content-Type": "application/json; charset=utf-8",
            "X-Ovh-Application": self._application_key,
            "X-Ovh-Consumer": self._consumer_key,
            "X-Ovh-Timestamp": at,
            "X-Ovh-Signature": signature(
                self._application_secret, self._consumer_key, "POST", self._url, body, at
            ),
        }


def signature(
    application_secret: str, consumer_key: str, method: str, url: str, body: str, at: str
) -> str:
    """Sign a request as OVH's guide says: `$1$` and the SHA-1 of its six parts joined by `+`."""
    signed = "+".join((application_secret, consumer_key, method, url, body, at))
    return f"$1${sha1(signed.encode()).hexdigest()}"


def _job_id(answer: httpx2.Response) -> str | None:
    """Read which job it became. An answer nobody can read was one all the same: it is sent."""
    try:
        told: dict[str, Any] = answer.json()
        refused, ids = told.get("invalidReceivers"), told.get("ids")
    except (ValueError, AttributeError):
        return None
    if refused:
        raise PermanentFailure("invalid_receiver")
    return str(ids[0]) if isinstance(ids, list) and ids else None
