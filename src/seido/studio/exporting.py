"""The tasks `movie` and `gif`: frames and speech of an item as a file for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from seido.corpus.sound import probe_sound, sound_blocks
from seido.files import replacing
from seido.movie.writer import Sound, write_movie
from seido.studio.items import MOVIE, SPEECH, Pictures
from seido.studio.raw import mapped

Tell = Callable[[str, int, int], None]
_TICK = 100
"""GIF counts time in hundredths of a second."""


def movie(request: dict[str, Any], _: Tell) -> dict[str, Any]:
    """Write movie.mp4 (H.264 + AAC) from frames.raw and, where there is one, the source's sound."""
    pictures = Pictures.read(request["pictures"], Path(request["frames"]))
    heard = Path(request["source"]) if Path(SPEECH).exists() else None
    sound = None if heard is None else Sound(sound_blocks(heard), probe_sound(heard).rate)
    write_movie(Path(MOVIE), iter(mapped(Path(request["frames"]), pictures)), pictures.rate, sound)
    return {"file": MOVIE}


def gif(request: dict[str, Any], _: Tell) -> dict[str, Any]:
    """Write some frames as an animated GIF that runs for ever; it has no sound.

    GIF shows a frame for whole hundredths of a second: each ends at the hundredth nearest to its own end, so that
    none drifts.
    """
    pictures = Pictures.read(request["pictures"], Path(request["frames"]))
    first, count, out = int(request["first"]), int(request["count"]), Path(request["out"])
    frames = mapped(Path(request["frames"]), pictures)[first : first + count]
    ends = [round((number + 1) * _TICK / pictures.rate) for number in range(len(frames))]
    lengths = [max(1, end - start) * 10 for start, end in zip([0, *ends], ends, strict=False)]
    shown = [Image.fromarray(frame) for frame in frames]
    with replacing(out) as temporary:
        shown[0].save(temporary, "GIF", save_all=True, append_images=shown[1:], duration=lengths, loop=0)
    return {"file": out.name}
