"""Makes the French prompts and the demo caller's utterances: 8 kHz mono 16-bit WAV.

    python -m freeswitch.scripts.make_prompts

It needs espeak-ng and sox (Debian main). The WAVs are committed, so nobody needs to run it to use
them. The prompts and the caller speak with two voices; every utterance has its words beside it in a
`.txt`, which is what the Realtime simulator answers with when it recognises it.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from controlplane.prompts.synthesiser import ASSISTANT, Voice, pronounced

SOUNDS: Final = Path(__file__).parents[1] / "sounds"
STEP_DEADLINE_SECONDS: Final = 30.0
"""One espeak-ng or sox run takes well under a second."""
PEAK_DB: Final = -3.0
"""The peak is this far below full scale. Speech then sits near the -20 dBm0 of telephone networks.
"""

CALLER: Final = Voice("fr+m3", 170, 38)

PROMPTS: Final = {
    "greeting_generic": "Bonjour, vous êtes bien au restaurant. "
    "Je suis l'assistant vocal, une intelligence artificielle.",
    "busy": "Tous nos agents sont occupés. Merci de patienter quelques instants.",
    "still_waiting": "Merci de patienter, nous allons vous répondre.",
    "one_moment": "Un instant, s'il vous plaît.",
    "transfer": "Je vous mets en relation avec le restaurant.",
    "transfer_person": "Je vous mets en relation. Ne quittez pas.",
    "accept_transfer": "Un client du restaurant souhaite vous parler. "
    "Pour prendre l'appel, appuyez sur un. "
    "Pour parler à ce client, appuyez sur la touche un.",
    "leave_message": "Personne ne peut vous répondre pour le moment. "
    "Laissez votre message, avec votre numéro de téléphone, après le bip.",
    "message_left": "Merci. Le restaurant vous rappellera. Au revoir.",
    "technical_problem": "Nous rencontrons un problème technique. "
    "Veuillez nous excuser, un instant s'il vous plaît.",
    "goodbye": "Nous ne pouvons pas vous répondre pour le moment. "
    "Merci de rappeler un peu plus tard. Au revoir.",
}

UTTERANCES: Final = {
    "deux_margherita_un_coca": "Bonjour, je voudrais deux margherita et un coca s'il vous plaît.",
    "margherita_mozzarella_quatre_fromages": "Une margherita avec supplément mozzarella "
    "et une quatre fromages.",
    "finalement_un_coca": "Non attendez, finalement un coca en plus.",
    "oui_c_est_bien_ca": "Oui, c'est bien ça.",
    "non_merci_c_est_tout": "Non merci, c'est tout.",
    "stop": "Stop !",
    "mmh": "Mmh.",
    "d_accord": "D'accord.",
    "parler_a_quelqu_un": "Je voudrais parler à quelqu'un.",
    "qu_avez_vous_comme_pizzas": "Qu'est-ce que vous avez comme pizzas ?",
    "enlevez_le_coca": "Enlevez le coca.",
    "au_nom_de_martin": "Au nom de Martin.",
}


def make_all() -> None:
    """Write every WAV again, and the transcripts beside the caller's."""
    for name, text in PROMPTS.items():
        make(text, SOUNDS / "fr" / f"{name}.wav", voice=ASSISTANT)
    for name, text in UTTERANCES.items():
        target = SOUNDS / "caller" / f"{name}.wav"
        make(text, target, voice=CALLER)
        target.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")


def make(text: str, target: Path, *, voice: Voice) -> None:
    """Speak `text` into `target`: telephone band, silence cut at both ends, one level."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = pronounced(text)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        _run("espeak-ng", "-v", voice.name, "-s", voice.speed, "-p", voice.pitch, "-w", raw, text)
        # The start, then, backwards, the end; 3 ms of fade so that neither clicks.
        cut = ("silence", 1, 0.005, "0.4%", "fade", "t", 0.003, "reverse")
        _run(
            *("sox", "-D", raw, "-b", 16, "-c", 1, target),
            *("highpass", 200, "lowpass", 3400, "rate", 8000),
            *("norm", PEAK_DB, *cut, *cut),
        )  # fmt: skip


def _run(*command: object) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        timeout=STEP_DEADLINE_SECONDS,
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    make_all()
