"""From sound to the complex amplitudes of known lines, window by window, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seido.clips.spectral_lines import LOOK_SECONDS

Numbers = NDArray[np.float64]
Complex = NDArray[np.complex128]

WINDOW_SECONDS = 0.2
"""Of a Hann window, which the next overlaps by half."""
APART_HERTZ = 1.5 / WINDOW_SECONDS
"""Nearer lines cannot be told apart in such a window."""
_BESIDE_HERTZ = 40.0
_RIDGE = 1e-3
_INSIDE = 0.9
_UNSEEN = 1e3


@dataclass(frozen=True)
class LineBank:
    """Lines at `hertz`, (lines,), in `length` samples at `rate` Hz; windows centred on 0, hop, 2·hop … to the end."""

    hertz: Numbers
    length: int
    rate: int

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return max(2, round(WINDOW_SECONDS * self.rate / 2))

    @property
    def count(self) -> int:
        """How many windows there are."""
        return -(-self.length // self.hop) + 1

    def amplitudes(self, samples: Numbers) -> Complex:
        """Measure the complex amplitudes, (windows, lines); neighbours are told apart by least squares."""
        weighted = (self._frames(samples) * self._window).astype(np.float32)
        raw = (weighted @ self._waves.real - 1j * (weighted @ self._waves.imag)).astype(np.complex128)
        scale = 2 / (self._window.sum() * np.maximum(self._inside, 0.25))
        return np.asarray((self._untangle @ raw.T).T * scale[:, None] * self._spin.conj(), np.complex128)

    def tuned(self, seen: Complex) -> LineBank:
        """Correct the frequencies by how the amplitudes, (windows, lines), turn from window to window."""
        step = seen[1:] * seen[:-1].conj()
        step /= np.maximum(np.abs(step), 1e-20)
        turn = np.angle(np.median(step.real, axis=0) + 1j * np.median(step.imag, axis=0))
        limit = 0.5 / LOOK_SECONDS
        return LineBank(
            self.hertz + np.clip(turn * self.rate / (2 * np.pi * self.hop), -limit, limit), self.length, self.rate
        )

    def sound(self, amplitudes: Complex) -> Numbers:
        """Sum the lines, (samples,): from window to window, amplitudes change as Hann's window fades."""
        turned = (amplitudes * self._spin).astype(np.complex64)
        frames = turned.real @ self._waves.real.T - turned.imag @ self._waves.imag.T
        frames *= self._window.astype(np.float32)
        halves = np.zeros((self.count + 1, self.hop))
        halves[:-1] += frames[:, : self.hop]
        halves[1:] += frames[:, self.hop :]
        return halves.reshape(-1)[self.hop : self.hop + self.length]

    def variance_beside(self, rest: Numbers) -> Numbers:
        """Tell how uncertain amplitudes are, (windows, lines), under the power that `rest` has beside the lines."""
        power = np.abs(np.fft.rfft(self._frames(rest) * self._window, axis=1)) ** 2 * (2 / self._window.sum()) ** 2
        spacing = self.rate / (2 * self.hop)
        width = max(1, round(_BESIDE_HERTZ / spacing))
        summed = np.cumsum(np.pad(power, ((0, 0), (width + 1, width)), mode="edge"), axis=1)
        mean = (summed[:, 2 * width + 1 :] - summed[:, : -2 * width - 1]) / (2 * width + 1)
        beside = mean[:, np.clip(np.round(self.hertz / spacing).astype(int), 0, mean.shape[1] - 1)]
        padded = np.pad(beside, ((1, 1), (0, 0)), mode="edge")
        smooth = (padded[:-2] + padded[2:] + 2 * beside) / 4
        # At the ends a window is half empty, and its neighbours' skirts are wide: better not to look at it.
        smooth[self._inside < _INSIDE] *= _UNSEEN
        return np.asarray(smooth * np.maximum(1, self._untangle.diagonal().real), np.float64)

    def _frames(self, samples: Numbers) -> Numbers:
        padded = np.pad(samples, (self.hop, self.count * self.hop - self.length))
        return sliding_window_view(padded, 2 * self.hop)[:: self.hop]

    @cached_property
    def _window(self) -> Numbers:
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(2 * self.hop) / self.hop), np.float64)

    @cached_property
    def _inside(self) -> Numbers:
        """How much of each window lies inside the sound, 0 … 1."""
        return np.asarray(self._frames(np.ones(self.length)) @ self._window / self._window.sum(), np.float64)

    @cached_property
    def _waves(self) -> NDArray[np.complex64]:
        """e^(2πi f t), t = 0 in the middle of a window: (2·hop, lines)."""
        turns = np.outer((np.arange(2 * self.hop) - self.hop) / self.rate, self.hertz)
        return np.asarray(np.exp(2j * np.pi * (turns % 1)), np.complex64)

    @cached_property
    def _spin(self) -> Complex:
        """e^(2πi f c) for the middle c of each window: (windows, lines)."""
        turns = np.outer(np.arange(self.count) * (self.hop / self.rate), self.hertz)
        return np.asarray(np.exp(2j * np.pi * (turns % 1)), np.complex128)

    @cached_property
    def _untangle(self) -> Complex:
        """The inverse of what the window lets lines hear of each other; its diagonal is 1 for a lonely line."""
        weighted = self._waves.conj() * self._window[:, None].astype(np.float32)
        gram = (weighted.T @ self._waves).astype(np.complex128) / self._window.sum()
        return np.asarray(np.linalg.inv(gram + _RIDGE * np.eye(len(self.hertz))), np.complex128)
