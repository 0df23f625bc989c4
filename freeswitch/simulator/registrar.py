"""A carrier's registrar (RFC 3261 §10.3): accounts with a password, each with one binding."""

import secrets
import time
from collections.abc import Mapping
from typing import Final

from freeswitch.simulator.digest import Challenge, digest, parse_fields
from freeswitch.simulator.rtp_session import Address
from freeswitch.simulator.sip import NameAddr, SipRequest, SipResponse, SipUri, new_tag
from freeswitch.simulator.sip_endpoint import SipEndpoint

MAX_NONCES: Final = 1_024
DEFAULT_EXPIRES_S: Final = 3_600


class Registrar:
    """One UDP port that accepts REGISTER from its accounts only."""

    def __init__(self, accounts: Mapping[str, str]) -> None:
        """`accounts`: password by user name."""
        self._accounts = dict(accounts)
        self._nonces: dict[str, None] = {}
        self._bindings: dict[str, tuple[str, float]] = {}
        self._endpoint: SipEndpoint | None = None
        self.registers_seen = 0

    async def open(self, host: str = "127.0.0.1", *, port: int = 0) -> Address:
        """Bind; returns the address."""
        self._endpoint = await SipEndpoint.open(
            host, port=port, on_request=self._receive, on_late_success=lambda _: None
        )
        return self._endpoint.address

    def close(self) -> None:
        """Free the port."""
        if self._endpoint is not None:
            self._endpoint.close()

    def contact(self, user: str) -> str | None:
        """Where the account is registered; None when it is not, or no longer."""
        contact, expires_at = self._bindings.get(user, ("", 0.0))
        return contact if expires_at > time.monotonic() else None

    def _receive(self, request: SipRequest, peer: Address) -> None:
        assert self._endpoint is not None
        if request.method == "REGISTER":
            self._endpoint.respond(self._register(request), peer)
        elif request.method != "ACK":
            status = 200 if request.method == "OPTIONS" else 405
            self._endpoint.respond(request.response(status, to_tag=new_tag()), peer)

    def _register(self, request: SipRequest) -> SipResponse:
        self.registers_seen += 1
        user = SipUri.parse(NameAddr.parse(request.headers.required("To")).uri).user
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return self._challenge(request)
        fields = parse_fields(authorization)
        if fields.get("nonce") not in self._nonces:
            return self._challenge(request)
        if user not in self._accounts or not self._is_right(request, user, fields):
            return request.response(403, to_tag=new_tag())
        contact_header = request.headers.required("Contact")
        contact = NameAddr.parse(contact_header)
        expires_text = contact.parameters.get("expires") or request.headers.get("Expires") or ""
        expires_s = int(expires_text) if expires_text.isdigit() else DEFAULT_EXPIRES_S
        if expires_s == 0:
            self._bindings.pop(user, None)
            return request.response(200, to_tag=new_tag())
        self._bindings[user] = (contact.uri, time.monotonic() + expires_s)
        granted = f"<{contact.uri}>;expires={expires_s}"
        return request.response(200, to_tag=new_tag(), headers=[("Contact", granted)])

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
