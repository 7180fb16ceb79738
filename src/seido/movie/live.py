"""Generating while somebody speaks: sound goes in as it comes, frames come out a fifth of a second later."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.logmel import LIMIT
from seido.clips.logmel_live import Columns, Heard, end, hear
from seido.errors import BadInputError, NotFiniteError
from seido.models.device import choose_device
from seido.models.mover import Kept, Mover
from seido.models.tract_speech import hearing
from seido.movie.generate import GenerateOptions, hold, load_generator
from seido.movie.heads import read_head
from seido.movie.paste import pasted
from seido.movie.place import mirrored, place
from seido.plan import Plan
from seido.timebase import MEL_RATE, WINDOW, exact_rate, frames_to_cover
from seido.values import Frame, Region, Samples, check_frame


@dataclass(frozen=True)
class Spoken:
    """How far a stream has come: a value, so that it can be kept and gone back to."""

    heard: Heard = field(default_factory=Heard)
    mel: Columns | None = None
    """The last columns of the log-mel; None before the first."""
    first: int = 0
    """The number of the first of them."""
    shown: int = 0
    """Frames given."""
    ended: bool = False


class Live:
    """A movie in the making from sound that is still coming; `begin` makes one.

    `feed` takes samples and gives the frames that became certain, `finish` gives the rest: together those that
    `generate` makes of the whole sound, to rounding. Memory is flat. `reset` begins anew with the same first frame.
    """

    def __init__(self, model: Mover, plan: Plan, picture: Frame, region: Region, options: GenerateOptions) -> None:
        self.plan, self.options = plan, options
        self.rate = exact_rate(options.fps) if options.fps else plan.rate
        self.device = choose_device(options.device)
        self._model = model.to(self.device)
        self._picture, self._region = picture, region
        self._held: Kept = hold(model, plan, region.crop(picture), options, self.device)
        self._lead = plan.lead_at(self.rate) + options.delay
        self.spoken = Spoken()

    @property
    def look_ahead(self) -> Fraction:
        """Seconds of sound after a frame's middle that are waited for, at most."""
        ears = self.plan.front_end
        after = (self._model.context + 1) / MEL_RATE + Fraction(ears.fft, 2 * ears.sample_rate)
        return after - self.options.delay

    def feed(self, samples: Samples) -> list[Frame]:
        """Take 16 kHz mono samples, float32 (n,) of any n, −1 … 1; returns the frames that became certain.

        Raises BadInputError for other arrays and after `finish`, NotFiniteError for NaN and infinite samples.
        """
        return self._frames(self.images(samples))

    def finish(self) -> list[Frame]:
        """End the speech: returns the frames that are left, to the end of the sound; the next sound needs `reset`."""
        return self._frames(self.last_images())

    def reset(self) -> None:
        """Forget the speech; the first frame stays."""
        self.spoken = Spoken()

    def images(self, samples: Samples) -> Tensor:
        """Do what `feed` does, as the network gives it: float32 (frames, 1, h, w), grey, 0 … 1 but for overshoot."""
        if self.spoken.ended:
            raise BadInputError("the speech has ended; begin anew with reset()")
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise BadInputError(f"sound should be float32 of shape (samples,), got {samples.dtype} {samples.shape}")
        if not np.isfinite(samples).all():
            raise NotFiniteError("the sound holds NaN or infinite samples; check where it comes from")
        heard, columns = hear(self.spoken.heard, samples, self.plan.front_end)
        spoken = self._with(columns, heard)
        # The frame before the first whose last column is still missing.
        there = spoken.first + (0 if spoken.mel is None else len(spoken.mel))
        ready = (Fraction(there - self._model.context - 1 - WINDOW // 2) / MEL_RATE + self._lead) * self.rate
        total = frames_to_cover(heard.total, self.plan.front_end.sample_rate, self.rate)
        return self._made(spoken, min(total, math.ceil(ready)))

    def last_images(self) -> Tensor:
        """Do what `finish` does, as the network gives it."""
        if self.spoken.ended:
            raise BadInputError("the speech has ended already; begin anew with reset()")
        heard = self.spoken.heard
        spoken = replace(self._with(end(heard, self.plan.front_end), heard), ended=True)
        return self._made(spoken, frames_to_cover(heard.total, self.plan.front_end.sample_rate, self.rate))

    def _with(self, columns: Columns, heard: Heard) -> Spoken:
        before = self.spoken.mel
        return replace(self.spoken, heard=heard, mel=columns if before is None else np.concatenate([before, columns]))

    def _made(self, spoken: Spoken, stop: int) -> Tensor:
        """Make the frames from those shown to `stop`, and forget the columns that no later one needs."""
        first, made = spoken.shown, [torch.zeros(0, 1, 1, 1)]
        stop = max(first, stop)
        for begin in range(first, stop, self.options.batch):
            wanted = range(begin, min(begin + self.options.batch, stop))
            made.append(self._painted(spoken, wanted))
        needed = math.floor(MEL_RATE * (stop / self.rate - self._lead)) + WINDOW // 2 - self._model.context
        mel = spoken.mel
        past = 0 if mel is None else max(0, min(needed - spoken.first, len(mel)))
        self.spoken = replace(
            spoken, mel=None if mel is None else mel[past:].copy(), first=spoken.first + past, shown=stop
        )
        return torch.cat(made[1:]) if len(made) > 1 else made[0]

    def _painted(self, spoken: Spoken, wanted: range) -> Tensor:
        mel: NDArray[np.float32] = (
            np.full((0, self.plan.front_end.bands), -LIMIT, np.float32) if spoken.mel is None else spoken.mel
        )
        # The columns that are left begin later: so do the windows.
        lead = self._lead + Fraction(spoken.first) / MEL_RATE
        cut, at = hearing(mel, wanted, self.rate, lead, context=self._model.context)
        with torch.inference_mode():
            heard = torch.from_numpy(cut)[None].to(self.device), torch.from_numpy(at)[None].to(self.device)
            return self._model.paint(self._model.listen(*heard)[0], self._held).float().cpu()

    def _frames(self, images: Tensor) -> list[Frame]:
        if not len(images):
            return []
        frames = pasted([images], self._picture, self._region, self.plan)
        return list(map(mirrored, frames) if self.options.flip else frames)


def begin(checkpoint: str | Path, frame: Frame | Path | str, options: GenerateOptions | None = None) -> Live:
    """Load a tract generator and hold the first frame, so that speech can come.

    Parameters
    ----------
    checkpoint
        A checkpoint file, or the name of a bundled model.
    frame
        A picture file, a movie (its first frame is taken), a bundled head's name, or uint8 (H, W) or (H, W, 3).
    options
        Region, size, frame rate, timing, device; what `generate` takes. Its model is not looked at.

    Raises BadInputError for input that cannot be used, and for models that are no tract generators or hear through
    an encoder.

    """
    options = options or GenerateOptions()
    model, plan = load_generator(str(checkpoint))
    if not isinstance(model, Mover):
        raise BadInputError(f"{checkpoint}: {plan.network.name} cannot follow live speech; give a tract generator")
    if plan.front_end.encoder is not None:
        raise BadInputError(
            f"{checkpoint}: its encoder ({plan.front_end.encoder.kind}) hears whole stretches of speech and cannot "
            "follow it live; give a model that hears the log-mel"
        )
    picture = check_frame(frame) if isinstance(frame, np.ndarray) else read_head(frame)
    region = place(options.region, plan, picture, search=True, flip=options.flip)
    return Live(model, plan, mirrored(picture) if options.flip else picture, region, options)
