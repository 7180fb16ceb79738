"""`seido denoise`: a recording with less of the scanner's noise, written piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console

from seido.clips.denoise import moments, quiet_and_loud_of
from seido.clips.denoise_long import denoised_blocks
from seido.corpus.sound import probe_sound, sound_blocks
from seido.errors import OutputError
from seido.files import replacing, require_parent
from seido.movie.removal import removers


def denoise_verb(speech: Path, out: Path, *, method: str = "auto", model: str | None = None) -> None:
    """Lower the scanner's noise under speech.

    Parameters
    ----------
    speech
        Recording: any sound file, or a movie with sound.
    out
        Sound to write: .wav, at the recording's own rate.
    method
        auto, template (subtract the scanner's steady lines), spectral (lower any steady noise), frcrn-small (the
        bundled network), frcrn (the published one, whose weights --model names) or none; several in turn are put
        together, like template+frcrn-small.
    model
        Weights of frcrn, or others of frcrn-small than the bundled ones.

    """
    if out.suffix.lower() != ".wav":
        raise OutputError(f"{out}: sound is written as .wav; name it {out.stem}.wav")
    require_parent(out)
    rate = probe_sound(speech).rate
    networks = removers(method, model)
    steps: list[str] = []
    powers = []
    with replacing(out) as temporary, soundfile.SoundFile(temporary, "w", rate, 1, "PCM_16", format="WAV") as file:
        for done in denoised_blocks(sound_blocks(speech), rate, method, networks, name=speech.stem):
            steps += [step for step in done.steps if step not in steps]
            powers.append(moments(done.speech))
            file.write(done.speech.samples)
    quiet, loud = quiet_and_loud_of(np.concatenate(powers))
    told = f"{' and '.join(steps)} used" if steps else "left as it was"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{out}: {told}; its quietest moments lie {loud - quiet:.0f} dB under its loudest")
