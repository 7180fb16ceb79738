"""`seido demo`: the whole way at small size on bundled phantom recordings, in a few minutes on two cores."""

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
MARK = ".made-by-seido-demo"
Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoOptions:
    """How long the demo trains."""

    steps: int = 600
    """Training steps at the most."""
    minutes: float = 2.5
    """Minutes of training at the most."""
    device: str = "auto"
    """cpu, cuda or auto."""


def run_demo(out: Path, options: DemoOptions, say: Say) -> None:
    """Prepare the bundled recordings, train a slim generator, generate a held-out stretch, and score it.

    Replaces what an earlier demo left in `out`, and nothing else. Raises OutputError when `out` holds other files.
    """
    began = time.monotonic()
    _clear(out)
    say("[1/4] preparing: three phantom recordings, cut to the vocal tract; the end of each is held out")
    with bar("recordings") as report:
        outcome = prepare(
            SAMPLES,
            out / "clips",
            PrepareOptions(region=REGION, seconds=1.1, split="60/10/30", split_by="time"),
            report,
        )
    clips = outcome.clips

    say(f"[2/4] training a slim generator for up to {options.minutes:g} minutes, from scratch")
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

    say("[3/4] generating a stretch that was held out, from its speech and first frame alone")
    speech, frame, movie = _held_out(clips, out), out / "first-frame.png", out / "generated.mp4"
    with bar("frames") as report:
        generate_movie(
            speech,
            frame,
            movie,
            GenerateOptions(model=str(trained.best), device=options.device),
            progress=lambda done, total: report(movie.name, done, total),
        )

    say("[4/4] scoring all that was held out, beside a still picture")
    with bar("clips") as report:
        result = evaluate(str(trained.best), clips, out / "scores", EvaluateOptions(device=options.device), report)
    say("")
    say(result.markdown)
    say("These are phantom figures: three sentences, two minutes of training; they show that it works, not how well.")
    say(f"The movie: {movie}, made by")
    say(f"  seido generate {speech} {frame} --out {movie} --model {trained.best}")
    say("Original | generated | difference, and all of it on one page:")
    for path in result.files:
        if path.suffix in {".mp4", ".png", ".html"}:
            say(f"  {path}")
    say(f"Done in {time.monotonic() - began:.0f} s.")


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
