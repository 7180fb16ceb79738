"""The one time base: every rate is exact, and every conversion between them goes through here.

Speech for the networks runs at 16 000 samples/s, their log-mel spectrogram has a column every 200 samples
(Wav2Lip's front-end, Prajwal et al. 2020), so 80 columns/s; a network sees 16 columns, 0.2 s, per frame.
"""

from __future__ import annotations

import math
from fractions import Fraction

from seido.errors import BadInputError

SAMPLE_RATE = 16_000
"""Samples per second of the speech that networks hear."""
HOP = 200
"""Samples from one mel column to the next."""
MEL_RATE = Fraction(SAMPLE_RATE, HOP)
"""Mel columns per second."""
WINDOW = 16
"""Mel columns that a network sees per frame."""
FRAME_RATE = Fraction(25)
"""Frames per second that clips are retimed to unless the user says otherwise."""
MAX_RATE = Fraction(1000)
"""Above this a frame rate is a mistake: the fastest real-time MRI stays under 200 frames/s."""

Rate = Fraction | int | float | str
"""A rate as users write it: 25, 83.28, "1159/50", Fraction(27)."""


def exact_rate(value: Rate) -> Fraction:
    """Turn a rate as written into an exact fraction (83.28 is 2082/25, not the nearest double).

    Raises BadInputError when it is not a number in 0 … 1000 per second.

    >>> exact_rate("1159/50"), exact_rate(83.28), exact_rate(25)
    (Fraction(1159, 50), Fraction(2082, 25), Fraction(25, 1))
    """
    try:
        rate = Fraction(value if isinstance(value, Fraction | int) else str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise BadInputError(f"{value!r} is not a frame rate: write 25, 23.18 or 1159/50") from None
    if not 0 < rate <= MAX_RATE:
        raise BadInputError(f"a frame rate of {value} per second is out of range: give one up to {MAX_RATE}")
    return rate


def frames_to_cover(samples: int, sample_rate: int, rate: Fraction) -> int:
    """Count the frames that cover a sound to its end: the last one may outlast it by under one frame.

    >>> frames_to_cover(19_200, 16_000, Fraction(25))
    30
    """
    return math.ceil(samples * rate / sample_rate)


def samples_of_frames(frames: int, sample_rate: int, rate: Fraction) -> int:
    """Count the samples that sound while this many frames are shown, to the nearest sample.

    >>> samples_of_frames(30, 16_000, Fraction(25))
    19200
    """
    return round(frames * sample_rate / rate)


def source_frame(index: int, rate: Fraction, source_rate: Fraction) -> int:
    """Find the source frame shown at the middle of frame `index` of a movie retimed to `rate`.

    Frame k is taken to show the time k/rate … (k+1)/rate. No error accumulates, whatever the length.

    >>> [source_frame(i, Fraction(25), Fraction(1159, 50)) for i in (0, 1, 89_999)]
    [0, 1, 83447]
    """
    # Whole numbers: this is asked for every frame of a corpus.
    middle, unit = (2 * index + 1) * source_rate.numerator, 2 * source_rate.denominator
    return middle * rate.denominator // (unit * rate.numerator)


def taken_at(index: int, rate: Fraction, source_rate: Fraction, first: int = 0) -> Fraction:
    """Tell when the picture that stands as frame `index` of a retimed clip was taken, in frames of the clip.

    The clip begins with frame `first` of a recording retimed from `source_rate` to `rate`. What is shown at the middle
    of a frame was taken up to half a source frame earlier or later; where nothing was retimed the answer is `index`.

    >>> [str(taken_at(i, Fraction(25), Fraction(25, 2))) for i in (0, 1, 2)]
    ['1/2', '1/2', '5/2']
    """
    middle = (source_frame(first + index, rate, source_rate) + Fraction(1, 2)) * rate / source_rate
    return middle - Fraction(1, 2) - first


def centred_lead(rate: Fraction, frames: int = 1) -> Fraction:
    """Compute the lead, in seconds, that puts the middle of the mel window at the middle of so many frames in a row.

    >>> centred_lead(Fraction(25)), centred_lead(Fraction(25), 5)
    (Fraction(2, 25), Fraction(0, 1))
    """
    return WINDOW / MEL_RATE / 2 - frames / rate / 2


def window_start(index: int | Fraction, columns: int, rate: Fraction, lead: Fraction) -> int:
    """Find the first of the 16 mel columns that belong to frame `index`.

    `lead` (seconds) is how much earlier than the frame its window begins: 0 in the published inference, one
    frame in the published training, 0.08 s when the window is centred on a 40 ms frame. At both ends the
    window is held inside the `columns` (≥ 16) there are, so every frame to the end of the speech has one; the
    published inference stops at the first window held back (Prajwal et al. 2020, inference script).

    >>> [window_start(i, 97, Fraction(25), Fraction(0)) for i in (0, 7, 25, 26, 29)]
    [0, 22, 80, 81, 81]
    """
    start = math.floor(MEL_RATE * (index / rate - lead))
    return max(0, min(start, columns - WINDOW))


def mel_columns(samples: int) -> int:
    """Count the mel columns of speech at 16 000 samples/s: one more than whole hops, and at least a window.

    >>> mel_columns(19_200), mel_columns(1)
    (97, 16)
    """
    return max(WINDOW, 1 + samples // HOP)
