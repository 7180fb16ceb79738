"""Augmentation that keeps speech and picture true to each other: all of one example change together."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seido.clips.logmel import LIMIT, stretched
from seido.errors import BadInputError
from seido.timebase import WINDOW
from seido.training.checks import require_between, require_whole

Array = NDArray[np.float32]

_PICTURE_DRAWS, _SPEECH_DRAWS = 8, 3
_STREAM = 1
"""Last word of the seed: without it group 0 would repeat the draws of a generator seeded with (seed, step) alone."""


@dataclass(frozen=True)
class AugmentOptions:
    """How much examples may change; 0 switches a change off. Raises BadInputError naming the option."""

    intensity: float = 0.35
    """Brightness and contrast change by up to this share, in all pictures of an example alike."""
    bias: float = 0.35
    """Brightness rises across the picture and falls on the other side by up to this share, as under a surface coil."""
    noise: float = 0.05
    """Largest standard deviation of the noise in the pictures that the network is given; targets stay clean."""
    shift: int = 6
    """Pixels by which all pictures of an example move together, at most, along each side; whole, so nothing blurs."""
    scale: float = 0.12
    """Share by which all pictures of an example grow or shrink together, at most."""
    warp: float = 0.08
    """Share of the picture's side by which each of nine points, three by three from corner to corner, may move, and the
    picture between them smoothly: heads of other proportions. All pictures of an example bend alike."""
    mel_noise: float = 0.1
    """Largest standard deviation of the noise in the log-mel, whose units run from −4 to 4: 0.08 are 1 dB."""
    mel_mask: int = 4
    """Columns of the log-mel, of 80 a second, that may be hidden in one piece, at most; a network sees 16 a frame."""
    mel_gain: float = 0.4
    """Largest change of loudness, in the log-mel's units; 0.4 are 5 dB."""
    mel_tilt: float = 0.2
    """Largest rise from the middle band to the highest, and fall to the lowest, as from another microphone."""
    mel_warp: float = 0.15
    """Share by which the bands of the log-mel are stretched or squeezed at most: voices of other tract lengths."""

    def __post_init__(self) -> None:
        for name in ("intensity", "bias", "noise"):
            require_between(name, getattr(self, name), 0, 1)
        require_whole("shift", self.shift, 0)
        for name in ("scale", "mel_warp"):
            require_between(name, getattr(self, name), 0, 0.5)
        require_between("warp", self.warp, 0, 0.2)
        for name in ("mel_noise", "mel_gain", "mel_tilt"):
            require_between(name, getattr(self, name), 0, 2 * LIMIT)
        require_whole("mel_mask", self.mel_mask, 0)
        if self.mel_mask > WINDOW:
            raise BadInputError(f"mel_mask: a network sees {WINDOW} columns; give at most that, got {self.mel_mask}")

    @classmethod
    def off(cls) -> AugmentOptions:
        """Make the options that change nothing."""
        return cls(**dict.fromkeys(cls.__dataclass_fields__, 0))

    def of_features(self) -> AugmentOptions:
        """Leave out what only means something to the bands of a log-mel: features of an encoder are no bands."""
        return replace(self, mel_gain=0, mel_tilt=0, mel_warp=0)

    @property
    def active(self) -> bool:
        """Whether anything may change."""
        return any(astuple(self))


