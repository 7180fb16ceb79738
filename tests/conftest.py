"""Things that several tests need: small movies, speech and checkpoints made on the spot, and the outside samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seido.corpus.textgrid import Interval, TextGrid, Tier, write_textgrid
from seido.models.checkpoint import save_checkpoint
from seido.models.wav2lip import Wav2Lip
from seido.movie.writer import Sound, write_movie
from seido.plan import Network, Plan

SHARED = Path(__file__).resolve().parents[2] / "shared"
RATE = 16_000


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(2)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """So slim a network computes faster alone than threads can meet: for `pytest.mark.usefixtures`."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def voice() -> Callable[..., np.ndarray]:
    def make(seconds: float, rate: int = RATE, pitch: float = 120.0) -> np.ndarray:
        """Something like a voice: harmonics whose strength swells four times a second."""
        time = np.arange(round(seconds * rate)) / rate
        tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12))
        return (0.2 * tone * (0.6 - 0.4 * np.cos(2 * np.pi * 4 * time))).astype(np.float32)

    return make


@pytest.fixture
def speech_file(tmp_path: Path, voice) -> Callable[..., Path]:
    def make(seconds: float = 1.0, rate: int = RATE, name: str = "speech.wav", **options) -> Path:
        path = tmp_path / name
        soundfile.write(path, voice(seconds, rate), rate, **options)
        return path

    return make


@pytest.fixture
def tract() -> Callable[..., np.ndarray]:
    def make(frames: int, height: int = 48, width: int = 48) -> np.ndarray:
        """A grey head with a bright tongue that rises and falls four times a second at 25 frames/s."""
        rows, columns = np.mgrid[:height, :width]
        picture = np.full((frames, height, width), 40, np.uint8)
        for index in range(frames):
            top = height * (0.5 - 0.15 * np.cos(2 * np.pi * 4 * index / 25))
            tongue = ((rows - top - height / 3) / (height / 3)) ** 2 + ((columns - width / 2) / (width / 4)) ** 2 < 1
            picture[index][tongue] = 200
        return picture

    return make


@pytest.fixture
def movie_file(tmp_path: Path, tract, voice) -> Callable[..., Path]:
    def make(
        name: str = "s1_a.mp4",
        frames: int = 50,
        rate: Fraction | int = 25,
        *,
        size: tuple[int, int] = (48, 48),
        sound: bool = True,
        lossless: bool = False,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        heard = Sound([voice(float(frames / Fraction(rate)))], RATE) if sound else None
        write_movie(path, tract(frames, *size), Fraction(rate), heard, lossless=lossless)
        return path

    return make


@pytest.fixture(scope="session")
def slim_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sixteenth of Wav2Lip with random weights, as a checkpoint of ours in the published recipe."""
    width = Fraction(1, 16)
    torch.manual_seed(1)
    model = Wav2Lip(width)
    with torch.no_grad():
        # Batch statistics that fit, and decoders that listen more than they copy: pictures really depend on speech.
        for block in model.face_decoder_blocks[1:]:
            weight = block[0].conv_block[0].weight
            weight[: len(weight) // 2] *= 6
        for _ in range(40):
            model(2 * torch.randn(16, 1, 80, 16), torch.rand(16, 6, 96, 96))
        model.output_block[1].weight *= 4
    model.eval()
    path = tmp_path_factory.mktemp("model") / "slim.safetensors"
    save_checkpoint(path, model, Plan(network=Network(width=width)))
    return path


@pytest.fixture(scope="session")
def write_labelled() -> Callable[..., None]:
    """Return a function that writes a movie and its labels."""

    def write(stem: Path, text: str, seed: int, seconds: float = 1.2) -> None:
        """Write a movie of drifting noise with sound, and labels that say `text` in its middle."""
        random = np.random.default_rng(seed)
        frames = random.integers(0, 256, (round(25 * seconds), 32, 32), dtype=np.uint8)
        voice = random.normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)
        stem.parent.mkdir(parents=True, exist_ok=True)
        write_movie(stem.with_suffix(".mkv"), frames, Fraction(25), Sound([voice], 16_000), lossless=True)
        words = text.split()
        edges = np.linspace(0.2, seconds - 0.2, len(words) + 1)
        spoken = tuple(Interval(*map(float, edges[i : i + 2]), word) for i, word in enumerate(words))
        write_textgrid(
            stem.with_suffix(".TextGrid"), TextGrid(seconds, (Tier("words", spoken), Tier("phones", spoken)))
        )

    return write
