"""Generating: speech and one frame in, the frames of a movie out, as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.level import levelled
from seido.clips.logmel import log_mel, stretched
from seido.clips.speech_encoder import FrozenEncoder, features, open_encoder
from seido.corpus.sound import read_speech
from seido.errors import BadInputError
from seido.models.aligned import AlignedNetwork, aligned_features, whole_window
from seido.models.checkpoint import GENERATORS, build, load_checkpoint
from seido.models.device import choose_device
from seido.models.inputs import face_input, mel_windows
from seido.models.mover import Kept, Mover
from seido.models.registry import DEFAULT, find_model
from seido.models.tract_speech import hearing, silence_of
from seido.models.wav2lip import Wav2Lip
from seido.movie.doubt import STRETCHES, tinted
from seido.movie.engines import EngineName, make_engine
from seido.movie.heads import read_head
from seido.movie.paste import pasted, shrunk
from seido.movie.place import inner_size, mirrored, place
from seido.movie.remarks import remarks
from seido.plan import Plan
from seido.timebase import exact_rate
from seido.values import Frame, Speech, check_frame

Generator = Wav2Lip | AlignedNetwork | Mover
"""A network that makes movies: it completes or moves the first frame, or as a baseline never looks at it."""
LEVEL = "level"
"""The plan's note of the level of the speech that a model was trained on, in dB (clips.level.speech_level)."""
Moments = Sequence[int | Fraction]
_STRETCH = 256
"""Frames whose speech is encoded at a time: memory stays flat however long the speech."""
PIXELS = 2**19
"""Pixels that a tract generator makes at a time: with more, what is between its layers falls out of the caches."""


@dataclass(frozen=True)
class GenerateOptions:
    """How a movie is generated; what is left out comes from the model's plan."""

    model: str = DEFAULT
    """A checkpoint file, or the name of a bundled model."""
    region: str | None = None
    """Rectangle X,Y,W,H of the frame that moves, or `face` to find a face. Unless given, the model's own, or for a
    tract generator where a vocal tract is found in the frame."""
    size: int | None = None
    """Pixels that the longer side of the region has inside a tract generator; the model's own unless given."""
    flip: bool = False
    """Mirror the frame for the model, and its movie back: for heads that look right."""
    fps: str | None = None
    """Frames per second, like 25 or 1159/50; the model's own unless given."""
    offset: float = 0.0
    """Milliseconds by which the picture comes later; 40 gives published Wav2Lip weights their training's timing."""
    device: str = "auto"
    """cpu, cuda or auto."""
    engine: EngineName = "auto"
    """torch, openvino (extra `fast`), or auto: whichever ends sooner."""
    batch: int = 16
    """Frames computed at a time."""
    doubt: bool = False
    """Colour orange what a tract generator is unsure of: where its picture changes when the same speech is heard as
    from shorter and longer vocal tracts. Takes five times as long."""
    speech_encoder: Path | None = None
    """Folder of the frozen speech encoder, for a model that was trained on its features."""

    def __post_init__(self) -> None:
        if self.fps is not None:
            exact_rate(self.fps)
        if self.size is not None and not 16 <= self.size <= 1024:
            raise BadInputError(f"a size of {self.size} pixels is out of range: give 16 to 1024")
        if not abs(self.offset) <= 1000:
            raise BadInputError(f"an offset of {self.offset} ms is out of range: give up to ±1000")
        if not 1 <= self.batch <= 1024:
            raise BadInputError(f"a batch of {self.batch} frames is out of range: give 1 to 1024")

    @property
    def delay(self) -> Fraction:
        """The offset in seconds, exactly."""
        return Fraction(str(self.offset)) / 1000


@dataclass(frozen=True)
class Generation:
    """A movie in the making: iterate to get its frames, uint8 (H, W) or (H, W, 3) like the first frame."""

    frames: Iterator[Frame]
    rate: Fraction
    total: int
    plan: Plan
    """Of the model that makes it; its notes tell where the weights come from."""
    remarks: tuple[str, ...] = ()
    """What is doubtful about speech and frame, a sentence each."""

    def __iter__(self) -> Iterator[Frame]:
        return self.frames

    def __len__(self) -> int:
        return self.total


