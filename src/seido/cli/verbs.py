"""The verbs of `seido`: each reads its arguments, calls the library once, and says what came of it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from seido.cli.codes import DONE, SOME_LEFT_OUT, STOPPED
from seido.cli.compare import compare_verb
from seido.cli.demo import DemoOptions, run_demo
from seido.cli.denoising import denoise_verb
from seido.cli.experiment import experiment_verb
from seido.cli.hearing import hear_verb
from seido.cli.inspection import as_json, describe
from seido.cli.models import models_app
from seido.cli.progress import bar
from seido.cli.settings import from_settings
from seido.cli.studio import studio_verb
from seido.cli.training import showing
from seido.clips.join import join_clips
from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import Clips, open_clips
from seido.corpus.survey import survey
from seido.errors import BadInputError
from seido.movie.generate import GenerateOptions
from seido.movie.make import generate_movie
from seido.movie.removal import removers
from seido.phantom.produce import cost, produce
from seido.phantom.script import PhantomOptions
from seido.report.evaluate import EvaluateOptions, evaluate
from seido.training.ending import Trained
from seido.training.loop import train
from seido.training.options import TrainOptions
from seido.training.parallel import leading
from seido.values import SPLITS

app = App(
    name="seido",
    help="Speech and one MRI frame become the movie of the vocal tract that spoke.",
    version=version("seido"),
    suppress_keyboard_interrupt=False,  # main() says what became of the output
)
app.command(models_app)
app.command(compare_verb, name="compare")
app.command(denoise_verb, name="denoise")
app.command(experiment_verb, name="experiment")
app.command(hear_verb, name="hear")
app.command(studio_verb, name="studio")
_out = Console(highlight=False, soft_wrap=True)
_told = Console(highlight=False, soft_wrap=True, stderr=True)


@app.command(name="generate")
def generate_verb(
    speech: Path,
    frame: Path,
    *,
    out: Path,
    options: Annotated[GenerateOptions | None, Parameter(name="*")] = None,
    moving: bool = False,
    lossless: bool = False,
) -> None:
    """Make a movie from speech and its first frame.

    Parameters
    ----------
    speech
        Recording: any sound file, or a movie with sound.
    frame
        First frame: PNG, TIFF, JPEG, .npy, a movie, whose first frame is taken, or a bundled head of the phantom: man,
        woman or adolescent (the vocal tract), man-whole, woman-whole or adolescent-whole (the head).
    out
        Movie to write: .mp4 (H.264 + AAC) or .mkv.
    moving
        Give every frame of the movie FRAME its own mouth (Wav2Lip's own job) instead of the first frame alone.
    lossless
        Write FFV1 + FLAC; OUT must end in .mkv.

    """
    with bar("frames") as report:
        made = generate_movie(
            speech,
            frame,
            out,
            options,
            moving=moving,
            lossless=lossless,
            progress=lambda done, total: report(out.name, done, total),
        )
    for remark in made.remarks:
        _told.print(f"seido: {remark}", markup=False, emoji=False)
    if "published" in made.plan.notes:
        _out.print(f"weights: {made.plan.notes['published']} as published with Wav2Lip, {made.plan.notes['licence']}")
    _out.print(f"{out}: {made.total} frames at {float(made.rate):g} per second, {float(made.total / made.rate):.2f} s")


@app.command(name="prepare")
def prepare_verb(
    corpus: Path,
    out: Path,
    *,
    options: Annotated[PrepareOptions | None, Parameter(name="*", negative_iterable="", consume_multiple=True)] = None,
    workers: int | None = None,
    cluster: str | None = None,
    denoise_model: str | None = None,
) -> int:
    """Cut a corpus into clips of one size and frame rate, ready for training.

    Broken off, the same command goes on where it stopped.

    Parameters
    ----------
    corpus
        Folder of a corpus, or of movies with sound or with .wav files of the same name; or one movie.
    out
        Folder to write the clips to.
    workers
        Processes at work; as many as there are cores unless given.
    cluster
        Address of the scheduler of a Dask cluster to work on instead.
    denoise_model
        Weights for --denoise frcrn, or others for frcrn-small than the bundled ones.

    """
    options = options or PrepareOptions()
    networks = removers(options.denoise, denoise_model)
    with bar("recordings") as report:
        outcome = prepare(corpus, out, options, report, workers=workers, address=cluster, networks=networks)
    _out.print(describe_clips(outcome.clips))
    _out.print("Compared between train, validation and test:")
    for compared in outcome.leakage:
        _out.print(f"  {'LEAK: ' if compared.leaks else ''}{compared.sentence()}")
    for problem in outcome.problems:
        _out.print(f"left out: {problem}")
    _out.print(f"{out / 'report.md'} tells more")
    leaks = any(compared.leaks for compared in outcome.leakage)
    return SOME_LEFT_OUT if outcome.problems or leaks else DONE


@app.command(name="join")
def join_verb(clips: Path, more: Path, *others: Path, out: Path) -> None:
    """Put prepared clips of several corpora into one folder, to train on all of them.

    Each clip stays in its part. A sentence that one folder tests is not learnt from another.

    Parameters
    ----------
    clips
        Folder that `seido prepare` wrote; its size and frame rate are those of all.
    more
        Another one.
    others
        And more of them.
    out
        Folder to write the clips to.

    """
    joined = join_clips([clips, more, *others], out)
    _out.print(describe_clips(joined.clips))
    if joined.left_out:
        named = ", ".join(joined.left_out[:3]) + (", …" if len(joined.left_out) > 3 else "")
        _out.print(f"left out, for another folder tests what they say: {len(joined.left_out)} clips ({named})")


@app.command(name="inspect")
def inspect_verb(path: Path, *, format: str = "auto", json: bool = False, all: bool = False) -> None:  # noqa: A002
    """Tell what a corpus holds and what is wrong with it, from headers and a few looks.

    Parameters
    ----------
    path
        Folder of a corpus, or one movie.
    format
        auto, rtmridb, usc75, usctimit, artspeech, dicom or folder.
    json
        Print everything as JSON, a row for each recording.
    all
        Print every problem, not only the first.

    """
    with bar("recordings") as report:
        found = survey(path, format, report)
    if json:
        _out.print(as_json(found), markup=False, emoji=False)
        return
    for line in describe(found, everything=all):
        _out.print(line, markup=False, emoji=False)


train_app = App(name="train", config=from_settings)
app.command(train_app)


@train_app.default
def train_verb(
    clips: Path,
    out: Path,
    *,
    options: Annotated[TrainOptions | None, Parameter(name="*")] = None,
    resume: bool = False,
    config: Path | None = None,  # noqa: ARG001  (read by from_settings)
    set: tuple[str, ...] = (),  # noqa: A002, ARG001  (likewise)
) -> int:
    """Fit a network to prepared clips, from scratch or from a checkpoint.

    Parameters
    ----------
    clips
        Folder that `seido prepare` wrote; for a noise remover, a folder of .wav files of clean speech.
    out
        Folder for the checkpoint, the history, and what is needed to go on.
    resume
        Go on with the run in OUT.
    config
        TOML file with options by their names here; those of a group stand under its name, like [losses].
    set
        NAME=VALUE, like losses.structure=0.1; may be repeated, and counts more than the file.

    """
    trained = run_training(clips, out, options or TrainOptions(), resume=resume)
    if leading():
        loss = f"validation loss {trained.best_loss:.4f} at step {trained.best_step}"
        _out.print(f"{trained.best}: {loss}. {trained.why}")
    return STOPPED if trained.stopped == "interrupted" else DONE


@app.command(name="evaluate")
def evaluate_verb(
    *model_clips: str,
    out: Path,
    options: Annotated[EvaluateOptions | None, Parameter(name="*")] = None,
    workers: int | None = None,
) -> None:
    """Generate held-out clips and score them beside rows that need no training: MODEL [MODEL…] CLIPS.

    Parameters
    ----------
    model_clips
        One or more models (names of bundled ones, checkpoint files, or NAME=FILE), then the folder that
        `seido prepare` wrote.
    out
        Folder for the scores, the report, movies and pictures.
    workers
        Processes that score; one a core unless given.

    """
    if len(model_clips) < 2:
        raise BadInputError("evaluate needs a model and then a folder of clips: seido evaluate MODEL CLIPS --out DIR")
    *models, clips = model_clips
    with bar("clips") as report:
        result = evaluate(models, open_clips(Path(clips)), out, options, report, workers=workers)
    _out.print(result.markdown)
    for path in result.files:
        _out.print(str(path))


@app.command(name="phantom")
def phantom_verb(
    out: Path, *, options: Annotated[PhantomOptions | None, Parameter(name="*")] = None, workers: int | None = None
) -> None:
    """Make a corpus of speech and pictures from one simulated vocal tract, with the truth beside it.

    Broken off, the same command goes on where it stopped.

    Parameters
    ----------
    out
        Folder to write the corpus to.
    workers
        Processes at work; as many as there are cores unless given.

    """
    options = options or PhantomOptions()
    foretold = cost(options, workers)
    _out.print(
        f"{foretold.lines} recordings, {foretold.speech_minutes:.1f} min of speech: about "
        f"{foretold.minutes:.1f} min and {foretold.gigabytes:.2f} GB"
    )
    with bar("recordings") as report:
        made = produce(out, options, workers, report)
    there = f" ({made.found} were there already)" if made.found else ""
    _out.print(f"{out}: {len(made.lines)} recordings{there}, {made.seconds / 60:.1f} min. README.md tells of it")


@app.command(name="demo")
def demo_verb(out: Path = Path("demo"), *, options: Annotated[DemoOptions | None, Parameter(name="*")] = None) -> None:
    """Make a movie with the bundled model and score it, with nothing downloaded; with --train, train one first.

    Parameters
    ----------
    out
        Folder to write to; what an earlier demo left in it is replaced.

    """
    run_demo(out, options or DemoOptions(), _out.print)


def describe_clips(clips: Clips) -> str:
    """Say in two lines what a folder of clips holds."""
    prepared, rate = clips.prepared, clips.prepared.rate
    seconds = sum(entry.frames for entry in clips.entries) / rate
    parts = ", ".join(f"{len(clips.split(name))} {name}" for name in SPLITS)
    speakers = len({entry.speaker for entry in clips.entries})
    return (
        f"{clips.root}: {len(clips)} clips ({parts}), {float(seconds):.1f} s, {speakers} "
        f"speaker{'s' if speakers > 1 else ''}, {prepared.width} × {prepared.height} pixels at {float(rate):g} frames/s"
    )


def run_training(clips: Path, out: Path, options: TrainOptions, *, resume: bool = False) -> Trained:
    """Train with a progress bar, and print each validation."""
    with bar("steps") as report:
        return train(clips, out, options, resume=resume, progress=showing(report, _out.print))
