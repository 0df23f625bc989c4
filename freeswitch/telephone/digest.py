"""Digest authentication of SIP (RFC 3261 §22, RFC 2617): MD5, with and without `qop=auth`."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^,\s]+))')


def parse_fields(header: str) -> dict[str, str]:
    """Read the `name=value` pairs after `Digest`."""
    return {name.lower(): quoted or token for name, quoted, token in _FIELD.findall(header)}


@dataclass(frozen=True, slots=True)
class Challenge:
    """A registrar or proxy asks for credentials with this `WWW-Authenticate` header."""

    realm: str
    nonce: str
    qop: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read the header. Raises `KeyError` when realm or nonce is missing."""
        fields = parse_fields(header)
        qop = "auth" if "auth" in fields.get("qop", "").split(",") else None
        return cls(fields["realm"], fields["nonce"], qop, fields.get("opaque"))

    def __str__(self) -> str:
        qop = f', qop="{self.qop}"' if self.qop else ""
        return f'Digest realm="{self.realm}", nonce="{self.nonce}", algorithm=MD5{qop}'

    def authorization(self, *, user: str, password: str, method: str, uri: str) -> str:
        """Build the `Authorization` header that answers it."""
        count, client_nonce = "00000001", secrets.token_hex(8)
        response = digest(
            user=user,
            password=password,
            realm=self.realm,
            nonce=self.nonce,
            method=method,
            uri=uri,
            extra=f"{count}:{client_nonce}:{self.qop}" if self.qop else None,
        )
        fields = [
            f'username="{user}"',
            f'realm="{self.realm}"',
            f'nonce="{self.nonce}"',
            f'uri="{uri}"',
            f'response="{response}"',
            "algorithm=MD5",
        ]
        if self.qop:
            fields += [f"qop={self.qop}", f"nc={count}", f'cnonce="{client_nonce}"']
        if self.opaque:
            fields.append(f'opaque="{self.opaque}"')
        return "Digest " + ", ".join(fields)


def digest(
    *,
    user: str,
    password: str,
    realm: str,
    nonce: str,
    method: str,
    uri: str,
    extra: str | None = None,
) -> str:
    """Compute the `response` value; `extra` is `nc:cnonce:qop`."""
    secret = _md5(f"{user}:{realm}:{password}")
    middle = f"{nonce}:{extra}" if extra else nonce
    return _md5(f"{secret}:{middle}:{_md5(f'{method}:{uri}')}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
