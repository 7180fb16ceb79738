"""Where training starts: the network, new or fine-tuned, and the plan that its checkpoints will carry."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seido.clips.store import Clips, open_clips
from seido.errors import BadInputError
from seido.files import sha256
from seido.models.baselines import BASELINES
from seido.models.checkpoint import build, load_checkpoint
from seido.models.movers import MOVERS
from seido.models.syncnet import FRAMES
from seido.models.wav2lip import Wav2Lip
from seido.plan import FrontEnd, Network, Plan
from seido.timebase import centred_lead
from seido.training.adapt import adapted
from seido.training.aligned_task import AlignedTask
from seido.training.batches import open_examples
from seido.training.critics import SyncCritic
from seido.training.generator_task import GeneratorTask, window_of
from seido.training.noise_task import NoiseData, NoiseTask, open_noise_data
from seido.training.options import NOISE_MODELS, TrainOptions
from seido.training.state import Saved
from seido.training.sync_task import SyncTask
from seido.training.task import Task
from seido.training.tract_task import TractTask


def open_data(folder: Path, options: TrainOptions) -> Clips | NoiseData:
    """Open what the network learns from: prepared clips, or folders of sound; raises BadInputError."""
    return open_noise_data(folder, options) if options.model in NOISE_MODELS else open_clips(folder)


def task_of(options: TrainOptions, clips: Clips | NoiseData, saved: Saved | None = None) -> Task[Any]:
    """Make what there is to learn, with first weights; those of `saved` are put in later.

    Raises BadInputError for clips, checkpoints or options that do not fit together.
    """
    if isinstance(clips, NoiseData):
        return NoiseTask(clips, options, saved.plan if saved else None)
    clips = of_speakers(clips, options.speaker, options.without)
    if options.model in BASELINES:
        return AlignedTask(clips, options, saved.plan if saved else None)
    if options.model in MOVERS:
        return TractTask(clips, options, saved.plan if saved else None)
    if options.model == "syncnet":
        return SyncTask(clips, options, saved.plan if saved else None)
    network, plan = (new_network(saved.plan), saved.plan) if saved else starting_point(options, clips)
    expert = None
    if options.losses.sync:
        assert options.losses.expert is not None  # noqa: S101  (checked by the options)
        expert = SyncCritic(load_checkpoint(options.losses.expert, expect="syncnet"), clips)
        if window_of(options) != FRAMES:
            raise BadInputError(f"window: the sync expert judges {FRAMES} frames in a row; leave this option out")
    examples = open_examples(clips, plan, options.memory, window_of(options), options.clips)
    return GeneratorTask(plan, adapted(network, options.adapt, options.seed), examples, options, expert)


def of_speakers(clips: Clips, only: str | None = None, without: str | None = None) -> Clips:
    """Leave only some speakers' clips, or leave some speakers out; names are separated by commas.

    Raises BadInputError, naming who there is, when one of them has no clips, or nobody is left.
    """
    there = sorted({entry.speaker for entry in clips.entries})
    wanted = set(there)
    for option, told in (("speaker", only), ("without", without)):
        if told is None:
            continue
        names = [name.strip() for name in told.split(",")]
        unknown = next((name for name in names if name not in there), None)
        if unknown is not None:
            raise BadInputError(f"{option}: {clips.root} has no clips of {unknown!r}; choose one of {', '.join(there)}")
        wanted = wanted & set(names) if option == "speaker" else wanted - set(names)
    if not wanted:
        raise BadInputError(f"without: {without} leaves no speaker of {clips.root}; leave fewer out")
    return replace(clips, entries=tuple(entry for entry in clips.entries if entry.speaker in wanted))


def starting_point(options: TrainOptions, clips: Clips) -> tuple[nn.Module, Plan]:
    """Make the generator to train and the plan of its checkpoints.

    Raises BadInputError when the checkpoint to fine-tune cannot be read or was made for other clips: another
    frame rate, or another front-end than the clips' log-mel spectrograms come from.
    """
    if options.init is None:
        residual = options.recipe == "tract" if options.residual is None else options.residual
        plan = Plan(
            network=Network(width=options.channels, residual=residual),
            front_end=FrontEnd(lead=centred_lead(clips.prepared.rate)),
            antialias=True,
        )
        network = new_network(plan, options.seed)
    else:
        network, plan = _fine_tuned(options.init, clips)
    training = clips.split("train")
    seconds = sum(entry.frames for entry in training) / clips.prepared.rate
    notes = {**plan.notes, "clips": str(options.clips or len(training)), "seconds": f"{float(seconds):.1f}"}
    if options.speaker is not None or options.without is not None:
        notes["speakers"] = ", ".join(sorted({entry.speaker for entry in training}))
    return network, replace(
        plan,
        rate=clips.prepared.rate,
        region=clips.prepared.region,
        frame_size=clips.prepared.frame_size,
        recipe=options.recipe,
        corpus=clips.digest,
        notes=notes,
    )


def new_network(plan: Plan, seed: int = 0) -> nn.Module:
    """Make a plan's network with the first weights that `seed` decides; torch's own generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Wav2Lip(plan.network.width, plan.network.residual)


def _fine_tuned(path: Path, clips: Clips) -> tuple[nn.Module, Plan]:
    checkpoint = load_checkpoint(path, expect="wav2lip")
    plan = checkpoint.plan
    if plan.rate != clips.prepared.rate:
        raise BadInputError(
            f"{path}: it works at {_per_second(plan.rate)} but the clips in {clips.root} have "
            f"{_per_second(clips.prepared.rate)}; run `seido prepare` again at its rate, or train from scratch"
        )
    if replace(plan.front_end, lead=Fraction(0)) != FrontEnd():
        raise BadInputError(
            f"{path}: it hears through another front-end than the clips in {clips.root} were made with; "
            "train from scratch"
        )
    if not plan.corpus:
        # Published weights: their training showed each frame the speech from one frame earlier on.
        plan = replace(plan, front_end=replace(plan.front_end, lead=1 / plan.rate))
    plan = replace(plan, notes={**plan.notes, "init_sha256": sha256(path)})
    return build(checkpoint).requires_grad_(True), plan


def _per_second(rate: Fraction) -> str:
    return f"{float(rate):g} frames/s"
