"""Generating: speech and one frame in, the frames of a movie out, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seido.clips.logmel import log_mel
from seido.clips.picture import resize
from seido.corpus.sound import read_speech
from seido.corpus.still import read_frame
from seido.errors import BadInputError
from seido.models.aligned import AlignedNetwork, aligned_features, whole_window
from seido.models.checkpoint import GENERATORS, build, load_checkpoint
from seido.models.device import choose_device
from seido.models.inputs import as_channels, face_input, mel_windows
from seido.models.registry import find_model
from seido.models.tract import TractGenerator
from seido.models.tract_speech import hearing
from seido.models.wav2lip import Wav2Lip
from seido.movie.engines import EngineName, make_engine
from seido.plan import Plan
from seido.timebase import exact_rate
from seido.values import Frame, Region, Speech, check_frame

Generator = Wav2Lip | AlignedNetwork | TractGenerator
"""A network that makes movies: it completes or moves the first frame, or as a baseline never looks at it."""
_STRETCH = 256
"""Frames whose speech is encoded at a time: memory stays flat however long the speech."""


@dataclass(frozen=True)
class GenerateOptions:
    """How a movie is generated; what is left out comes from the model's plan."""

    model: str = "phantom"
    """A checkpoint file, or the name of a bundled model."""
    region: str | None = None
    """Rectangle X,Y,W,H of the frame that moves, or `face` to find a face; the model's own unless given."""
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

    def __post_init__(self) -> None:
        if self.fps is not None:
            exact_rate(self.fps)
        if not abs(self.offset) <= 1000:
            raise BadInputError(f"an offset of {self.offset} ms is out of range: give up to ±1000")
        if not 1 <= self.batch <= 1024:
            raise BadInputError(f"a batch of {self.batch} frames is out of range: give 1 to 1024")


@dataclass(frozen=True)
class Generation:
    """A movie in the making: iterate to get its frames, uint8 (H, W) or (H, W, 3) like the first frame."""

    frames: Iterator[Frame]
    rate: Fraction
    total: int
    plan: Plan
    """Of the model that makes it; its notes tell where the weights come from."""

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
        The first frame: a picture file, a movie (its first frame is taken), or uint8 (H, W) or (H, W, 3).
    options
        Model, region, frame rate, timing, device.

    Returns
    -------
    A Generation: as many frames as cover the speech to its end, each of the first frame's size, changed only in
    the region. Raises BadInputError for input that cannot be used, before the first frame is made.

    """
    options = options or GenerateOptions()
    voice = speech if isinstance(speech, Speech) else read_speech(Path(speech))
    picture = check_frame(frame) if isinstance(frame, np.ndarray) else read_frame(Path(frame))
    return render(*load_generator(options.model), voice, picture, options)


def render(model: Generator, plan: Plan, speech: Speech, picture: Frame, options: GenerateOptions) -> Generation:
    """Do what `generate` does with a model that is already loaded."""
    region = choose_region(options.region, plan, picture)
    rate = exact_rate(options.fps) if options.fps else plan.rate
    total = speech.frames(rate)
    crop = region.crop(picture)
    if isinstance(model, AlignedNetwork):
        return Generation(_aligned_frames(model, plan, speech, picture, region, rate, options), rate, total, plan)
    if isinstance(model, TractGenerator):
        return Generation(_tract_frames(model, plan, speech, picture, region, rate, options), rate, total, plan)
    held = shrunk(crop[None], plan)
    engine = make_engine(
        model,
        face_input(held, held),
        name=options.engine,
        device=choose_device(options.device),
        frames=total,
    )

    def frames() -> Iterator[Frame]:
        for audio in mel_batches(speech, total, rate, plan, options):
            for image in to_pixels(engine(audio), crop, plan):
                shown = picture.copy()
                region.crop(shown)[:] = image
                yield shown

    return Generation(frames(), rate, total, plan)


def _aligned_frames(
    model: AlignedNetwork,
    plan: Plan,
    speech: Speech,
    picture: Frame,
    region: Region,
    rate: Fraction,
    options: GenerateOptions,
) -> Iterator[Frame]:
    """Make the frames of a baseline: of the first frame it keeps the size and what lies outside the region."""
    if options.engine == "openvino":
        raise BadInputError(f"{plan.network.name} does not run on the openvino engine; leave out --engine")
    device, crop = choose_device(options.device), region.crop(picture)
    model = model.to(device)
    columns = plan.front_end.window
    # The log-mel is cut into whole windows; the network hears their middle.
    whole = replace(plan, front_end=whole_window(plan.front_end))
    total = speech.frames(rate)

    def frames() -> Iterator[Frame]:
        batches = mel_batches(speech, total, rate, whole, options)
        made = model.stream(aligned_features(audio, columns).to(device) for audio in batches)
        while True:
            # Not around the yield: whoever takes the frames would be in inference mode too.
            with torch.inference_mode():
                images = next(made, None)
            if images is None:
                return
            for image in to_pixels(images.cpu()[:, None].expand(-1, 3, -1, -1), crop, plan):
                shown = picture.copy()
                region.crop(shown)[:] = image
                yield shown

    return frames()


def _tract_frames(
    model: TractGenerator,
    plan: Plan,
    speech: Speech,
    picture: Frame,
    region: Region,
    rate: Fraction,
    options: GenerateOptions,
) -> Iterator[Frame]:
    """Make the frames of a tract generator: the first frame is held, the speech heard in overlapping stretches."""
    if options.engine == "openvino":
        raise BadInputError(f"{plan.network.name} does not run on the openvino engine; leave out --engine")
    device, crop, total = choose_device(options.device), region.crop(picture), speech.frames(rate)
    model = model.to(device)
    mel, lead = log_mel(speech, plan.front_end), plan.lead_at(rate) + Fraction(str(options.offset)) / 1000

    def pictures() -> Iterator[Tensor]:
        # Not around a yield: whoever takes the frames would be in inference mode too.
        with torch.inference_mode():
            held = model.hold(shrunk(crop[None], plan).mean(dim=1, keepdim=True).to(device))
        for first in range(0, total, _STRETCH):
            cut, at = hearing(mel, range(first, min(first + _STRETCH, total)), rate, lead)
            with torch.inference_mode():
                codes = model.listen(torch.from_numpy(cut)[None].to(device), torch.from_numpy(at)[None].to(device))[0]
            for some in torch.split(codes, options.batch):
                with torch.inference_mode():
                    made = model.paint(some, held).cpu()
                yield made

    def frames() -> Iterator[Frame]:
        for images in pictures():
            for image in to_pixels(images.expand(-1, 3, -1, -1), crop, plan):
                shown = picture.copy()
                region.crop(shown)[:] = image
                yield shown

    return frames()


def load_generator(name: str) -> tuple[Generator, Plan]:
    """Load a generator and its plan by bundled name or file; raises BadInputError."""
    checkpoint = load_checkpoint(find_model(name), GENERATORS)
    model = build(checkpoint)
    assert isinstance(model, Wav2Lip | AlignedNetwork | TractGenerator)  # noqa: S101  (load_checkpoint was told what to expect)
    return model, checkpoint.plan


def mel_batches(speech: Speech, frames: int, rate: Fraction, plan: Plan, options: GenerateOptions) -> Iterator[Tensor]:
    """Cut the speech's log-mel into one window a frame, a batch at a time: (≤ batch, 1, 80, 16)."""
    mel = log_mel(speech, plan.front_end)
    lead = plan.lead_at(rate) + Fraction(str(options.offset)) / 1000
    for first in range(0, frames, options.batch):
        yield mel_windows(mel, range(first, min(first + options.batch, frames)), rate, lead)


