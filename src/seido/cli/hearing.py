"""`seido hear`: prepared clips heard by a frozen speech encoder."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from seido.cli.progress import bar
from seido.clips.hear import hear_clips
from seido.models.device import choose_device


def hear_verb(clips: Path, encoder: Path, *, out: Path, layer: int | None = None, device: str = "auto") -> None:
    """Let a frozen speech encoder hear prepared clips; its features then stand where a tract generator heard log-mels.

    Broken off, the same command goes on where it stopped.

    Parameters
    ----------
    clips
        Folder that `seido prepare` wrote.
    encoder
        Folder with config.json and model.safetensors of HuBERT, wav2vec 2.0, WavLM or Whisper.
    out
        Folder to write the clips with their features to.
    layer
        The encoder's layer whose output is taken, from 1; the middle one unless given.
    device
        cpu, cuda or auto.

    """
    with bar("recordings") as report:
        heard = hear_clips(clips, encoder, out, layer, report, device=choose_device(device))
    console = Console(highlight=False, soft_wrap=True)
    facts = heard.prepared.encoder
    assert facts is not None  # noqa: S101  (it has just heard them)
    console.print(f"{out}: {len(heard)} clips, {facts.width} numbers a column from {facts}")
