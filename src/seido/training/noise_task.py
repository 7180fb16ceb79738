"""Noise removers as a task: clean speech and scanner noise, mixed on the fly, and told apart again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError
from seido.files import sha256
from seido.models.checkpoint import build, load_checkpoint
from seido.models.frcrn import CHANNELS, FRCRN, HOP, WINDOW, product, spectrum, waveform
from seido.models.frcrn_files import load_frcrn
from seido.models.frcrn_losses import each_si_snr, magnitude_loss, mask_loss
from seido.models.frcrn_small import FrcrnSmall, padded_end, sound, spectrum_of
from seido.models.removers import new_remover
from seido.plan import Network, Plan
from seido.training.noise_batches import Mixer, NoisyBatch, parted
from seido.training.noise_sounds import Sounds, open_sounds
from seido.training.numbers import Numbers
from seido.training.options import TrainOptions
from seido.training.task import Loss, Memory, Share, Validation

REMOVER = "remover"
BATCH = 12
"""Examples in a step unless said otherwise."""
STRETCH = 125
"""Frames of 20 ms that an example has unless said otherwise: 2.5 s."""
BEST_RATIO = 60.0
"""Validation's loss is what the signal-to-noise ratio lacks to so many dB, so that it falls and stays above 0."""
_CEILING = 50.0
"""Decibels beyond which nothing is gained: what is clean already must not outweigh what is not."""
_FEWEST_TRIALS = 8
_AT_ONCE = 8
_LIMIT = 2.0
_LEAST_POWER = 1e-8
_PICTURE_DB = 70.0


@dataclass(frozen=True)
class NoiseData:
    """What a noise remover learns from, and its digest."""

    speech: Sounds
    noise: Sounds | None

    @property
    def digest(self) -> str:
        """SHA-256 of both, for a run that goes on."""
        return self.speech.digest if self.noise is None else f"{self.speech.digest}+{self.noise.digest}"


def open_noise_data(folder: Path, options: TrainOptions) -> NoiseData:
    """Read clean speech below `folder`, and noise below the folder that the options name; raises BadInputError."""
    wanted = options.noise
    noise = None if wanted.folder is None else open_sounds(wanted.folder, options.memory)
    return NoiseData(open_sounds(folder, options.memory, wanted.leave_out), noise)


