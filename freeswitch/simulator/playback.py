"""FreeSWITCH's application `playback`: one file to the caller, a frame at a time
(`switch_ivr_play_file`).
"""

from typing import Final

from freeswitch.simulator.session import Playing, Session
from freeswitch.telephone.g711 import FRAME_L16_BYTES, SILENCE_L16
from freeswitch.telephone.sound_file import SoundNotFound, read_sound

READ_AHEAD_SAMPLES: Final = 16_384
"""FreeSWITCH reads files in blocks of this size (`FILE_STARTSAMPLES` / 2)."""
_SAMPLES_PER_MS: Final = 8
_FRAME_SAMPLES: Final = FRAME_L16_BYTES // 2


async def play(session: Session, path: str) -> None:
    """Play until the end, a break, a transfer or the hang-up.

    `playback_ms` counts what was *read* from the file, in blocks of 2,048 ms, so after a break it
    is not what was heard; `playback_last_offset_pos` is (samples).
    """
    channel = session.channel
    try:
        sound = read_sound(path)
    except SoundNotFound:
        channel.set("current_application_response", "FILE NOT FOUND")
        return
    outer, session.playing = session.playing, Playing(path)
    session.broken = False
    session.playbacks += 1
    channel.fire("PLAYBACK_START", {"Playback-File-Path": path})
    total = len(sound) // 2
    offset = read = 0
    status, response = "done", "FILE PLAYED"
    while True:
        if not session.ready:
            response = "PLAYBACK ERROR"
            break
        if session.broken:
            session.broken = False
            session.note_broken()
            status = "break"
            break
        await session.parse_private_events()
        if not await session.tick():
            continue
        if session.playing is not None and session.playing.paused:
            session.dialog.rtp.write(SILENCE_L16)
            continue
        if offset >= total:
            session.give_back_tick()
            break
        while read < total and read - offset <= _FRAME_SAMPLES:
            read = min(read + READ_AHEAD_SAMPLES, total)
        frame = sound[2 * offset : 2 * offset + FRAME_L16_BYTES].ljust(FRAME_L16_BYTES, b"\0")
        offset = min(offset + _FRAME_SAMPLES, total)
        session.dialog.rtp.write(frame)
    session.playing = outer
    channel.set("playback_last_offset_pos", str(offset))
    channel.set("playback_seconds", str(read // _SAMPLES_PER_MS // 1_000))
    channel.set("playback_ms", str(read // _SAMPLES_PER_MS))
    channel.set("playback_samples", str(read))
    channel.fire("PLAYBACK_STOP", {"Playback-File-Path": path, "Playback-Status": status})
    channel.set("current_application_response", response)
