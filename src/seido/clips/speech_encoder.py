"""Frozen speech encoders of the user's own: what HuBERT, wav2vec 2.0, WavLM or Whisper make of speech.

Their features stand where the log-mel stands: 80 columns a second, column for column at the same moments. Networks
and weights come through the extra `encoders` (transformers) and from a folder on disk; nothing is downloaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from seido.clips.logmel import LIMIT
from seido.errors import BadInputError, MissingExtraError
from seido.files import require_file, sha256
from seido.plan import Encoder
from seido.timebase import HOP, SAMPLE_RATE, mel_columns
from seido.values import Samples, Speech

CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"
KINDS = {"hubert": "HubertModel", "wav2vec2": "Wav2Vec2Model", "wavlm": "WavLMModel", "whisper": "WhisperModel"}
"""What config.json calls them, and the class of transformers that they belong to."""
WINDOW_SECONDS = 30
"""Longer speech is heard in overlapping windows of this length; Whisper's length is its own, 30 s as published."""
OVERLAP = Fraction(1, 6)
"""Of a window, at either end, that is heard but not kept: 5 s of 30."""
_UNUSED = "masked_spec_embed"
"""A weight that only the encoder's own training needs, and some files lack."""
_TO_DEVIATION = 1.4826
"""Standard deviation over median absolute deviation of normal numbers."""
_TINY = 1e-6
_VARIANCE_FLOOR = 1e-7
_BLOCK = 1 << 20
Array = NDArray[np.float32]
Output = Callable[[Tensor], Array]


@dataclass(frozen=True)
class FrozenEncoder:
    """An encoder ready to hear; `open_encoder` makes one and `features` asks it."""

    facts: Encoder
    hear: Callable[[Samples], Array]
    """Takes the samples of a window, float32 (samples,), and gives its frames, float32 (frames, width)."""
    hop: int
    """Samples from one frame to the next."""
    centre: Fraction
    """Samples from the beginning of a window to the middle of its first frame."""
    window: int
    """Samples heard at a time, at most."""
    normalised: bool
    """Whether it wants speech of mean 0 and variance 1."""


