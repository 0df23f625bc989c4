"""A call is handed over to a human whom the bridge rings; nobody there, and it comes back."""

import time
from typing import Final
from uuid import UUID

import structlog

from aiworker.call_progress import CallProgress
from aiworker.conversation.conversation import Conversation
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.stream import StreamOver
from controlplane.contracts.messages import Transfer

log = structlog.get_logger()

LONGEST_SECONDS: Final = 60.0
"""The bridge rings 20 s and says when nobody took it: after this a human has the call."""

_NOBODY_TOOK_IT: Final = (
    "Personne n'a pris l'appel, l'appelant est de retour. Excuse-toi, puis propose de continuer "
    "avec toi ou de laisser un message vocal au restaurant (`take_message`)."
)


class HandOver:
    """It hands one call over, and takes it back."""

    def __init__(
        self,
        progress: CallProgress,
        conversation: Conversation,
        output: SpeechOutput,
    ) -> None:
        self._progress, self._conversation, self._output = progress, conversation, output
        self._began_at = 0.0
        self._asked: Transfer | None = None

    def begin(self, reason: str, target_id: UUID | None = None) -> None:
        """Ask the bridge to ring somebody; None stands for the restaurant's own phone."""
        log.info("transfer_asked", reason=reason)
        self._progress.given_to_human()
        self._ask(Transfer(reason=reason, target_id=target_id))

    def ask_again(self) -> None:
        """Ask once more: the bridge, which talks as if the caller were ours, missed it."""
        if self._asked is not None:
            log.warning("transfer_asked_again")
            self._ask(self._asked)

    def _ask(self, transfer: Transfer) -> None:
        self._asked, self._began_at = transfer, time.monotonic()
        self._output.control(transfer)

    def failed(self) -> None:
        """Take the caller back: nobody took the call."""
        self._progress.given_back()
        self._conversation.instruct(_NOBODY_TOOK_IT)

    def tick(self, now: float) -> None:
        """Let time pass. Raises `StreamOver` when a human has the call."""
        if now > self._began_at + LONGEST_SECONDS:
            raise StreamOver("transferred")
