"""The tract generator as a task: stretches of frames from the speech around them and one frame of the speaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.files import sha256
from seido.models.checkpoint import build, load_checkpoint
from seido.models.mover import Mover
from seido.models.movers import MOVERS, new_mover
from seido.models.tract_speech import hearing, silence_of
from seido.plan import Encoder, FrontEnd, Network, Plan
from seido.timebase import centred_lead
from seido.training.adapt import AdaptOptions
from seido.training.aligned_task import sample, seen
from seido.training.augment import augmented
from seido.training.batches import Draw, Examples, draw_batch, open_examples, spread_draw
from seido.training.losses import l1, ssim
from seido.training.numbers import Numbers
from seido.training.options import TrainOptions
from seido.training.task import Loss, Memory, Share, Validation

GENERATOR = "generator"
STRETCH = 12
"""Frames that an example has unless said otherwise."""
BATCH = 4
"""Examples in a step unless said otherwise."""
STRIDE = 3
"""Every so many-th frame is learnt unless said otherwise: neighbours say nearly the same."""
_AT_ONCE = 32
"""Validation frames painted at a time."""


@dataclass(frozen=True)
class TractBatch:
    """G examples of T frames in a row; float32.

    mel (G, L, bands) with the places at (G, T) of the frames in it, reference (G, 1, S, S) and target (G, T, S, S),
    grey, 0 … 1; motion (G, 1, S, S), where the clip moves, of mean 1, or None.
    """

    mel: Tensor
    at: Tensor
    reference: Tensor
    target: Tensor
    motion: Tensor | None = None

    def to(self, device: torch.device) -> TractBatch:
        """Move to where the network is."""
        motion = None if self.motion is None else self.motion.to(device)
        mel, at, reference, target = (each.to(device) for each in (self.mel, self.at, self.reference, self.target))
        return TractBatch(mel, at, reference, target, motion)


class TractTask:
    """A tract generator that learns L1, structure and change from frame to frame as weighted; see task.Task."""

    def __init__(self, clips: Clips, options: TrainOptions, saved: Plan | None = None) -> None:
        """Open the clips; `saved` is the plan of a run that goes on, whose weights will be put in.

        Raises BadInputError for options that it has no use for, clips and a checkpoint that do not fit together, and
        when clips for a part are lacking.
        """
        _require_usable(options)
        self.options = options
        self.network, self.plan = _resumed(saved, clips, options) if saved else _starting_point(clips, options)
        features = self.plan.front_end.encoder is not None
        self.augment = options.augment.of_features() if features else options.augment
        self.window = options.window or STRETCH
        self.batch_size = options.batch or BATCH
        self.frames = self.batch_size * self.window
        self.stride = options.tract.stride or STRIDE
        self.span = (self.window - 1) * self.stride + 1
        self.training, self.validation = open_examples(clips, self.plan, options.memory, self.span, options.clips)
        self.watched = spread_draw(self.validation, options.validation_frames)
        self.networks: dict[str, nn.Module] = {GENERATOR: self.network}
        self.numbers = Numbers(torch.device("cpu"))

    def to(self, numbers: Numbers) -> None:
        """Move the network to where it will be computed, with these numbers; on the CPU channels last are faster."""
        self.numbers = numbers
        self.network.to(numbers.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def weights(self) -> Mapping[str, Tensor]:
        """Return the generator's weights."""
        return self.network.state_dict()

    def told(self, step: int) -> str:
        """Name the clips and first frames of a step."""
        return self.training.told(self._drawn(step))

    def batch(self, step: int, share: Share) -> TractBatch:
        """Make a part of a step's batch; speech and pictures of a stretch are varied by one draw."""
        part = share.of(self.batch_size)
        mels, places, references, targets = [], [], [], []
        draw = self._drawn(step)[part]
        for clip, target, reference in zip(draw.clip, draw.target, draw.reference, strict=True):
            wanted = range(target, target + self.span, self.stride)
            mel, at = self._heard(self.training, clip, wanted)
            pictures = seen(self.training, clip, [int(reference), *wanted])
            mels.append(mel)
            places.append(at)
            references.append(pictures[:1])
            targets.append(pictures[1:])
        # As a single window of many columns, and as pictures of one channel.
        starts = np.zeros((len(mels), 1), np.int64)
        reference, target, mel = augmented(
            torch.stack(references),
            torch.stack(targets)[:, :, None],
            torch.stack(mels)[:, None, None].transpose(3, 4),
            starts,
            self.augment,
            self.options.seed,
            step,
            part.start,
        )
        motion = torch.stack([self.training.motion[clip] for clip in draw.clip]) if self.options.losses.motion else None
        return TractBatch(mel[:, 0, 0].transpose(1, 2), torch.stack(places), reference, target[:, :, 0], motion)

    def losses(self, batch: TractBatch, step: int, memory: Memory) -> Iterator[Loss]:  # noqa: ARG002
        """Compute L1, of which `losses.motion` counts where it moves, and what is weighted beside it.

        `losses.structure` weighs 1 − SSIM, `tract.change` the L1 of the differences between neighbouring frames.
        """
        wanted = self.options.losses
        self.network.train()
        with self.numbers.cast():
            made = self.network(batch.mel, batch.at, batch.reference)
        made = made.float()[:, :, 0]
        value = plain = l1(made, batch.target)
        parts = {"l1": plain}
        if wanted.motion:
            value = l1(made, batch.target, batch.motion, wanted.motion)
        if wanted.structure:
            parts["structure"] = 1 - ssim(made.flatten(0, 1)[:, None], batch.target.flatten(0, 1)[:, None])
            value = value + wanted.structure * parts["structure"]
        if self.options.tract.change:
            parts["change"] = l1(made.diff(dim=1), batch.target.diff(dim=1))
            value = value + self.options.tract.change * parts["change"]
        yield Loss(GENERATOR, value, {name: part.detach() for name, part in parts.items()})

    @torch.inference_mode()
    def validate(self, memory: Memory) -> Validation:  # noqa: ARG002
        """Score what generation would show from each clip's first frame: L1 of the clamped output, beside holding it.

        The frames are those that a Wav2Lip generator's validation looks at, so that the losses compare.
        """
        sums = {"loss": 0.0, "trivial": 0.0, "ssim": 0.0}
        for clip in np.unique(self.watched.clip).tolist():
            wanted = self.watched.target[self.watched.clip == clip].tolist()
            first, true = seen(self.validation, clip, [0]), seen(self.validation, clip, wanted)
            made, here = self._shown(clip, wanted), len(wanted)
            sums["loss"] += here * l1(made, true).item()
            sums["trivial"] += here * l1(first.expand_as(true), true).item()
            sums["ssim"] += here * ssim(made[:, None], true[:, None]).item()
        means = {name: total / len(self.watched.clip) for name, total in sums.items()}
        loss, trivial = means.pop("loss"), means.pop("trivial")
        return Validation(loss, trivial, means)

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:  # noqa: ARG002
        """Return `memory` as it is: there is nothing to remember."""
        return memory

    @torch.inference_mode()
    def pictures(self) -> NDArray[np.uint8]:
        """Draw four validation frames, a row each: first frame of the clip, true, generated, and their difference."""
        return sample(self.validation, self.watched, lambda clip, frame: self._shown(clip, [frame])[0])

    def _drawn(self, step: int) -> Draw:
        reference = self.options.reference or "far"
        return draw_batch(self.training, self.options.seed, step, self.batch_size, reference, self.span)

    def _heard(self, examples: Examples, clip: int, frames: range) -> tuple[Tensor, Tensor]:
        moments = examples.moments(clip, frames)
        slack = frames[-1] - frames[0] + 1 - len(frames) + examples.slack
        ears = self.plan.front_end
        mel, at = hearing(
            examples.mels[clip], moments, self.plan.rate, ears.lead, slack, self.network.context, silence_of(ears)
        )
        return torch.from_numpy(mel), torch.from_numpy(at)

    def _shown(self, clip: int, frames: list[int]) -> Tensor:
        """Generate these frames of a validation clip, all of it heard: float32 (frames, S, S), 0 … 1, on the CPU."""
        self.network.eval()
        mel, at = self._heard(self.validation, clip, range(int(self.validation.lengths[clip])))
        first = seen(self.validation, clip, [0])[None]
        mel, at, first = (each.to(self.numbers.device) for each in (mel[None], at[None], first))
        with self.numbers.cast():
            codes, held = self.network.listen(mel, at)[0, frames], self.network.hold(first)
            made = torch.cat([self.network.paint(some, held).float() for some in torch.split(codes, _AT_ONCE)])
        return made[:, 0].clamp(0, 1).cpu()