class NoiseTask:
    """A network that learns to take noise out of speech; see seido.training.task.Task.

    The losses are those FRCRN was published with, negative SI-SNR and the squared error of the complex mask, and one
    of compressed magnitudes; silence counts for nothing in the first.
    """

    def __init__(self, data: NoiseData, options: TrainOptions, saved: Plan | None = None) -> None:
        """Make the network; `saved` is the plan of a run that goes on, whose weights will be put in.

        Raises BadInputError for options that it has no use for, and a checkpoint that does not fit.
        """
        _require_usable(options)
        self.options = options
        self.network, self.plan = (_new_network(saved, 0), saved) if saved else _starting_point(data, options)
        self.small = isinstance(self.network, FrcrnSmall)
        self.window = options.window or STRETCH
        self.batch_size = options.batch or BATCH
        self.frames = self.batch_size * self.window
        self.mixer = Mixer(data.speech, data.noise, options.noise, options.seed, (self.window - 1) * HOP + WINDOW)
        self.training, kept = parted(data.speech)
        self.validation = self.mixer.fixed(max(_FEWEST_TRIALS, options.validation_frames // self.window), kept)
        self.networks: dict[str, nn.Module] = {REMOVER: self.network}
        self.numbers = Numbers(torch.device("cpu"))
        wanted = options.noise
        self.mask_weight = (0.005 if self.small else 1.0) if wanted.mask is None else wanted.mask
        self.magnitude_weight = (50.0 if self.small else 0.0) if wanted.magnitude is None else wanted.magnitude

    def to(self, numbers: Numbers) -> None:
        """Move the network to where it will be computed, with these numbers."""
        self.numbers = numbers
        self.network.to(numbers.device)

    def weights(self) -> Mapping[str, Tensor]:
        """Return the network's weights."""
        return self.network.state_dict()

    def told(self, step: int) -> str:
        """Name a step's examples by their numbers, which decide everything about them."""
        return f"examples {step}.0 … {step}.{self.batch_size - 1} with seed {self.options.seed}"

    def batch(self, step: int, share: Share) -> NoisyBatch:
        """Mix the part `share` of a step's examples."""
        part = share.of(self.batch_size)
        return self.mixer.batch(step, part.start, part.stop, self.training)

    def losses(self, batch: NoisyBatch, step: int, memory: Memory) -> Iterator[Loss]:  # noqa: ARG002
        """Compute negative SI-SNR in dB and what is weighted beside it."""
        self.network.train()
        with self.numbers.cast():
            x, y = self._spectra(batch.noisy)
        y = y.float()
        ratio = self._ratios(self._sound(y, batch.noisy.shape[1]), batch.clean).mean()
        value, parts = -ratio, {"si_snr": ratio}
        if self.mask_weight:
            parts["mask"] = mask_loss(_mask(x, y), self._padded(batch.noisy), self._padded(batch.clean))
            value = value + self.mask_weight * parts["mask"]
        if self.magnitude_weight:
            parts["magnitude"] = magnitude_loss(y, spectrum(self._padded(batch.clean)))
            value = value + self.magnitude_weight * parts["magnitude"]
        yield Loss(REMOVER, value, {name: part.detach() for name, part in parts.items()})

    @torch.inference_mode()
    def validate(self, memory: Memory) -> Validation:  # noqa: ARG002
        """Score the validation examples: what their mean SI-SNR lacks to 60 dB, beside what the noisy speech lacks."""
        self.network.eval()
        ratios, before = [], []
        for first in range(0, len(self.validation.noisy), _AT_ONCE):
            part = NoisyBatch(
                self.validation.noisy[first : first + _AT_ONCE], self.validation.clean[first : first + _AT_ONCE]
            ).to(self.numbers.device)
            ratios.append(self._ratios(self._enhanced(part.noisy), part.clean))
            before.append(self._ratios(part.noisy, part.clean))
        spoken = self.validation.clean.abs().amax(1) > 0
        after, noisy = (torch.cat(each).cpu()[spoken].mean().item() for each in (ratios, before))
        return Validation(BEST_RATIO - after, BEST_RATIO - noisy, {"si_snr": after, "gain": after - noisy})

    def learnt(self, validation: Validation, step: int, memory: Memory) -> Memory:  # noqa: ARG002
        """Return `memory` as it is: there is nothing to remember."""
        return memory

    @torch.inference_mode()
    def pictures(self) -> NDArray[np.uint8]:
        """Draw the spectrograms of three validation examples, a row each: noisy, enhanced, clean; dark is loud."""
        self.network.eval()
        noisy, clean = self.validation.noisy[:3], self.validation.clean[:3]
        enhanced = self._enhanced(noisy.to(self.numbers.device)).cpu()
        rows = zip(*(spectrum(each).square().sum(1) for each in (noisy, enhanced, clean)), strict=True)
        drawn = []
        for row in rows:
            top = row[0].max()
            shown = [(10 * torch.log10(each / top + 1e-12) / _PICTURE_DB + 1).clamp(0, 1) for each in row]
            drawn.append(torch.cat(shown, dim=1).flip(0))
        return (255 * (1 - torch.cat(drawn))).round().to(torch.uint8).numpy()

    def _spectra(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.network, FrcrnSmall):
            x = spectrum_of(noisy)
            return x, self.network.enhanced(x)
        assert isinstance(self.network, FRCRN)  # noqa: S101  (there are two)
        x = spectrum(noisy)
        return x, product(x, self.network.mask(x))

    def _sound(self, spectra: Tensor, samples: int) -> Tensor:
        return sound(spectra, samples) if self.small else waveform(spectra)

    def _padded(self, samples: Tensor) -> Tensor:
        return functional.pad(samples, (HOP, padded_end(samples.shape[1]))) if self.small else samples

    def _enhanced(self, noisy: Tensor) -> Tensor:
        with self.numbers.cast():
            spectra = self._spectra(noisy)[1]
        return self._sound(spectra.float(), noisy.shape[1])

    @staticmethod
    def _ratios(sounds: Tensor, clean: Tensor) -> Tensor:
        """Compute SI-SNR, (B), that nears 50 dB at most; 0 where nobody speaks, for which it says nothing."""
        rest = 10 ** (-each_si_snr(sounds, clean) / 10) + 10 ** (-_CEILING / 10)
        return torch.where(clean.abs().amax(1) > 0, -10 * torch.log10(rest), 0.0)


def _mask(x: Tensor, y: Tensor) -> Tensor:
    """Find the complex mask that turns spectra x into y, its parts held within −2 … 2."""
    return (
        product(y, torch.stack((x[:, 0], -x[:, 1]), dim=1))
        .div(x.square().sum(1, keepdim=True) + _LEAST_POWER)
        .clamp(-_LIMIT, _LIMIT)
    )


def _new_network(plan: Plan, seed: int) -> FRCRN | FrcrnSmall:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return new_remover(plan)


def _starting_point(data: NoiseData, options: TrainOptions) -> tuple[FRCRN | FrcrnSmall, Plan]:
    if options.init is None:
        plan = Plan(network=Network(name=options.model, width=options.channels))
        network = _new_network(plan, options.seed)
    else:
        network, plan = _fine_tuned(options.init, options.model)
    notes = {"recordings": str(len(data.speech.names)), "seconds": f"{data.speech.seconds:.1f}"}
    if data.noise is not None:
        notes["noise_seconds"] = f"{data.noise.seconds:.1f}"
    return network, replace(plan, corpus=data.digest, notes={**plan.notes, **notes})


def _fine_tuned(path: Path, model: str) -> tuple[FRCRN | FrcrnSmall, Plan]:
    """Read what is trained on from here: FRCRN as released too."""
    if model == "frcrn":
        network = load_frcrn(path)
        width = Fraction(network.channels, CHANNELS)
        return network, Plan(network=Network(name=model, width=width), notes={"init_sha256": sha256(path)})
    checkpoint = load_checkpoint(path, expect="frcrn-small")
    built = build(checkpoint)
    assert isinstance(built, FrcrnSmall)  # noqa: S101  (load_checkpoint was told what to expect)
    return built, replace(checkpoint.plan, notes={**checkpoint.plan.notes, "init_sha256": sha256(path)})


def _require_usable(options: TrainOptions) -> None:
    plain = TrainOptions(model=options.model)
    useless = (
        *("speaker", "without", "residual", "recipe", "reference", "clips"),
        *("losses", "augment", "adapt", "sync", "aligned", "tract"),
    )
    asked = {name: getattr(options, name) != getattr(plain, name) for name in useless}
    for name in (name for name, given in asked.items() if given):
        raise BadInputError(f"{name}: a noise remover cannot be trained that way; leave this option out")
    if options.init is not None and options.width is not None:
        raise BadInputError("init: the width is that of the checkpoint; leave the option out")
