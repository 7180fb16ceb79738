"""Folders of .wav files as training needs them: 16 kHz, mono, in memory."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from seido.errors import BadInputError, NotFiniteError
from seido.files import require_file, sha256
from seido.timebase import SAMPLE_RATE
from seido.values import Samples

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GIGABYTE = 1e9
_CURE = "export it as .wav of 16, 24 or 32 bits"


@dataclass(frozen=True)
class Sounds:
    """The .wav files below a folder, by their paths in it, sorted."""

    root: Path
    names: tuple[str, ...]
    samples: tuple[Samples, ...]
    """At 16 kHz, the mean of the channels."""
    digest: str
    """SHA-256 of names and contents."""

    @property
    def seconds(self) -> float:
        """Of all of them."""
        return sum(map(len, self.samples)) / SAMPLE_RATE


def open_sounds(root: Path, memory: float, leave_out: tuple[str, ...] = ()) -> Sounds:
    """Read all .wav files below a folder but those whose path in it fits a pattern of `leave_out`, such as W_*.

    Raises BadInputError when there are none, when one cannot be read, or when they are larger than `memory`
    gigabytes; NotFiniteError for NaN.
    """
    if not root.is_dir():
        raise BadInputError(f"{root}: there is no such folder; name a folder of .wav files")
    names, samples, digest, size = [], [], hashlib.sha256(), 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() != ".wav" or any(fnmatch(name, pattern) for pattern in leave_out):
            continue
        sound = at_rate(*read_wav(path), SAMPLE_RATE)
        size += sound.nbytes
        if size > memory * _GIGABYTE:
            raise BadInputError(
                f"{root}: its sounds need more than {memory:g} GB of memory; give a larger --memory or fewer of them"
            )
        names.append(name)
        samples.append(sound)
        digest.update(f"{name}\n{sha256(path)}\n".encode())
    if not names:
        raise BadInputError(f"{root}: there are no .wav files in it; name a folder of them")
    return Sounds(root, tuple(names), tuple(samples), digest.hexdigest())


def read_wav(path: Path) -> tuple[Samples, int]:
    """Read a WAV file of 16, 24 or 32 bits, whole numbers or floating point: mono float32 (samples,) and its rate.

    Raises BadInputError for anything else, NotFiniteError for NaN or infinite samples.
    """
    data = require_file(path).read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadInputError(f"{path}: this is no WAV file; {_CURE}")
    at, form = 12, b""
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            form = data[at + 8 : at + 8 + length]
        if name == b"data":
            return _decoded(path, form, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    raise BadInputError(f"{path}: there is no sound in it; {_CURE}")


def _decoded(path: Path, form: bytes, data: bytes) -> tuple[Samples, int]:
    if len(form) < 16:
        raise BadInputError(f"{path}: its header is damaged; {_CURE}")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    if code == _EXTENSIBLE and len(form) >= 26:
        code = int.from_bytes(form[24:26], "little")
    if not channels or not rate or (code, bits) not in {(_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}:
        raise BadInputError(f"{path}: WAV of {bits} bits in format {code} is not read here; {_CURE}")
    data = data[: len(data) // (channels * bits // 8) * (channels * bits // 8)]
    if not data:
        raise BadInputError(f"{path}: there are no samples in it; leave it out")
    if code == _FLOAT:
        sound = np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    elif bits == 24:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        sound = (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        sound = (np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype(np.float32)
    mono = np.asarray(sound.reshape(-1, channels).mean(1), np.float32)
    if not np.isfinite(mono).all():
        raise NotFiniteError(f"{path}: it holds NaN or infinite samples; export the recording again")
    return mono, rate


def at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    """Resample by cutting the spectrum of the whole off, or filling it up; at least one sample."""
    if rate == wanted:
        return samples
    count = max(1, round(len(samples) * wanted / rate))
    spectrum = np.fft.rfft(samples.astype(np.float64))
    return (np.fft.irfft(spectrum[: count // 2 + 1], count) * (count / len(samples))).astype(np.float32)