def tract_plan(clips: Clips, options: TrainOptions) -> Plan:
    """Make the plan of a new tract generator's checkpoints: a frame lies at its middle in the speech."""
    prepared = clips.prepared
    size = options.tract.size or MOVERS[options.model]
    encoder, lead = _heard_by(clips, options), centred_lead(prepared.rate)
    ears = FrontEnd(lead=lead) if encoder is None else FrontEnd(lead=lead, bands=encoder.width, encoder=encoder)
    return Plan(
        network=Network(name=options.model, width=options.channels, residual=True, size=size),
        front_end=ears,
        rate=prepared.rate,
        recipe="tract",
        antialias=True,
    )


def _starting_point(clips: Clips, options: TrainOptions) -> tuple[Mover, Plan]:
    """Make the generator to train and the plan of its checkpoints."""
    prepared, training = clips.prepared, clips.split("train")
    if options.init is None:
        plan = tract_plan(clips, options)
        network = _new_network(plan, options.seed)
    else:
        checkpoint = load_checkpoint(options.init, expect=options.model)
        plan = checkpoint.plan
        if plan.rate != prepared.rate:
            raise BadInputError(
                f"{options.init}: it works at {float(plan.rate):g} frames/s but the clips in {clips.root} have "
                f"{float(prepared.rate):g}; run `seido prepare` again at its rate, or train from scratch"
            )
        _require_ears(plan, clips, options, str(options.init), "train from scratch")
        built = build(checkpoint)
        assert isinstance(built, Mover)  # noqa: S101  (load_checkpoint was told what to expect)
        network = built.requires_grad_(True)
        plan = replace(plan, notes={**plan.notes, "init_sha256": sha256(options.init)})
    seconds = float(sum(entry.frames for entry in training) / prepared.rate)
    notes = {
        "clips": str(options.clips or len(training)),
        "seconds": f"{seconds:.1f}",
        "speakers": ", ".join(sorted({entry.speaker for entry in training})),
    }
    return network, replace(
        plan,
        region=prepared.region,
        frame_size=prepared.frame_size,
        corpus=clips.digest,
        notes={**plan.notes, **notes},
    )


