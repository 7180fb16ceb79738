"""The field's baselines as a task: pictures from the speech of the same moments, no picture of the speaker seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from seido.clips.picture import resize
from seido.clips.store import Clips
from seido.errors import BadInputError
from seido.models.aligned import SIZE, AlignedNetwork, aligned_features, centred_front_end, whole_window
from seido.models.baselines import RECURRENT, new_baseline
from seido.models.inputs import mel_windows
from seido.plan import Network, Plan
from seido.timebase import WINDOW
from seido.training.adapt import AdaptOptions
from seido.training.batches import Draw, Examples, draw_batch, open_examples, spread_draw
from seido.training.losses import l1
from seido.training.numbers import Numbers
from seido.training.options import LossOptions, TrainOptions
from seido.training.task import Loss, Memory, Share, Validation

NETWORK = "network"
FRAMES = 128
"""Frames in a step unless said otherwise, as published (Csapó 2020)."""
STRETCH = 16
"""Frames in a row that a recurrent network learns from unless said otherwise."""
_WATCHED = 48
"""At most so many validation clips, evenly spread, are heard from beginning to end."""
_MEASURED = 256
"""At most so many training clips, evenly spread, give the statistics."""
_SHOWN = 4
"""Validation frames in a sample picture."""


@dataclass(frozen=True)
class AlignedBatch:
    """G stretches of T frames: speech float32 (G, T, features) and pictures float32 (G, T, S, S), grey, 0 … 1."""

    speech: Tensor
    target: Tensor

    def to(self, device: torch.device) -> AlignedBatch:
        """Move to where the network is."""
        return AlignedBatch(self.speech.to(device), self.target.to(device))


class AlignedTask:
    """A baseline that learns the mean squared, or absolute, difference of its pictures; see task.Task."""

    def __init__(self, clips: Clips, options: TrainOptions, saved: Plan | None = None) -> None:
        """Open the clips; `saved` is the plan of a run that goes on, whose weights will be put in.

        Raises BadInputError for options that a baseline has no use for, and when clips for a part are lacking.
        """
        _require_plain(options)
        self.options, self.plan = options, saved or aligned_plan(clips, options)
        self.window = options.window or (STRETCH if options.model in RECURRENT else 1)
        self.batch_size = options.batch or max(2, FRAMES // self.window)
        self.frames = self.batch_size * self.window
        self.training, validation = open_examples(clips, self.plan, options.memory, self.window, options.clips)
        self.validation = _some(validation, _WATCHED)
        self.watched = spread_draw(self.validation, options.validation_frames)
        self.network = _new_network(self.plan, options.seed)
        self.still = torch.zeros(self.network.size, self.network.size)
        """The mean picture of the training clips: what a network that hears nothing can at best show."""
        mean, deviation, self.still = statistics(_some(self.training, _MEASURED))
        if not saved:
            self.network.begin(mean, deviation, self.still)
        self.networks: dict[str, nn.Module] = {NETWORK: self.network}
        self.numbers = Numbers(torch.device("cpu"))

    def to(self, numbers: Numbers) -> None:
        """Move the network to where it will be computed, with these numbers."""
        self.numbers = numbers
        self.network.to(numbers.device)

    def weights(self) -> Mapping[str, Tensor]:
        """Return the network's weights, with the statistics of the speech."""
        return self.network.state_dict()

    def told(self, step: int) -> str:
        """Name the clips and first frames of a step."""
        return self.training.told(self._drawn(step))

    def batch(self, step: int, share: Share) -> AlignedBatch:
        """Make a part of a step's batch; nothing is varied, as published."""
        draw = self._drawn(step)[share.of(self.batch_size)]
        speech, target = [], []
        for clip, first in zip(draw.clip, draw.target, strict=True):
            wanted = range(first, first + self.window)
            speech.append(heard(self.training, clip, wanted))
            target.append(seen(self.training, clip, wanted))
        return AlignedBatch(torch.stack(speech), torch.stack(target))

    def losses(self, batch: AlignedBatch, step: int, memory: Memory) -> Iterator[Loss]:  # noqa: ARG002
        """Compute the difference to the true pictures, squared unless `aligned.loss` says l1."""
        self.network.train()
        with self.numbers.cast():
            made: Tensor = self.network(batch.speech)
        made = made.float()
        squared, absolute = functional.mse_loss(made, batch.target), l1(made, batch.target)
        value = absolute if self.options.aligned.loss == "l1" else squared
        yield Loss(NETWORK, value, {"mse": squared.detach(), "l1": absolute.detach()})

    @torch.inference_mode()
    def validate(self, memory: Memory) -> Validation:  # noqa: ARG002
        """Score what generation would show, each clip heard from its beginning: L1 of the clamped output.

        The trivial loss is that of the clip's first frame held, which a baseline does not see. The part `mean_frame`
        is that of the training clips' mean frame held; where it is not undercut, the network has learnt no movement.
        """
        sums = {"loss": 0.0, "trivial": 0.0, "mean_frame": 0.0, "mse": 0.0}
        for clip, wanted in self._watched():
            made, true = self._shown(clip)[wanted], seen(self.validation, clip, wanted)
            first = seen(self.validation, clip, [0])
            here = len(wanted)
            sums["loss"] += here * l1(made, true).item()
            sums["mse"] += here * functional.mse_loss(made, true).item()
            sums["trivial"] += here * l1(first.expand_as(true), true).item()
            sums["mean_frame"] += here * l1(self.still.expand_as(true), true).item()
        means = {name: total / len(self.watched.clip) for name, total in sums.items()}
        loss, trivial = means.pop("loss"), means.pop("trivial")
        return Validation(loss, trivial, means)

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:  # noqa: ARG002
        """Return `memory` as it is: there is nothing to remember."""
        return memory

    @torch.inference_mode()
    def pictures(self) -> NDArray[np.uint8]:
        """Draw four validation frames, a row each: first frame of the clip, true, generated, and their difference."""
        return sample(self.validation, self.watched, lambda clip, frame: self._shown(clip)[frame])

    def _drawn(self, step: int) -> Draw:
        return draw_batch(self.training, self.options.seed, step, self.batch_size, "first", self.window)

    def _watched(self) -> Iterator[tuple[int, list[int]]]:
        for clip in np.unique(self.watched.clip).tolist():
            yield clip, self.watched.target[self.watched.clip == clip].tolist()

    def _shown(self, clip: int) -> Tensor:
        """Generate a whole validation clip: float32 (T, S, S), 0 … 1, on the CPU."""
        self.network.eval()
        speech = heard(self.validation, clip, range(int(self.validation.lengths[clip])))
        with self.numbers.cast():
            made: Tensor = self.network(speech[None].to(self.numbers.device))[0]
        return made.float().clamp(0, 1).cpu()


