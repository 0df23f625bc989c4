"""A carrier with one telephone behind it, which takes every REGISTER and rings for every number.

Calls through a gateway go to the gateway's registrar, so the people a caller is transferred to
answer here, whatever number was dialled.
"""

from freeswitch.telephone.phone import Phone
from freeswitch.telephone.rtp_session import Address
from freeswitch.telephone.sip import SipRequest, new_tag

EXPIRES_S = 60


class CarrierPhone(Phone):
    """The carrier and its telephone. `refuses_with` may be changed between calls; with None it
    rings until `listen`.
    """

    def __init__(self) -> None:
        super().__init__(refuses_with=480)
        self.invites: list[SipRequest] = []

    @property
    def registrar(self) -> str:
        host, port = self.endpoint.address
        return f"{host}:{port}"

    def refuse(self, status: int | None) -> None:
        """Refuse calls with that status from now on."""
        self._refuses_with = status

    def turn_away(self, status: int) -> None:
        """Refuse the call that has rung longest."""
        call = self._ringing.get_nowait()
        self.endpoint.respond(call.invite.response(status, to_tag=call.tag), call.peer)

    def _receive(self, request: SipRequest, peer: Address) -> None:
        if request.method == "REGISTER":
            contact = request.headers.get("Contact") or ""
            fields = [("Contact", f"{contact};expires={EXPIRES_S}"), ("Expires", str(EXPIRES_S))]
            self.endpoint.respond(request.response(200, to_tag=new_tag(), headers=fields), peer)
            return
        if request.method == "INVITE":
            self.invites.append(request)
        super()._receive(request, peer)