def generate(
    speech: Speech | Path | str, frame: Frame | Path | str, options: GenerateOptions | None = None
) -> Generation:
    """Make the movie of the vocal tract that spoke.

    Parameters
    ----------
    speech
        A recording (anything `read_speech` reads), or 16 kHz mono speech.
    frame
        The first frame: a picture file, a movie (its first frame is taken), a bundled head's name, or uint8 (H, W)
        or (H, W, 3).
    options
        Model, region, frame rate, timing, device.

    Returns
    -------
    A Generation: as many frames as cover the speech to its end, each of the first frame's size, changed only in
    the region. Raises BadInputError for input that cannot be used, before the first frame is made.

    """
    options = options or GenerateOptions()
    voice = speech if isinstance(speech, Speech) else read_speech(Path(speech), silence=True)
    picture = check_frame(frame) if isinstance(frame, np.ndarray) else read_head(frame)
    model, plan = load_generator(options.model)
    made = render(model, plan, at_level(voice, plan), picture, options)
    return replace(made, remarks=remarks(voice, picture, plan, flip=options.flip))


def at_level(speech: Speech, plan: Plan) -> Speech:
    """Bring speech to the loudness that the model was trained on, where the plan's notes tell it ("level", in dB)."""
    level = plan.notes.get(LEVEL)
    try:
        return speech if level is None else levelled(speech, float(level))
    except ValueError:
        raise BadInputError(f"the model's note {LEVEL}={level} is no number of dB; make its file again") from None


def render(
    model: Generator,
    plan: Plan,
    speech: Speech,
    picture: Frame,
    options: GenerateOptions,
    moments: Moments | None = None,
    heard: NDArray[np.float32] | None = None,
) -> Generation:
    """Do what `generate` does with a model that is already loaded.

    `moments` are the frames to make, rising, perhaps between whole ones, as where the pictures of a clip were taken;
    unless given, all that cover the speech. `heard` are the features of this speech, float32 (columns, width), where
    the model's encoder has heard it already.
    """
    if options.doubt:
        picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    shown = mirrored(picture) if options.flip else picture
    region = place(options.region, plan, picture, search=isinstance(model, Mover), flip=options.flip)
    rate = exact_rate(options.fps) if options.fps else plan.rate
    wanted = range(speech.frames(rate)) if moments is None else moments
    if not isinstance(model, Wav2Lip) and options.engine == "openvino":
        raise BadInputError(f"{plan.network.name} does not run on the openvino engine; leave out --engine")
    if not isinstance(model, Mover) and options.size is not None:
        raise BadInputError(f"{plan.network.name} works at {plan.network.size} pixels alone; leave out --size")
    if not isinstance(model, Mover) and options.doubt:
        raise BadInputError(f"{plan.network.name} cannot tell its doubt, only a tract generator can; leave out --doubt")
    if plan.front_end.encoder is not None and options.doubt:
        raise BadInputError("a model that hears through an encoder cannot tell its doubt; leave out --doubt")
    require_use_of_encoder(plan, options)
    crop = region.crop(shown)
    if isinstance(model, Mover):
        mel = hear(speech, plan, options) if heard is None else heard
        batches = tract_batches(model, plan, speech, crop, rate, options, wanted, mel)
        if options.doubt:
            hearings = [np.ascontiguousarray(stretched(mel.T, each).T) for each in STRETCHES]
            others = [tract_batches(model, plan, speech, crop, rate, options, wanted, each) for each in hearings]
            batches = tinted(batches, others)
    elif isinstance(model, AlignedNetwork):
        batches = _aligned_batches(model, plan, speech, rate, options, wanted)
    else:
        batches = _wav2lip_batches(model, plan, speech, crop, rate, options, wanted)
    frames = pasted(batches, shown, region, plan)
    return Generation(map(mirrored, frames) if options.flip else frames, rate, len(wanted), plan)


def _wav2lip_batches(
    model: Wav2Lip,
    plan: Plan,
    speech: Speech,
    crop: Frame,
    rate: Fraction,
    options: GenerateOptions,
    wanted: Moments,
) -> Iterator[Tensor]:
    held, device = shrunk(crop[None], plan), choose_device(options.device)
    engine = make_engine(model, face_input(held, held), name=options.engine, device=device, frames=len(wanted))
    return map(engine, mel_batches(speech, wanted, rate, plan, options))


def _aligned_batches(
    model: AlignedNetwork,
    plan: Plan,
    speech: Speech,
    rate: Fraction,
    options: GenerateOptions,
    wanted: Moments,
) -> Iterator[Tensor]:
    """Make the pictures of a baseline: it never sees the first frame."""
    device = choose_device(options.device)
    model = model.to(device)
    columns = plan.front_end.window
    # The log-mel is cut into whole windows; the network hears their middle.
    whole = replace(plan, front_end=whole_window(plan.front_end))

    def batches() -> Iterator[Tensor]:
        heard = mel_batches(speech, wanted, rate, whole, options)
        made = model.stream(aligned_features(audio, columns).to(device) for audio in heard)
        while True:
            # Not around the yield: whoever takes the frames would be in inference mode too.
            with torch.inference_mode():
                images = next(made, None)
            if images is None:
                return
            yield images.cpu()[:, None]

    return batches()