def choose_region(asked: str | None, plan: Plan, picture: Frame, *, what: str = "the first frame") -> Region:
    """Decide which rectangle moves: the one asked for, the plan's, or the whole of a frame cut to the plan's size."""
    height, width = picture.shape[:2]
    if asked == "face":
        from seido.movie.face import find_face

        return find_face(picture)
    if asked is not None:
        return Region.parse(asked).within(height, width, what)
    if plan.region is None:
        return Region.whole(picture)
    if (height, width) == plan.frame_size:
        return plan.region
    if (height, width) == (plan.region.height, plan.region.width):
        return Region.whole(picture)
    trained = f"{plan.frame_size[1]} × {plan.frame_size[0]}" if plan.frame_size else "other"
    raise BadInputError(
        f"{what} is {width} × {height} pixels, but the model was trained on {plan.region} of {trained} frames; "
        "give --region X,Y,W,H for where the vocal tract is in yours"
    )


def shrunk(pictures: NDArray[np.uint8], plan: Plan) -> Tensor:
    """Bring regions (N, H, W[, 3]) to the network's size: float32 (N, 3, S, S), BGR, 0 … 1."""
    return as_channels(resize(pictures, plan.network.size, plan.network.size, antialias=plan.antialias))


def to_pixels(images: Tensor, crop: Frame, plan: Plan) -> NDArray[np.uint8]:
    """Turn the network's pictures (B, 3, S, S) BGR into the crop's size and colour: uint8 (B, h, w[, 3])."""
    values = images.clamp(0, 1).mul(255)
    if crop.ndim == 2:
        values = values.mean(dim=1, keepdim=True)
    # The published inference truncates; ours rounds.
    values = values if plan.recipe == "talk" else values.round()
    pixels = values.byte().permute(0, 2, 3, 1).numpy()
    sized = resize(pixels, crop.shape[0], crop.shape[1], antialias=plan.antialias)
    return sized[..., 0] if crop.ndim == 2 else sized[..., ::-1]