def augmented(
    reference: Tensor,
    target: Tensor,
    mels: Tensor,
    starts: NDArray[np.int64],
    options: AugmentOptions,
    seed: int,
    step: int,
    first: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Change a step's groups, each an example or a few frames in a row of one clip, by one draw per group.

    Parameters
    ----------
    reference
        Pictures that the network is given, on the CPU: float32 (G, …, C, H, W), 0 … 1, any number for each group.
    target
        Pictures that it should predict, likewise. Grey ones take a third of the time before they are repeated.
    mels
        Log-mel windows: float32 (G, M, 1, bands, 16), −4 … 4.
    starts
        The column of its clip at which each window begins: int64 (G, M). Columns that windows of a group share are
        changed in the same way, in noise and mask too. Only distances count: zeros will do where M is 1.
    options, seed, step
        What may change, and what decides how it does.
    first
        Number of the first of these groups in the whole batch of the step. What happens to a group depends on its
        own data and on seed, step and its number, nothing else: parts of a batch come out as they do in the whole.

    Returns
    -------
    reference, target, mels
        In the same shapes and limits; what was given is not overwritten. Moved pictures are continued by their edges.
        Masks hold the mean of all the group's windows, as in SpecAugment (Park et al. 2019): the floor would say that
        the speaker pauses while the target shows that they do not.

    """
    if not options.active:
        return reference, target, mels
    given = tuple(tensor.numpy() for tensor in (reference, target, mels))
    changed = tuple(np.empty(array.shape, np.float32) for array in given)
    # Group by group and in NumPy: small arrays stay in the cache, and no threads are taken from the training step.
    for index, begins in enumerate(starts):
        random = np.random.default_rng([seed, step, first + index, _STREAM])
        shown, wanted, heard = (array[index] for array in given)
        pictures, speech = random.uniform(-1, 1, _PICTURE_DRAWS), random.uniform(-1, 1, _SPEECH_DRAWS)
        changed[0][index], changed[1][index] = _pictures(shown, wanted, pictures, options, random)
        changed[2][index] = _speech(heard, begins, speech, options, random)
    new_reference, new_target, new_mels = map(torch.from_numpy, changed)
    return new_reference, new_target, new_mels


def _pictures(
    shown: Array, wanted: Array, draws: NDArray[np.float64], options: AugmentOptions, random: np.random.Generator
) -> tuple[Array, Array]:
    """Change a group's pictures, float32 (…, C, H, W), and add noise to those that the network is given."""
    size = shown.shape[-2:]
    if options.shift or options.scale or options.warp:
        grid = _grid(draws[:3], options, size)
        if options.warp:
            grid += _bend(random.uniform(-2 * options.warp, 2 * options.warp, (2, 3, 3)), size)
        shown, wanted = _moved(shown, grid), _moved(wanted, grid)
    if options.intensity or options.bias:
        gain, bend = _shade(draws[3:7], options, size)
        shown, wanted = _shaded(shown, gain, bend), _shaded(wanted, gain, bend)
    if options.noise:
        level = np.float32(options.noise * (draws[7] + 1) / 2)
        # The channels of a picture share their noise: what was grey stays grey.
        noise = random.standard_normal((*shown.shape[:-3], 1, *size), np.float32)
        shown = np.clip(shown + level * noise, 0, 1)
    return shown, wanted


def _grid(draws: NDArray[np.float64], options: AugmentOptions, size: tuple[int, ...]) -> Tensor:
    """Say where each pixel comes from: float32 (1, H, W, 2), column then row, −1 … 1 from edge to edge."""
    # −n … n, each whole number as likely as any other.
    shifts = np.floor((draws[:2] + 1) / 2 * (2 * options.shift + 1)) - options.shift
    growth = 1 + options.scale * draws[2]
    centres = [(2 * np.arange(length) + 1) / length - 1 for length in size]
    rows, columns = ((at - 2 * by / len(at)) / growth for at, by in zip(centres, shifts, strict=True))
    grid = np.empty((1, *size, 2), np.float32)
    grid[..., 0], grid[..., 1] = columns, rows[:, None]
    return torch.from_numpy(grid)


def _bend(moves: NDArray[np.float64], size: tuple[int, ...]) -> Tensor:
    """Let nine points move by (2, 3, 3), columns then rows, and all between by parabolas: float32 (1, H, W, 2)."""
    bases = []
    for length in size:
        at = (2 * np.arange(length) + 1) / length - 1
        bases.append(np.stack([at * (at - 1) / 2, 1 - at**2, at * (at + 1) / 2]))
    field = np.einsum("kij,ih,jw->hwk", moves, *bases)
    return torch.from_numpy(field[None].astype(np.float32))


def _moved(pictures: Array, grid: Tensor) -> Array:
    # All pictures are channels of one: where a pixel comes from is worked out once for all of them.
    flat = torch.from_numpy(pictures.reshape(1, -1, *pictures.shape[-2:]))
    moved = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=False)
    clipped: Array = moved.numpy().reshape(pictures.shape)
    return np.clip(clipped, 0, 1, out=clipped)


def _shade(draws: NDArray[np.float64], options: AugmentOptions, size: tuple[int, ...]) -> tuple[Array, np.float32]:
    """Draw a gain that slopes across the picture, float32 (H, W), and how far the scale of greys bends."""
    rows, columns = (np.linspace(-1, 1, length) for length in size)
    slope = (draws[0] * rows[:, None] + draws[1] * columns) / 2
    gain = (1 + options.intensity * draws[2]) * (1 + options.bias * slope)
    return gain.astype(np.float32), np.float32(options.intensity * draws[3])


def _shaded(pictures: Array, gain: Array, bend: np.float32) -> Array:
    # x + c·x·(1 − x) leaves 0 and 1 where they are, as x to the power of γ does, at a small part of its time.
    bright = pictures * gain
    np.clip(bright, 0, 1, out=bright)
    bright *= (1 + bend) - bend * bright
    return np.clip(bright, 0, 1, out=bright)


def _speech(
    windows: Array,
    begins: NDArray[np.int64],
    draws: NDArray[np.float64],
    options: AugmentOptions,
    random: np.random.Generator,
) -> Array:
    """Change a group's log-mel windows, float32 (M, 1, bands, columns)."""
    if options.mel_warp:
        windows = stretched(windows, 1 + options.mel_warp * random.uniform(-1, 1))
    columns, where = np.unique(begins[:, None] + np.arange(windows.shape[-1]), return_inverse=True)
    ramp = np.linspace(-1, 1, windows.shape[2])[:, None]
    change = (options.mel_gain * draws[0] + options.mel_tilt * draws[1] * ramp).astype(np.float32)
    change = np.repeat(change, len(columns), axis=1)
    if options.mel_noise:
        level = np.float32(options.mel_noise * (draws[2] + 1) / 2)
        change += level * random.standard_normal(change.shape, np.float32)
    changed: Array = np.clip(windows + change[:, where].transpose(1, 0, 2)[:, None], -LIMIT, LIMIT)
    if options.mel_mask:
        length = random.integers(options.mel_mask + 1)
        begin = random.integers(len(columns) - length + 1)
        hidden = (where >= begin) & (where < begin + length)
        changed.transpose(0, 3, 1, 2)[hidden] = changed.mean(dtype=np.float64)
    return changed