def _heard_by(clips: Clips, options: TrainOptions) -> Encoder | None:
    """Tell whose features the generator learns from; None for log-mels. Raises BadInputError where there are none."""
    wanted, there = options.tract.hear, clips.prepared.encoder
    if wanted == "features" and options.model != "tract":
        raise BadInputError(f"tract.hear: {options.model} hears log-mels alone; leave this option out")
    if wanted == "features" and there is None:
        raise BadInputError(f"tract.hear: {clips.root} holds no features of an encoder; make them with `seido hear`")
    return there if options.model == "tract" and wanted != "mel" else None


def _require_ears(plan: Plan, clips: Clips, options: TrainOptions, what: str, instead: str) -> None:
    """Check that a plan hears what will be learnt from."""
    there = _heard_by(clips, options)
    if plan.front_end.encoder != there:
        one, other = (str(each) if each else "log-mels" for each in (plan.front_end.encoder, there))
        raise BadInputError(f"{what}: it hears {one}, but would learn from {other} of {clips.root}; {instead}")


def _resumed(saved: Plan, clips: Clips, options: TrainOptions) -> tuple[Mover, Plan]:
    _require_ears(saved, clips, options, "the run that was begun", "resume it with the same clips")
    return _new_network(saved, 0), saved


def _new_network(plan: Plan, seed: int) -> Mover:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return new_mover(plan)


def _require_usable(options: TrainOptions) -> None:
    asked = {
        "losses.sync": options.losses.sync > 0,
        "losses.quality": options.losses.quality > 0,
        "adapt": options.adapt != AdaptOptions(),
        "recipe": options.recipe != "tract",
        "residual": options.residual is False,
    }
    for name in (name for name, given in asked.items() if given):
        raise BadInputError(f"{name}: the tract generator cannot be trained that way; leave this option out")
    if options.init is not None and (options.width is not None or options.tract.size is not None):
        raise BadInputError("init: width and tract.size are those of the checkpoint; leave these options out")