def open_encoder(folder: Path | str, layer: int | None = None, device: torch.device | str = "cpu") -> FrozenEncoder:
    """Open a frozen encoder from a folder in Hugging Face's layout: config.json and model.safetensors.

    `layer` is the transformer layer whose output is taken, before any normalisation that follows the last one; the
    middle one unless given, since that is where phones are told apart best in such networks (Pasad et al. 2021). Speech
    is normalised, or made a log-mel of, as preprocessor_config.json says; without one, as published encoders want it.
    Nothing is downloaded and no code of the folder is run.

    Raises BadInputError for a folder that cannot be used and a layer that is not there, MissingExtraError without the
    extra `encoders`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder; name one with an encoder's {CONFIG} and {WEIGHTS}")
    config = _settings(folder / CONFIG)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadInputError(f"{folder / CONFIG}: it describes {kind!r}; give a folder of {', '.join(KINDS)}")
    if not (folder / WEIGHTS).is_file():
        raise BadInputError(
            f"{folder}: there is no {WEIGHTS} in it; load the model in transformers and save it with save_pretrained"
        )
    whole = _loaded(folder, kind)
    network = whole.encoder if kind == "whisper" else whole
    layers = network.layers if kind == "whisper" else network.encoder.layers
    layer = (len(layers) + 1) // 2 if layer is None else layer
    if not 1 <= layer <= len(layers):
        raise BadInputError(f"layer: {folder} has the layers 1 to {len(layers)}, not {layer}; choose one of them")
    del layers[layer:]  # they are never needed
    output = _output_of(network.to(device).eval().requires_grad_(False), layers[-1], torch.device(device))
    facts = Encoder(kind, sha256(folder / WEIGHTS), layer, network.config.hidden_size)
    make = _whisper if kind == "whisper" else _from_waves
    return make(folder, network.config, facts, output)


def features(encoder: FrozenEncoder, speech: Speech) -> Array:
    """Hear speech: float32 (columns, width), −4 … 4, as many columns as its log-mel has and at the same moments.

    Frames are interpolated between their middles. Each column is normalised for itself, so that nothing need be known
    of a corpus: its median becomes 0 and its median absolute deviation that of normal numbers of variance 1 (single
    large dimensions, which such networks have, would spoil a mean and a variance), and what lies outside ±4 is cut.

    Speech that is longer than a window (30 s) is heard in windows that overlap, so memory stays flat but for the
    result. What a frame sees there differs from what it would see of the whole.

    Raises BadInputError for speech at another rate than 16 kHz.
    """
    if speech.rate != SAMPLE_RATE:
        raise BadInputError(f"{speech.name}: the encoder hears {SAMPLE_RATE} Hz, got {speech.rate} Hz")
    samples = speech.samples
    mean, gain = _level(samples) if encoder.normalised else (0.0, 1.0)
    columns = 1 + len(samples) // HOP
    found = np.empty((mel_columns(len(samples)), encoder.facts.width), np.float32)
    for stretch in stretches(len(samples), encoder):
        cut = np.zeros(stretch.end - stretch.begin, np.float32)
        before = max(0, -stretch.begin)
        part = samples[stretch.begin + before : stretch.end]
        cut[before : before + len(part)] = (part - mean) * gain
        middles = HOP * np.arange(stretch.first, stretch.last) - stretch.begin - float(encoder.centre)
        found[stretch.first : stretch.last] = _settled(_between(encoder.hear(cut), middles / encoder.hop))
    found[columns:] = found[columns - 1]
    return found


@dataclass(frozen=True)
class Stretch:
    """Samples begin … end are heard, silence outside the speech, for the columns first … last − 1."""

    first: int
    last: int
    begin: int
    end: int


def stretches(samples: int, encoder: FrozenEncoder) -> Iterator[Stretch]:
    """Cut so many samples into what is heard at a time; frames fall on the same moments in all of them."""
    hop, columns = encoder.hop, 1 + samples // HOP
    # A frame on either side of the first and of the last column.
    lead, tail = math.ceil(encoder.centre / hop) * hop, math.ceil(encoder.centre) + 1 + hop
    if lead + samples + tail <= encoder.window:
        yield Stretch(0, columns, -lead, samples + tail)
        return
    overlap, unit = math.floor(encoder.window * OVERLAP / hop) * hop, math.lcm(hop, HOP)
    kept = (encoder.window - 2 * overlap) // unit * unit
    for at in range(0, samples + 1, kept):
        last = min(columns, (at + kept) // HOP)
        yield Stretch(at // HOP, last, max(-lead, at - overlap), min(samples + tail, at + kept + overlap))


def _from_waves(folder: Path, config: Any, facts: Encoder, output: Output) -> FrozenEncoder:  # noqa: ANN401
    """Ready HuBERT, wav2vec 2.0 or WavLM: strided convolutions over samples, then the transformer."""
    settings = _preprocessor(folder)
    hop, field = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        field, hop = field + (kernel - 1) * hop, hop * stride
    return FrozenEncoder(
        facts,
        lambda samples: output(torch.from_numpy(samples)[None]),
        hop=hop,
        centre=Fraction(field - 1, 2),
        window=_require_long(folder, WINDOW_SECONDS * SAMPLE_RATE, hop),
        normalised=bool(settings.get("do_normalize", True)),
    )


def _whisper(folder: Path, config: Any, facts: Encoder, output: Output) -> FrozenEncoder:  # noqa: ANN401
    """Ready Whisper's encoder: its own log-mel of always the same length, two convolutions, then the transformer."""
    from transformers import WhisperFeatureExtractor

    settings = {"feature_size": config.num_mel_bins, **_preprocessor(folder)}
    known = ("feature_size", "hop_length", "n_fft", "sampling_rate")
    extractor = WhisperFeatureExtractor(**{name: settings[name] for name in known if name in settings})
    # The second convolution takes every other column.
    hop = 2 * extractor.hop_length
    window = config.max_source_positions * hop

    def hear(samples: Samples) -> Array:
        mel = extractor(samples, sampling_rate=SAMPLE_RATE, max_length=window, return_tensors="pt")
        return output(mel.input_features)

    window = _require_long(folder, window, hop)
    return FrozenEncoder(facts, hear, hop=hop, centre=Fraction(0), window=window, normalised=False)


