"""The ceremonies of passkeys (WebAuthn level 3 §7): what a browser is asked, and what it may say.

A challenge lives in Redis for five minutes and is taken by whoever answers it, so that no answer is
taken twice. Each says for whom it was made.
"""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from redis.exceptions import RedisError
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from controlplane.contracts import redis_keys
from controlplane.errors import ServiceUnavailable
from controlplane.models.passkey import Passkey
from webapp.site import Site

NAME: Final = "AlloResto"
CHALLENGE_FOR_S: Final = 300
MOST_ANSWER: Final = 20_000
"""A browser's answer has one or two thousand bytes; an attestation that nobody asked for, more."""
ANYBODY: Final = "sign-in"
"""Stands for the user in a challenge of somebody who is not signed in."""


class PasskeyRefused(Exception):
    """Raised when an answer does not fit its challenge, the site or the key."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is kept of a credential that was just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def has_passkeys(site: Site) -> bool:
    """Whether browsers make any for the site: not for a bare address (§5.1.2, RP ID)."""
    try:
        ip_address(_host(site))
    except ValueError:
        return True
    return False


async def ask_for_new(
    site: Site, user_id: UUID, *, email: str, name: str, others: list[bytes]
) -> str:
    """Return the options (JSON) by which a browser makes a key that needs no user name later."""
    options = generate_registration_options(
        rp_id=_host(site),
        rp_name=NAME,
        user_id=user_id.bytes,
        user_name=email,
        user_display_name=name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in others],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    await _keep(site, options.challenge, str(user_id))
    return options_to_json(options)


async def read_new(site: Site, user_id: UUID, body: bytes) -> NewKey:
    """Check a key that was made for this user. Raises `PasskeyRefused`."""
    said = _read(body)
    try:
        checked = verify_registration_response(
            credential=said,
            expected_challenge=await _taken(site, said, str(user_id)),
            expected_rp_id=_host(site),
            expected_origin=_origin(site),
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise PasskeyRefused("the new key does not fit") from error
    return NewKey(checked.credential_id, checked.credential_public_key, checked.sign_count)


async def ask_for_one(site: Site, for_whom: str = ANYBODY) -> str:
    """Return the options (JSON) by which a browser offers the keys that it has for the site."""
    options = generate_authentication_options(
        rp_id=_host(site), user_verification=UserVerificationRequirement.REQUIRED
    )
    await _keep(site, options.challenge, for_whom)
    return options_to_json(options)


def credential_of(body: bytes) -> bytes:
    """Return which key an answer says it is of. Raises `PasskeyRefused`."""
    try:
        return base64url_to_bytes(_read(body)["rawId"])
    except (KeyError, TypeError, ValueError) as error:
        raise PasskeyRefused("no key is named") from error


async def check_one(site: Site, passkey: Passkey, body: bytes, for_whom: str = ANYBODY) -> int:
    """Return the signature's new count. Raises `PasskeyRefused`."""
    said = _read(body)
    try:
        checked = verify_authentication_response(
            credential=said,
            expected_challenge=await _taken(site, said, for_whom),
            expected_rp_id=_host(site),
            expected_origin=_origin(site),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise PasskeyRefused("the signature does not fit") from error
    return checked.new_sign_count


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body) if len(body) <= MOST_ANSWER else None
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused("that is no JSON") from error
    if not isinstance(said, dict):
        raise PasskeyRefused("that is no credential")
    return said


async def _keep(site: Site, challenge: bytes, for_whom: str) -> None:
    key = redis_keys.passkey_challenge(bytes_to_base64url(challenge))
    try:
        await site.redis.set(key, for_whom, ex=CHALLENGE_FOR_S)
    except RedisError as error:
        raise ServiceUnavailable("Redis keeps no challenge") from error


async def _taken(site: Site, said: dict[str, Any], for_whom: str) -> bytes:
    """The challenge that the answer names, if it was made for them; nobody takes it again."""
    try:
        client_data = json.loads(base64url_to_bytes(said["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(client_data["challenge"])
        key = redis_keys.passkey_challenge(bytes_to_base64url(challenge))
    except (KeyError, TypeError, ValueError) as error:
        raise PasskeyRefused("no challenge is named") from error
    try:
        made_for = await site.redis.getdel(key)
    except RedisError as error:
        raise ServiceUnavailable("Redis keeps no challenge") from error
    if made_for != for_whom:
        raise PasskeyRefused("the challenge is over, or another's")
    return challenge


def _host(site: Site) -> str:
    return urlsplit(site.settings.public_url).hostname or ""


def _origin(site: Site) -> str:
    parts = urlsplit(site.settings.public_url)
    return f"{parts.scheme}://{parts.netloc}"
