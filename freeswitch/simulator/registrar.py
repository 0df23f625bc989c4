"""A carrier's registrar (RFC 3261 §10.3): accounts with a password, each with its bindings."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from freeswitch.telephone.digest import Challenge, digest, parse_fields
from freeswitch.telephone.rtp_session import Address
from freeswitch.telephone.sip import NameAddr, SipRequest, SipResponse, SipUri, new_tag
from freeswitch.telephone.sip_endpoint import SipEndpoint

MAX_NONCES: Final = 1_024
DEFAULT_EXPIRES_S: Final = 3_600
SILENCE: Final = 0
"""Given to `answer_with`, this means no answer at all."""


@dataclass(slots=True)
class _Binding:
    """A Contact of an account; `call_id` and `cseq` keep an old REGISTER from undoing a new one."""

    expires_at: float
    call_id: str
    cseq: int


class Registrar:
    """One UDP port that accepts REGISTER from its accounts only.

    As RFC 3261 says, an account holds several bindings, one a Contact. With `one_binding` it holds
    the last one, and any un-REGISTER drops it, as simple carriers do. `answer_with` makes it
    refuse (403, 503) or fall silent (`SILENCE`), for one account or all.
    """

    def __init__(
        self,
        accounts: Mapping[str, str],
        *,
        one_binding: bool = False,
        fresh_nonces: bool = False,
        asks_again: bool = False,
    ) -> None:
        """`accounts` holds the password by user name. With `fresh_nonces` each nonce serves one
        request. With `asks_again` a wrong password gets another 401 instead of 403, as Kamailio
        answers it.
        """
        self._accounts = dict(accounts)
        self._one_binding = one_binding
        self._fresh_nonces = fresh_nonces
        self._asks_again = asks_again
        self._nonces: dict[str, None] = {}
        self._bindings: dict[str, dict[str, _Binding]] = {}
        self._answers: dict[str | None, int] = {}
        self._endpoint: SipEndpoint | None = None
        self._port = 0
        self.registers_seen = 0
        self.accepted: list[tuple[float, str, int]] = []
        """When (monotonic), which user, expires seconds: every REGISTER answered with 200."""

    async def open(self, host: str = "127.0.0.1", *, port: int = 0) -> Address:
        """Bind the port; return the address."""
        self._endpoint = await SipEndpoint.open(
            host, port=port, on_request=self._receive, on_late_success=lambda _: None
        )
        self._port = self._endpoint.address[1]
        return self._endpoint.address

    @property
    def port(self) -> int:
        """Return the port it listens on, or did."""
        return self._port

    def close(self) -> None:
        """Free the port. Opened again it has forgotten its bindings, as after a restart."""
        if self._endpoint is not None:
            self._endpoint.close()
        self._bindings.clear()
        self._nonces.clear()

    def set_password(self, user: str, password: str) -> None:
        """Add an account, or change the password of one."""
        self._accounts[user] = password

    def answer_with(self, status: int | None, user: str | None = None) -> None:
        """Answer REGISTERs (of `user`, or all) with that status from now on; None ends that."""
        if status is None:
            self._answers.pop(user, None)
        else:
            self._answers[user] = status

    def contact(self, user: str) -> str | None:
        """Return where the account is registered, last of several; None when it is not, or no
        longer.
        """
        return next(reversed(self.contacts(user)), None)

    def contacts(self, user: str) -> list[str]:
        """Return every Contact of the account that has not expired, oldest first."""
        now = time.monotonic()
        bindings = self._bindings.get(user, {})
        return [contact for contact, binding in bindings.items() if binding.expires_at > now]

    def bindings(self, user: str) -> list[tuple[str, float]]:
        """Return `contacts` with the seconds each has left."""
        now, bindings = time.monotonic(), self._bindings.get(user, {})
        return [(contact, bindings[contact].expires_at - now) for contact in self.contacts(user)]

    def per_second(self, *, since: float = 0.0) -> int:
        """Return the most REGISTERs accepted within any second; un-REGISTERs do not count."""
        times = [at for at, _, expires_s in self.accepted if expires_s and at >= since]
        return max((sum(at <= other < at + 1.0 for other in times) for at in times), default=0)

    def _receive(self, request: SipRequest, peer: Address) -> None:
        assert self._endpoint is not None
        if request.method == "REGISTER":
            if (response := self._register(request)) is not None:
                self._endpoint.respond(response, peer)
        elif request.method != "ACK":
            status = 200 if request.method == "OPTIONS" else 405
            self._endpoint.respond(request.response(status, to_tag=new_tag()), peer)

    def _register(self, request: SipRequest) -> SipResponse | None:
        self.registers_seen += 1
        user = SipUri.parse(NameAddr.parse(request.headers.required("To")).uri).user
        ordered = self._answers.get(user, self._answers.get(None))
        if ordered == SILENCE:
            return None
        if ordered is not None:
            return request.response(ordered, to_tag=new_tag())
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return self._challenge(request)
        fields = parse_fields(authorization)
        if fields.get("nonce") not in self._nonces:
            return self._challenge(request)
        if user not in self._accounts or not self._is_right(request, user, fields):
            return self._refuse(request)
        if self._fresh_nonces:
            del self._nonces[fields["nonce"]]
        return self._bind(request, user)

    def _bind(self, request: SipRequest, user: str) -> SipResponse:
        contact = NameAddr.parse(request.headers.required("Contact"))
        expires_text = contact.parameters.get("expires") or request.headers.get("Expires") or ""
        expires_s = int(expires_text) if expires_text.isdigit() else DEFAULT_EXPIRES_S
        bindings = self._bindings.setdefault(user, {})
        call_id = request.headers.required("Call-ID")
        cseq = int(request.headers.required("CSeq").split()[0])
        before = bindings.get(contact.uri)
        if before is not None and before.call_id == call_id and cseq <= before.cseq:
            return request.response(500, to_tag=new_tag())
        if self._one_binding:
            bindings.clear()
        bindings.pop(contact.uri, None)
        if expires_s:
            bindings[contact.uri] = _Binding(time.monotonic() + expires_s, call_id, cseq)
        self.accepted.append((time.monotonic(), user, expires_s))
        now = time.monotonic()
        granted = [
            ("Contact", f"<{one}>;expires={max(1, round(bindings[one].expires_at - now))}")
            for one in self.contacts(user)
        ]
        return request.response(200, to_tag=new_tag(), headers=granted)

    def _refuse(self, request: SipRequest) -> SipResponse:
        return (
            self._challenge(request)
            if self._asks_again
            else request.response(403, to_tag=new_tag())
        )

    def _challenge(self, request: SipRequest) -> SipResponse:
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = None
        while len(self._nonces) > MAX_NONCES:
            del self._nonces[next(iter(self._nonces))]
        challenge = Challenge(realm="carrier", nonce=nonce, qop="auth")
        return request.response(
            401, to_tag=new_tag(), headers=[("WWW-Authenticate", str(challenge))]
        )

    def _is_right(self, request: SipRequest, user: str, fields: Mapping[str, str]) -> bool:
        extra = None
        if "qop" in fields:
            extra = f"{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
        expected = digest(
            user=user,
            password=self._accounts[user],
            realm=fields.get("realm", ""),
            nonce=fields.get("nonce", ""),
            method=request.method,
            uri=fields.get("uri", ""),
            extra=extra,
        )
        return secrets.compare_digest(expected, fields.get("response", ""))
