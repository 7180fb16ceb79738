"""The data card of a phantom corpus: what it is, and what it is not."""

from __future__ import annotations

from collections.abc import Sequence

from seido.phantom.anatomy import SPEAKERS
from seido.phantom.script import Line, PhantomOptions

_WRITTEN = {
    "rtmridb": "`rtmridb_v1_mp4/NAME.mp4`, pictures with sound; `rtMRIDB.sqlite3`, table `rtmri`, a row for each phone",
    "75speaker": "`subNNN/2drt/{audio,video,recon}`: sound, movie with sound, and frames as HDF5, dataset `recon`",
}

# fmt: off
_HEAD = ("speaker", "kind", "role", "frames/s", "recordings", "seconds", "mouth", "throat", "width", "palate",
         "pharynx turned", "voice Hz", "tempo")
# fmt: on


def data_card(options: PhantomOptions, spoken: Sequence[tuple[Line, float]]) -> str:
    """Write the card in Markdown, for these options and the lines with their seconds."""
    total = sum(seconds for _, seconds in spoken)
    rows = "\n".join(_row(name, spoken) for name in dict.fromkeys(line.speaker for line, _ in spoken))
    sound = (
        f"with the scanner's gradient noise, speech {options.snr:g} dB above it"
        if options.sound == "noisy"
        else "clean, as at the lips"
    )
    return f"""# A phantom of real-time MRI of speech

{len(spoken)} recordings, {total / 60:.1f} minutes, made by `seido phantom`. **Nobody was scanned and nobody spoke.**
Text became articulatory gestures, the gestures moved the geometrical vocal tract of VocalTractLab (Birkholz 2013),
and that tract gave both the sound and the pictures. So the truth is known.

## What it is not

- Not real MRI: tissue, noise and coils imitate real frames in their looks and first statistics, no more.
- Not many people: **all speakers are smooth deformations of one man**, VocalTractLab's JD3, and share his larynx.
- Not fluent speech: gestures follow rules; no person has judged how it sounds or looks.
- A figure measured here is a phantom figure. Say so wherever it is shown.

## Speakers

| {" | ".join(_HEAD)} |
|{"---|" * len(_HEAD)}
{rows}

Mouth, throat, width and palate are relative to JD3's own lengths. W lies outside the hull of the others. The unseen
speaker is imaged by another scanner (other coil, coarser, noisier).

## Files

- {_WRITTEN[options.layout]}.
  Pictures: 256 × 256 pixels of 1 mm, 8 bits, the face looks left; a frame averages the two or three states that it
  lasts. Sound: 48 kHz, {sound}.
- `truth/NAME/`, beside each recording:
  `pictures.mkv` (the same frames without noise, coil and blur, lossless), `speech.wav` (clean),
  `contours.safetensors` (each articulator's points per frame in mm of the picture; area function of the tube),
  `variables.csv` (tract variables per frame), `labels.TextGrid` (words and phones where the movement really is),
  `truth.json` (speaker, text, seed, and how to read the others).
- `corpus.json`: the options it was made by. The same options give the same bytes on the same machine.

Languages: {options.languages}; seed {options.seed}. Sentences come from a seeded grammar; the unseen speaker reads
"The North Wind and the Sun".

The synthesiser is GPL-3.0 software; what it computes is not bound by its licence.
"""


def _row(name: str, spoken: Sequence[tuple[Line, float]]) -> str:
    who = SPEAKERS[name]
    own = [(line, seconds) for line, seconds in spoken if line.speaker == name]
    line = own[0][0]
    cells = (
        name,
        who.label,
        "unseen" if line.unseen else "train",
        f"{float(line.frame_rate):g}",
        len(own),
        f"{sum(seconds for _, seconds in own):.0f}",
        f"{who.oral_length:g}",
        f"{who.pharynx_length:g}",
        f"{who.width:g}",
        f"{who.palate_dome:g}",
        f"{who.pharynx_angle:g}°",
        f"{who.f0:g}",
        f"{who.rate:g}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