def _output_of(network: nn.Module, layer: nn.Module, device: torch.device) -> Output:
    """Make what takes a network's input, (1, …), and gives what a layer inside it makes of it: (frames, width)."""

    def output(given: Tensor) -> Array:
        made: list[Tensor] = []

        def keep(_: nn.Module, __: object, outcome: Any) -> None:  # noqa: ANN401
            made.append(outcome[0] if isinstance(outcome, tuple) else outcome)

        hook = layer.register_forward_hook(keep)
        try:
            with torch.inference_mode():
                network(given.to(device))
        finally:
            hook.remove()
        found: Array = made[0][0].float().cpu().numpy()
        return found

    return output


def _loaded(folder: Path, kind: str) -> Any:  # noqa: ANN401
    """Load a network of transformers from its folder, weights and all."""
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("a frozen speech encoder", "encoders") from None
    try:
        with _quiet():
            network, told = getattr(transformers, KINDS[kind]).from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise BadInputError(f"{folder}: the encoder cannot be loaded ({reason}); get its files again") from error
    part = "encoder." if kind == "whisper" else ""
    missing = sorted(name for name in told["missing_keys"] if name.startswith(part) and name != _UNUSED)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BadInputError(f"{folder / WEIGHTS}: {missing[0]}{more} missing; get the whole file of a {kind} model")
    for name, weight in network.named_parameters():
        if not weight.isfinite().all():
            raise BadInputError(f"{folder / WEIGHTS}: {name} holds NaN or infinite values; get the file again")
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """Let transformers load without its bar, and without a report of the weights that are not needed here."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(require_file(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: this is no JSON ({error}); get the encoder's files again") from error
    if not isinstance(found, dict):
        raise BadInputError(f"{path}: there are no settings in it; get the encoder's files again")
    return found


def _preprocessor(folder: Path) -> dict[str, Any]:
    """Read how sound is made ready for the encoder, where the folder tells."""
    path = folder / PREPROCESSOR
    settings = _settings(path) if path.exists() else {}
    rate = settings.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise BadInputError(f"{path}: the encoder hears {rate} Hz; give one that hears {SAMPLE_RATE} Hz")
    return settings


def _require_long(folder: Path, window: int, hop: int) -> int:
    """Check that windows have room for overlaps and something between."""
    if window < 4 * math.lcm(hop, HOP):
        raise BadInputError(f"{folder / CONFIG}: it hears only {window} samples at a time; give another encoder")
    return window


def _level(samples: Samples) -> tuple[float, float]:
    """Find the mean of speech, and the factor that makes its variance 1."""
    total = squares = 0.0
    for first in range(0, len(samples), _BLOCK):
        block = samples[first : first + _BLOCK].astype(np.float64)
        total += block.sum()
        squares += (block**2).sum()
    mean = total / len(samples)
    return mean, 1 / math.sqrt(max(squares / len(samples) - mean**2, 0) + _VARIANCE_FLOOR)


def _between(frames: Array, places: NDArray[np.float64]) -> Array:
    """Interpolate linearly between frames; beyond the first and the last they go on."""
    places = places.clip(0, len(frames) - 1)
    below = np.minimum(places.astype(np.int64), max(0, len(frames) - 2))
    share = (places - below).astype(np.float32)[:, None]
    between: Array = frames[below] * (1 - share) + frames[np.minimum(below + 1, len(frames) - 1)] * share
    return between


def _settled(columns: Array) -> Array:
    """Give each column a median of 0 and the median absolute deviation of normal numbers of variance 1."""
    apart = columns - np.median(columns, axis=1, keepdims=True)
    spread = _TO_DEVIATION * np.median(np.abs(apart), axis=1, keepdims=True)
    settled: Array = np.clip(apart / np.maximum(spread, _TINY), -LIMIT, LIMIT).astype(np.float32)
    return settled
