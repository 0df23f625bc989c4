"""Starts a second FreeSWITCH that plays the SIP carrier, for the demo and the tests.

with CarrierServer(
    program, runtime_folder=folder, ports=FreeSwitchPorts.free(), accounts={"0033123456789": "…"}
) as carrier:
    carrier.registered("0033123456789")
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from controlplane.bridge.gateways.gateway_xml import quoted
from controlplane.contracts.sip_credentials import inert
from controlplane.local.launch.carrier.bindings import Binding
from controlplane.local.launch.freeswitch import (
    STOP_GRACE_SECONDS,
    FreeSwitchPorts,
    FreeSwitchServer,
)

CONF_FOLDER: Final = Path(__file__).parent / "conf"
_NUMBER: Final = re.compile(r"\+?[0-9]{2,20}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.\-]+:[0-9]{1,5}")
_RECORDING: Final = re.compile(r"/[\w./\-]+\.wav")
_CONTACT: Final = re.compile(r"<(sips?:[^>]+)>")
_EXPIRES: Final = re.compile(r"EXPSECS\((-?\d+)\)", re.IGNORECASE)


class BindingRule(StrEnum):
    """Says how many Contacts an account may have, in the words of mod_sofia's parameter.

    With one, any un-REGISTER of the account removes whatever binding it has (sofia_reg.c).
    """

    SEVERAL = "contact"
    ONE = "false"


class CarrierServer(FreeSwitchServer):
    """A carrier on loopback: a registrar with digest, which sends calls to whoever registered."""

    conf_folder = CONF_FOLDER
    sip_profile = "carrier"

    def __init__(
        self,
        program: Path,
        *,
        runtime_folder: Path,
        ports: FreeSwitchPorts,
        accounts: Mapping[str, str],
        phones: Mapping[str, str] | None = None,
        binding_rule: BindingRule = BindingRule.SEVERAL,
        log_level: str = "notice",
        stop_grace: float = STOP_GRACE_SECONDS,
        name: str = "carrier",
    ) -> None:
        """`accounts` maps the number of those who may register to their password. `phones` maps a
        number to the `host:port` of a telephone that does not register.
        """
        self._accounts = dict(accounts)
        self._phones = dict(phones or {})
        self._accounts_folder = runtime_folder.resolve() / "accounts"
        self._phones_folder = runtime_folder.resolve() / "phones"
        super().__init__(
            program,
            runtime_folder=runtime_folder,
            ports=ports,
            log_level=log_level,
            stop_grace=stop_grace,
            name=name,
            extra_settings={
                "ALLORESTO_CARRIER_ACCOUNTS_FOLDER": str(self._accounts_folder),
                "ALLORESTO_CARRIER_PHONES_FOLDER": str(self._phones_folder),
                "ALLORESTO_CARRIER_MULTIPLE_REGISTRATIONS": binding_rule,
            },
        )

    def registered(self, number: str) -> bool:
        """Tell whether somebody is registered for the number."""
        answer = self.api(f"sofia_contact {self.sip_profile}/{_number(number)}@{self.sip_ip}")
        return answer.startswith("sofia/")

    def bindings(self) -> dict[str, list[Binding]]:
        """Return the bindings of every account that has one, the newest first. Raises OSError."""
        answer = self.api(f"sofia xmlstatus profile {self.sip_profile} reg")
        bindings: dict[str, list[Binding]] = {}
        # FreeSWITCH leaves some values unescaped; those read here never are.
        for row in ElementTree.fromstring(answer).iter("registration"):
            number = (row.findtext("user") or "").partition("@")[0]
            contact = _CONTACT.search(row.findtext("contact") or "")
            expires = _EXPIRES.search(row.findtext("status") or "")
            if contact and expires and (left_s := int(expires[1])) > 0:
                bindings.setdefault(number, []).insert(0, Binding(contact[1], left_s))
        return bindings

    def add_phone(self, number: str, address: str) -> None:
        """Make calls to `number` ring at `address` (`host:port`) from now on."""
        self._phones[number] = address
        self._write_phones()
        self.api("reloadxml")

    def call_with_recording(self, number: str, recording: Path, *, caller_number: str) -> str:
        """Call a registered number, play it a WAV once answered, then listen.

        Blocks until the call is answered; returns the channel's UUID, for `uuid_kill` and
        `uuid_broadcast`. Raises RuntimeError when it is not answered.
        """
        if not _RECORDING.fullmatch(str(recording)):
            raise ValueError("recording: an absolute path to a WAV, without spaces")
        variables = ",".join(
            (
                f"origination_caller_id_number={_number(caller_number)}",
                f"origination_caller_id_name={caller_number}",
                f"recording={recording}",
                f"sip_invite_to_uri=<sip:{_number(number)}@{self.sip_ip}>",
                "ignore_early_media=true",
            )
        )
        contact = self.api(f"sofia_contact {self.sip_profile}/{number}@{self.sip_ip}")
        newest = contact.rpartition(",")[2]
        answer = self.api(f"originate {{{variables}}}{newest} recorded_caller XML carrier")
        if not answer.startswith("+OK "):
            raise RuntimeError(f"{number}: {answer}")
        return answer.removeprefix("+OK ").strip()

    def _make_folders(self) -> None:
        super()._make_folders()
        for folder in (self._accounts_folder, self._phones_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            for left_over in folder.glob("*.xml"):
                left_over.unlink()
        for number, password in self._accounts.items():
            inert("password", password)
            _write(
                self._accounts_folder / f"{_number(number)}.xml",
                f"<user id={quoted(number)}>",
                f'<params><param name="password" value={quoted(password)}/></params>',
                "</user>",
            )
        self._write_phones()

    def _write_phones(self) -> None:
        for number, address in self._phones.items():
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{number}: {address!r} is not host:port")
            dial = f"sofia/{self.sip_profile}/{_number(number)}@{address}"
            _write(
                self._phones_folder / f"{number}.xml",
                f"<extension name={quoted(number)}>",
                f'<condition field="destination_number" expression="^{re.escape(number)}$">',
                '<action application="set" data="bypass_media=true"/>',
                f'<action application="bridge" data={quoted(dial)}/>',
                "</condition>",
                "</extension>",
            )


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return text


def _write(path: Path, *lines: str) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    temporary.replace(path)
