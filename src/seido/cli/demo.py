"""`seido demo`: the bundled model at work on bundled phantom recordings; with --train, the whole way at small size."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from seido.cli.progress import bar
from seido.cli.training import showing
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import Clips
from seido.corpus.still import read_frame
from seido.errors import OutputError
from seido.files import describe_os_error
from seido.models.registry import DEFAULT
from seido.movie.generate import GenerateOptions
from seido.movie.make import generate_movie
from seido.movie.writer import write_speech
from seido.report.evaluate import EvaluateOptions, evaluate
from seido.report.pictures import write_picture
from seido.training.loop import train
from seido.training.options import LossOptions, TrainOptions

SAMPLES = Path(__file__).parent.parent / "samples"
"""Three sentences of three phantom speakers: 11 s, synthesised and drawn from the same articulation, nobody's data."""
REGION = "48,84,128,128"
"""The vocal tract in the samples' 256 × 256 frames."""
SENTENCE, HEAD = "M1_ja_001", "woman"
"""What is said in the first movie, a man's sentence, and by which bundled head."""
_TRAINED = "These are phantom figures: three sentences, two minutes of training; they show that it works, not how well."
_BUNDLED = (
    "These are phantom figures, of three speakers whose other sentences the model was trained on. They show that it "
    "works, not how well it does with people."
)
MARK = ".made-by-seido-demo"
Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoOptions:
    """Whether the demo trains, and how long."""

    train: bool = False
    """Train a small generator from scratch and show what it learnt, instead of the bundled model."""
    steps: int = 600
    """Training steps at the most, with --train."""
    minutes: float = 2.5
    """Minutes of training at the most, with --train."""
    device: str = "auto"
    """cpu, cuda or auto."""


@dataclass(frozen=True)
class _Shown:
    """What the demo generates, and with which model."""

    model: str
    speech: Path
    frame: Path | str
    said: str


def run_demo(out: Path, options: DemoOptions, say: Say) -> None:
    """Generate a movie from a bundled sentence and head, and score the bundled model on bundled recordings.

    With `train` a slim generator is trained first on a part of those recordings, and what was held out is generated.
    Replaces what an earlier demo left in `out`, and nothing else. Raises OutputError when `out` holds other files.
    """
    began = time.monotonic()
    _clear(out)
    steps = 4 if options.train else 3
    say(f"[1/{steps}] preparing: three phantom recordings, cut to the vocal tract; the end of each is held out")
    with bar("recordings") as report:
        prepared = PrepareOptions(region=REGION, seconds=1.1, split="60/10/30", split_by="time")
        clips = prepare(SAMPLES, out / "clips", prepared, report).clips
    if options.train:
        say(f"[2/{steps}] training a slim generator for up to {options.minutes:g} minutes, from scratch")
        shown = _trained(clips, out, options, say)
    else:
        shown = _Shown(DEFAULT, SAMPLES / f"{SENTENCE}.mp4", HEAD, "a man's sentence, shown in a woman's head")

    movie = out / "generated.mp4"
    say(f"[{steps - 1}/{steps}] generating {shown.said}")
    with bar("frames") as report:
        generate_movie(
            shown.speech,
            shown.frame,
            movie,
            GenerateOptions(model=shown.model, device=options.device),
            progress=lambda done, total: report(movie.name, done, total),
        )

    say(f"[{steps}/{steps}] scoring on what was held out, beside a still picture")
    with bar("clips") as report:
        result = evaluate(shown.model, clips, out / "scores", EvaluateOptions(device=options.device), report)
    say("")
    say(result.markdown)
    say(_TRAINED if options.train else _BUNDLED)
    say(f"The movie: {movie}, made by")
    model = f" --model {shown.model}" if options.train else ""
    say(f"  seido generate {shown.speech} {shown.frame} --out {movie}{model}")
    say("Original | generated | difference, and all of it on one page:")
    for path in result.files:
        if path.suffix in {".mp4", ".png", ".html"}:
            say(f"  {path}")
    say(f"Done in {time.monotonic() - began:.0f} s.")


def _trained(clips: Clips, out: Path, options: DemoOptions, say: Say) -> _Shown:
    """Train, and choose what was held out for the movie."""
    training = TrainOptions(
        width=Fraction(1, 4),
        steps=options.steps,
        minutes=options.minutes,
        validate_every=100,
        losses=LossOptions(structure=0.1),
        device=options.device,
    )
    with bar("steps") as report:
        trained = train(out / "clips", out / "model", training, progress=showing(report, say))
    said = "a stretch that was held out, from its speech and first frame alone"
    return _Shown(str(trained.best), _held_out(clips, out), out / "first-frame.png", said)


def _held_out(clips: Clips, out: Path) -> Path:
    """Write the speech and the whole first frame of the first test clip; returns the speech's file."""
    entry = clips.split("test")[0]
    speech = out / "speech.wav"
    write_speech(speech, clips.clip(entry).speech)
    write_picture(read_frame(SAMPLES / f"{entry.recording}.mp4", entry.first_frame), out / "first-frame.png")
    return speech


def _clear(out: Path) -> None:
    try:
        if out.exists():
            if not (out / MARK).exists() and any(out.iterdir()):
                raise OutputError(f"{out}: it holds files that no demo made; choose another folder")
            shutil.rmtree(out)
        out.mkdir(parents=True)
        (out / MARK).touch()
    except OSError as error:
        raise OutputError(describe_os_error(out, error)) from error
