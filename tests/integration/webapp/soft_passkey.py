"""A passkey in software: it makes and signs what a browser with an authenticator would (WebAuthn
level 3 §6, with packed-free `none` attestation and ES256).
"""

import json
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url as b64
from webauthn.helpers import encode_cbor

PRESENT_AND_VERIFIED = 0x05
NEW_KEY_INSIDE = 0x40


class SoftPasskey:
    """One key of one site; its counter rises with each signature."""

    def __init__(self, *, origin: str, rp_id: str) -> None:
        self.origin = origin
        self.rp_id = rp_id
        self.credential_id = b"soft passkey no. " + sha256(origin.encode()).digest()[:8]
        self.count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())

    def made(self, options: dict[str, Any]) -> dict[str, Any]:
        """What a browser says after `navigator.credentials.create`."""
        point = self._key.public_key().public_numbers()
        cose = encode_cbor(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        inside = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        attestation = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._data(PRESENT_AND_VERIFIED | NEW_KEY_INSIDE) + inside,
        }
        said = {
            "clientDataJSON": b64(self._client_data("webauthn.create", options)),
            "attestationObject": b64(encode_cbor(attestation)),
        }
        return self._credential(said)

    def signed(self, options: dict[str, Any]) -> dict[str, Any]:
        """What a browser says after `navigator.credentials.get`."""
        self.count += 1
        data = self._data(PRESENT_AND_VERIFIED)
        client_data = self._client_data("webauthn.get", options)
        signature = self._key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        said = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(signature),
        }
        return self._credential(said)

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(said).encode()

    def _credential(self, said: dict[str, str]) -> dict[str, Any]:
        id = b64(self.credential_id)
        return {"id": id, "rawId": id, "type": "public-key", "response": said}