def sample(examples: Examples, watched: Draw, made: Callable[[int, int], Tensor]) -> NDArray[np.uint8]:
    """Draw four of the watched frames, a row each: first frame, true, `made` (clip, frame) and their difference."""
    count, rows = len(watched.clip), []
    for number in sorted({count * row // _SHOWN for row in range(_SHOWN)}):
        clip, frame = int(watched.clip[number]), int(watched.target[number])
        first, true = seen(examples, clip, [0, frame])
        shown = made(clip, frame)
        rows.append(torch.cat([first, true, shown, (0.5 + shown - true).clamp(0, 1)], dim=1))
    return (torch.cat(rows) * 255).round().to(torch.uint8).numpy()


def aligned_plan(clips: Clips, options: TrainOptions) -> Plan:
    """Make the plan of a new baseline's checkpoints: its mel windows are centred on the frames."""
    prepared, training = clips.prepared, clips.split("train")
    seconds = float(sum(entry.frames for entry in training) / prepared.rate)
    return Plan(
        network=Network(name=options.model, width=options.channels, size=SIZE),
        front_end=centred_front_end(options.aligned.columns or WINDOW, prepared.rate),
        rate=prepared.rate,
        region=prepared.region,
        frame_size=prepared.frame_size,
        recipe="tract",
        antialias=True,
        corpus=clips.digest,
        notes={
            "clips": str(options.clips or len(training)),
            "seconds": f"{seconds:.1f}",
            "speakers": ", ".join(sorted({entry.speaker for entry in training})),
        },
    )


def heard(examples: Examples, clip: int, frames: range) -> Tensor:
    """Return the speech features of a clip's frames: float32 (frames, bands · columns)."""
    plan = examples.plan
    moments, lead = examples.moments(clip, frames), whole_window(plan.front_end).lead
    windows = mel_windows(examples.mels[clip], moments, plan.rate, lead)
    return aligned_features(windows, plan.front_end.window)


def seen(examples: Examples, clip: int, frames: range | list[int]) -> Tensor:
    """Return a clip's pictures in grey at the network's size: float32 (frames, S, S), 0 … 1."""
    size = examples.plan.network.size
    pictures = resize(examples.frames[clip][list(frames)], size, size, antialias=examples.plan.antialias)
    levels = torch.from_numpy(pictures).float() / 255
    return levels.mean(-1) if levels.ndim == 4 else levels


def statistics(examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
    """Measure clips: mean and standard deviation of each speech feature, (features,), and the mean picture (S, S)."""
    size = examples.plan.network.size
    features = examples.plan.front_end.bands * examples.plan.front_end.window
    total, squares, picture = (torch.zeros(shape, dtype=torch.float64) for shape in (features, features, (size, size)))
    for clip, length in enumerate(examples.lengths.tolist()):
        speech = heard(examples, clip, range(length)).double()
        total += speech.sum(0)
        squares += speech.square().sum(0)
        picture += seen(examples, clip, range(length)).double().sum(0)
    count = int(examples.lengths.sum())
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    return mean.float(), deviation.float(), (picture / count).float()


def _new_network(plan: Plan, seed: int) -> AlignedNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return new_baseline(plan)


def _some(examples: Examples, most: int) -> Examples:
    """Take at most so many clips, evenly spread."""
    count = len(examples.frames)
    chosen = range(count) if count <= most else [number * count // most for number in range(most)]
    return replace(
        examples,
        frames=tuple(examples.frames[number] for number in chosen),
        mels=tuple(examples.mels[number] for number in chosen),
        names=tuple(examples.names[number] for number in chosen),
    )


def _require_plain(options: TrainOptions) -> None:
    asked = {
        "init": options.init is not None,
        "losses": options.losses != LossOptions(),
        "adapt": options.adapt != AdaptOptions(),
        "recipe": options.recipe != "tract",
        "residual": bool(options.residual),
        "reference": options.reference is not None,
    }
    for name in (name for name, given in asked.items() if given):
        raise BadInputError(f"{name}: {options.model} learns from scratch and sees no reference; leave this option out")