def tract_batches(
    model: Mover,
    plan: Plan,
    speech: Speech,
    crop: Frame,
    rate: Fraction,
    options: GenerateOptions,
    wanted: Moments,
    heard: NDArray[np.float32] | None = None,
) -> Iterator[Tensor]:
    """Make the pictures of a tract generator: the first frame is held, the speech heard in overlapping stretches.

    `heard` is what the model hears of the speech, where that is known already.
    """
    device = choose_device(options.device)
    model = model.to(device)
    mel = hear(speech, plan, options) if heard is None else heard
    lead, silence = plan.lead_at(rate) + options.delay, silence_of(plan.front_end)

    def batches() -> Iterator[Tensor]:
        held = hold(model, plan, crop, options, device)
        height, width = inner_size(crop, plan, options.size, given=options.region is not None)
        batch = max(1, min(options.batch, PIXELS // (height * width)))
        for first in range(0, len(wanted), _STRETCH):
            some = wanted[first : first + _STRETCH]
            slack = some[-1] - some[0] - len(some) + 1
            cut, at = hearing(mel, some, rate, lead, slack, model.context, silence)
            # Not around a yield: whoever takes the frames would be in inference mode too.
            with torch.inference_mode():
                codes = model.listen(torch.from_numpy(cut)[None].to(device), torch.from_numpy(at)[None].to(device))[0]
            for here in torch.split(codes, batch):
                with torch.inference_mode():
                    made = model.paint(here, held).cpu()
                yield made

    return batches()


def hear(speech: Speech, plan: Plan, options: GenerateOptions) -> NDArray[np.float32]:
    """Make what a tract generator hears: the log-mel, or the features of its encoder, float32 (columns, bands).

    Raises BadInputError when the encoder is not given or another one is.
    """
    wanted, folder = plan.front_end.encoder, options.speech_encoder
    if wanted is None:
        return log_mel(speech, plan.front_end)
    if folder is None:
        raise BadInputError(f"this model hears through {wanted}; give that encoder's folder with --speech-encoder")
    encoder = _encoder(folder, wanted.layer, str(choose_device(options.device)))
    if encoder.facts != wanted:
        raise BadInputError(
            f"{folder}: this is {encoder.facts}, but the model hears through {wanted}; "
            "give that one's folder with --speech-encoder"
        )
    return features(encoder, speech)


def require_use_of_encoder(plan: Plan, options: GenerateOptions) -> None:
    """Raise BadInputError when an encoder is given to a model that hears the log-mel."""
    if plan.front_end.encoder is None and options.speech_encoder is not None:
        raise BadInputError("this model hears the log-mel, not an encoder's features; leave out --speech-encoder")


@lru_cache(maxsize=1)
def _encoder(folder: Path, layer: int, device: str) -> FrozenEncoder:
    return open_encoder(folder, layer, device)


def hold(model: Mover, plan: Plan, crop: Frame, options: GenerateOptions, device: torch.device) -> Kept:
    """Let a tract generator look at the region of the first frame, at the size that it works at."""
    seen = shrunk(crop[None], plan, inner_size(crop, plan, options.size, given=options.region is not None))
    with torch.inference_mode():
        return model.hold(seen.mean(dim=1, keepdim=True).to(device))


def load_generator(name: str) -> tuple[Generator, Plan]:
    """Load a generator and its plan by bundled name or file; raises BadInputError."""
    checkpoint = load_checkpoint(find_model(name), GENERATORS)
    model = build(checkpoint)
    assert isinstance(model, Wav2Lip | AlignedNetwork | Mover)  # noqa: S101  (load_checkpoint was told what to expect)
    if isinstance(model, Mover):
        # A third faster on the CPU.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, checkpoint.plan


def mel_batches(
    speech: Speech, frames: Moments, rate: Fraction, plan: Plan, options: GenerateOptions
) -> Iterator[Tensor]:
    """Cut the speech's log-mel into one window a frame, a batch at a time: (≤ batch, 1, 80, 16)."""
    mel, lead = log_mel(speech, plan.front_end), plan.lead_at(rate) + options.delay
    for first in range(0, len(frames), options.batch):
        yield mel_windows(mel, frames[first : first + options.batch], rate, lead)
