"""The assistant's turns are items: each has audio, words, and a part that the caller heard."""

from typing import Final

from aiworker.conversation.call_record import CallRecord
from aiworker.conversation.read_back_heard import ReadBackHeard
from aiworker.conversation.transcript import heard_text
from aiworker.media.playout import Speech
from aiworker.media.speech_output import SpeechOutput
from aiworker.realtime.client_events import delete_item, truncate_item
from aiworker.realtime.events import AudioDelta, TranscriptDelta, TranscriptDone
from aiworker.realtime.session_link import SessionLink

_LONGEST_SPEECH_MS: Final = 120_000
"""No answer on the telephone takes two minutes: what is more of one item is dropped."""


class AssistantTurns:
    """It follows each item of one call from the first audio to what was heard of it."""

    def __init__(
        self,
        link: SessionLink,
        output: SpeechOutput,
        read_back: ReadBackHeard,
        record: CallRecord,
    ) -> None:
        self.spoke_in_response = False
        """The response in flight, or the last one, said something."""
        self.last_words = ""
        """These are the last item's words, heard or not."""
        self._link, self._output, self._read_back = link, output, read_back
        self._record = record
        self._of_session: set[str] = set()
        """The present session said these items, and can be told about them."""
        self._saying: str | None = None
        """This item was begun last."""
        self._positions: dict[str, int] = {}
        self._texts: dict[str, str] = {}

    # --- The session and its responses ---------------------------------------------------------

    def session_opened(self) -> None:
        self._of_session.clear()

    def session_lost(self) -> None:
        """End its items: what was received of them is all there is."""
        for item in self._of_session:
            self._output.end_item(item)

    def response_asked(self) -> None:
        self.spoke_in_response = False

    # --- What it says --------------------------------------------------------------------------

    def say(self, event: AudioDelta) -> None:
        item = event.item_id
        if item not in self._of_session:
            self._begin(item, event.response_id)
        heard = self._output.heard_of(item)
        if heard is not None and heard[1] > _LONGEST_SPEECH_MS:
            return
        self._output.say(
            item, event.delta, response=event.response_id, content_index=event.content_index or 0
        )

    def _begin(self, item: str, response: str) -> None:
        """Begin an item; the one before it is whole, whether that was told or not."""
        if self._saying is not None:
            self._output.end_item(self._saying)
        self._saying = item
        self.spoke_in_response = True
        self._of_session.add(item)
        self._positions[item] = self._record.transcript.number()
        self._read_back.speech_began(item, response)

    def add_words(self, event: TranscriptDelta) -> None:
        self.last_words = self._texts.get(event.item_id, "") + event.delta
        self._caption(event.item_id, self.last_words)

    def set_words(self, event: TranscriptDone) -> None:
        self.last_words = event.transcript
        self._caption(event.item_id, event.transcript)

    def _caption(self, item: str, text: str) -> None:
        self._texts[item] = text
        self._output.caption(item, text)

    # --- What was heard of it ------------------------------------------------------------------

    def heard(self, speech: Speech) -> None:
        """Put the item on the record: the caller heard of it what they will."""
        self._read_back.speech_over(speech.item, speech.heard_ms, speech.received_ms)
        text = self._texts.pop(speech.item, "")
        position = self._positions.pop(speech.item, None)
        if position is not None and speech.heard_ms:
            said = heard_text(text, heard_ms=speech.heard_ms, total_ms=speech.received_ms)
            self._record.spoke(
                "agent",
                position,
                said,
                heard_ms=speech.heard_ms,
                unheard=text.removeprefix(said).strip(),
            )

    def interrupted(self, speech: Speech) -> None:
        """Let the model know what was heard, and only that: the caller will not hear the rest."""
        heard_ms = min(speech.heard_ms, speech.received_ms)
        if speech.item in self._of_session and heard_ms == 0:
            self._link.send(delete_item(speech.item))
        elif speech.item in self._of_session and not speech.all_heard:
            self._link.send(
                truncate_item(
                    speech.item, content_index=speech.content_index, audio_end_ms=heard_ms
                )
            )
        self.heard(speech)

    def close(self) -> None:
        """Put on the record what was being heard when the call ended."""
        for speech in self._output.close():
            self.heard(speech)
