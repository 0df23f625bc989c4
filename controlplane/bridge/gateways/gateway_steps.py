"""How one gateway is changed: what each `Step` does to FreeSWITCH, and tells other bridges."""

from pathlib import Path
from typing import Final

import gevent

from controlplane.bridge.gateways.accounts import Account, Accounts, gateway_settings
from controlplane.bridge.gateways.carrier_networks import CarrierNetworks
from controlplane.bridge.gateways.gateway_files import remove_gateway_file, write_gateway_file
from controlplane.bridge.gateways.gateway_xml import Transport
from controlplane.bridge.gateways.gateways import Gateways
from controlplane.bridge.gateways.handover import Handover, Successor
from controlplane.bridge.gateways.registrar_dns import RegistrarDns
from controlplane.bridge.gateways.reporter import Reporter
from controlplane.bridge.prompt_files import PromptFiles
from controlplane.contracts.sip_credentials import InvalidGateway
from controlplane.errors import AlloRestoError
from controlplane.secret_box import SecretBox

LINGER_S: Final = 2.0
"""Between giving a binding back and forgetting its gateway: a carrier that looked the binding up
before still sends its INVITE here, and FreeSWITCH knows the restaurant by the gateway alone."""


class OwnerNotToldError(AlloRestoError):
    """The gateway stays, for its new owner cannot be told of an un-REGISTER: Redis is away."""


class GatewaySteps:
    """Takes steps. Each raises GatewayNotChanged or EslError when FreeSWITCH does not do it, and
    OSError or SQLAlchemyError when the gateway's file or Postgres cannot be reached.
    """

    def __init__(
        self,
        *,
        gateways: Gateways,
        accounts: Accounts,
        networks: CarrierNetworks,
        handover: Handover,
        reporter: Reporter,
        secrets: SecretBox,
        gateway_folder: Path,
        prompts: PromptFiles,
    ) -> None:
        self._gateways = gateways
        self._accounts = accounts
        self._networks = networks
        self._handover = handover
        self._reporter = reporter
        self._secrets = secrets
        self._folder = gateway_folder
        self._prompts = prompts
        self._dns = RegistrarDns()

    def require_dns(self, account: Account) -> None:
        """Ask DNS where REGISTER goes. Raises DnsUnanswered: FreeSWITCH would hang on it."""
        self._dns.require_answer(account.next_hop)

    def has_turn(self, name: str) -> bool:
        """Tell, once, whether its next REGISTER has had its turn at the former bridge."""
        gateway = self._gateways.get(name)
        if gateway is None or not gateway.has_turn:
            return False
        gateway.has_turn = False
        return True

    def start(self, account: Account) -> None:
        """Add the gateway. Raises InvalidGateway, SecretUnreadable: the account cannot be one."""
        name = account.gateway_name
        if account.carrier_id not in self._networks.open_carriers:
            raise InvalidGateway("source_networks", "the carrier has none that can be used")
        if account.transport == Transport.TLS and not self._gateways.has_tls():
            raise InvalidGateway("transport", "this bridge has no TLS (ALLORESTO_SIP_TLS)")
        prompts = self._prompts.provide(account.restaurant_id)
        settings = gateway_settings(account, secrets=self._secrets, prompts=prompts)
        write_gateway_file(self._folder, settings)
        self._reporter.forget(name)
        try:
            self._gateways.start(name, epoch=account.epoch, config_version=account.config_version)
        finally:
            # A FreeSWITCH that starts again must register nobody by itself: not the accounts that
            # went elsewhere meanwhile, and not 200 at once.
            remove_gateway_file(self._folder, name)

    def register_again(self, account: Account) -> None:
        """REGISTER once more: the carrier's next 200 is reported for the account's epoch."""
        self._gateways.register(account.gateway_name, epoch=account.epoch)

    def successor(self, name: str) -> Successor | None:
        """Tell who owns it, when it went elsewhere without us: we were lost, or cut off."""
        return self._handover.successor(name) if self._accounts.get(name) is None else None

    def remove(self, name: str, *, owner: str | None) -> None:
        """Remove the gateway. Its `owner`, when that is another bridge, is to hear of the
        un-REGISTER, as at the end of a move. Raises OwnerNotToldError when nobody could tell it: a
        carrier with a single binding would be without.
        """
        if owner is not None and not self._handover.can_tell():
            raise OwnerNotToldError
        gateway = self._gateways.get(name)
        if owner is not None and gateway is not None and gateway.registered:
            self.give_back(name, owner=owner)
            return
        remove_gateway_file(self._folder, name)
        self._gateways.kill(name)
        self._handover.given_back(name, owner=owner)

    def give_back(self, name: str, *, owner: str | None) -> None:
        """Give the binding back. In this order the carrier is told once (Contact of this bridge,
        expires 0), and an INVITE it had already sent still finds the gateway.
        """
        self._gateways.unregister(name)
        self._handover.given_back(name, owner=owner)
        gevent.sleep(LINGER_S)
        self._gateways.kill(name)

    def release(self, name: str) -> None:
        """Strike this bridge from the row, where it is the former owner."""
        self._handover.release(name)
        self._accounts.released(name)
