"""What the rules about people do not allow: facts, without words for a caller or a page.

RestaurantError                 (controlplane/restaurants/errors.py)
├── NotFound
│   ├── UnknownCustomer         the restaurant knows nobody of this number
│   ├── NotAMember              the user does not work for the restaurant
│   ├── InvitationOver          answered, revoked, too old, or sent to another address
│   ├── ResetOver               the link was used, is too old, or a newer one was sent
│   ├── UnknownDevice           the restaurant has no such tablet in use
│   ├── UnknownUser             nobody signs in with this address
│   └── NoConsent               nothing was allowed that could be withdrawn
└── Refused
    ├── NotAnEmail              what was written is no e-mail address
    ├── EmailTaken              somebody signs in with it already
    ├── WeakPassword            it is too short, or endless
    ├── TooManyTries            tried so often that nobody is let in for a while
    ├── AlreadyMember           who works there is not invited again
    ├── OwnerStays              an owner hands over, and is neither invited nor removed
    ├── TooManyInvitations      so many are open at one restaurant
    ├── TooManyDevices          so many are paired at one restaurant
    ├── TooManyPasskeys         a user has so many
    ├── Suppressed              who was erased is not taken over from a list
    ├── NoEvidence              a decision without proof proves nothing
    └── NoReason                the platform looks at a restaurant only for a reason
"""

from datetime import datetime

from controlplane.restaurants.errors import NotFound, Refused


class UnknownCustomer(NotFound):
    """The restaurant knows nobody of this number."""

    def __init__(self) -> None:
        super().__init__("the restaurant knows no customer of this number")


class NoConsent(NotFound):
    """The customer has allowed nothing of the kind, or has withdrawn it already."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"no consent to {purpose} is in force")


class Suppressed(Refused):
    """The restaurant erased this number on request."""

    def __init__(self) -> None:
        super().__init__("this number was erased on request: who it is comes back by ordering")


class NoEvidence(Refused):
    """A consent that nobody can prove is none (RGPD, art. 7(1))."""

    def __init__(self) -> None:
        super().__init__("say what proves it: the words heard, the form, who was told")


class NotAMember(NotFound):
    """The user does not work for this restaurant."""

    def __init__(self) -> None:
        super().__init__("nobody of this restaurant's team")


class InvitationOver(NotFound):
    """It was answered, revoked, is too old, or was sent to another address."""

    def __init__(self) -> None:
        super().__init__("this invitation is no longer open: ask for another one")


class ResetOver(NotFound):
    """It was used, is too old, or a newer link took its place."""

    def __init__(self) -> None:
        super().__init__("this link sets no password any more: ask for another one")


class UnknownDevice(NotFound):
    """The restaurant has no such tablet in use."""

    def __init__(self) -> None:
        super().__init__("the restaurant has no such tablet")


class UnknownUser(NotFound):
    """Nobody signs in with this address."""

    def __init__(self) -> None:
        super().__init__("nobody signs in with this e-mail address")


class NotAnEmail(Refused):
    """What was written is no e-mail address."""

    def __init__(self) -> None:
        super().__init__("that is no e-mail address: write name@example.fr")


class EmailTaken(Refused):
    """Somebody signs in with this address already."""

    def __init__(self) -> None:
        super().__init__("this e-mail address has an account already")


class WeakPassword(Refused):
    """The password is too short to be safe, or too long to be hashed."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(f"a password has {least} to {most} characters")


class TooManyTries(Refused):
    """Tried so often that nobody is let in before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too many tries: wait a while")
        self.until = until


class AlreadyMember(Refused):
    """Whoever works for the restaurant is not invited to it."""

    def __init__(self) -> None:
        super().__init__("this address is of the team already: change the role instead")


class OwnerStays(Refused):
    """A restaurant has one owner, who hands it over; nobody is invited to own or removes them."""

    def __init__(self) -> None:
        super().__init__("the owner hands the restaurant over first")


class TooManyInvitations(Refused):
    """At most `most` invitations are open at one restaurant."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} invitations are open: revoke one")


class TooManyDevices(Refused):
    """At most `most` devices are paired at one restaurant."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} devices are paired: revoke one")


class TooManyPasskeys(Refused):
    """A user has at most `most` passkeys."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} passkeys are kept: revoke one")


class NoReason(Refused):
    """Who looks at a restaurant's pages without being of it says why."""

    def __init__(self, least: int) -> None:
        super().__init__(f"say why, in {least} characters at least")
