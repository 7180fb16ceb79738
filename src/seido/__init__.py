"""Speech and one MRI frame become the movie of the vocal tract that spoke.

The flow is corpus → clips → models → training → movie → scores → report, one folder each. Names are loaded when
they are first used, so that networks and training can be imported where only torch, numpy and safetensors are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seido.clips.hear import hear_clips
    from seido.clips.logmel import log_mel
    from seido.clips.prepare import PrepareOptions, prepare
    from seido.clips.store import Clips, open_clips
    from seido.corpus.folder import recordings
    from seido.corpus.sound import read_speech
    from seido.corpus.still import read_frame
    from seido.corpus.video import movie_frames, probe_movie, read_movie
    from seido.errors import BadInputError, MissingExtraError, NotFiniteError, OutputError, SeidoError
    from seido.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from seido.models.wav2lip import QualityDiscriminator, SyncNet, Wav2Lip
    from seido.movie.generate import GenerateOptions, Generation, generate
    from seido.movie.make import generate_movie
    from seido.movie.talking import dub
    from seido.movie.writer import Sound, write_movie
    from seido.plan import Plan
    from seido.report.evaluate import EvaluateOptions, Evaluation, evaluate
    from seido.scores.rows import Scores, score_movie
    from seido.scores.similarity import nmse, ssim
    from seido.training.adapt import AdaptOptions
    from seido.training.augment import AugmentOptions
    from seido.training.ending import Trained
    from seido.training.loop import train
    from seido.training.options import LossOptions, TrainOptions
    from seido.training.sync_batches import SyncOptions
    from seido.values import Clip, Movie, MovieInfo, Recording, Region, Speech

_HOMES = {
    "AdaptOptions": "seido.training.adapt",
    "AugmentOptions": "seido.training.augment",
    "BadInputError": "seido.errors",
    "Checkpoint": "seido.models.checkpoint",
    "Clip": "seido.values",
    "Clips": "seido.clips.store",
    "EvaluateOptions": "seido.report.evaluate",
    "Evaluation": "seido.report.evaluate",
    "GenerateOptions": "seido.movie.generate",
    "Generation": "seido.movie.generate",
    "LossOptions": "seido.training.options",
    "MissingExtraError": "seido.errors",
    "Movie": "seido.values",
    "MovieInfo": "seido.values",
    "NotFiniteError": "seido.errors",
    "OutputError": "seido.errors",
    "Plan": "seido.plan",
    "PrepareOptions": "seido.clips.prepare",
    "QualityDiscriminator": "seido.models.wav2lip",
    "Recording": "seido.values",
    "Region": "seido.values",
    "Scores": "seido.scores.rows",
    "SeidoError": "seido.errors",
    "Sound": "seido.movie.writer",
    "Speech": "seido.values",
    "SyncNet": "seido.models.wav2lip",
    "SyncOptions": "seido.training.sync_batches",
    "TrainOptions": "seido.training.options",
    "Trained": "seido.training.ending",
    "Wav2Lip": "seido.models.wav2lip",
    "dub": "seido.movie.talking",
    "evaluate": "seido.report.evaluate",
    "generate": "seido.movie.generate",
    "generate_movie": "seido.movie.make",
    "hear_clips": "seido.clips.hear",
    "load_checkpoint": "seido.models.checkpoint",
    "log_mel": "seido.clips.logmel",
    "movie_frames": "seido.corpus.video",
    "nmse": "seido.scores.similarity",
    "open_clips": "seido.clips.store",
    "prepare": "seido.clips.prepare",
    "probe_movie": "seido.corpus.video",
    "read_frame": "seido.corpus.still",
    "read_movie": "seido.corpus.video",
    "read_speech": "seido.corpus.sound",
    "recordings": "seido.corpus.folder",
    "save_checkpoint": "seido.models.checkpoint",
    "score_movie": "seido.scores.rows",
    "ssim": "seido.scores.similarity",
    "train": "seido.training.loop",
    "write_movie": "seido.movie.writer",
}

__all__ = [
    "AdaptOptions",
    "AugmentOptions",
    "BadInputError",
    "Checkpoint",
    "Clip",
    "Clips",
    "EvaluateOptions",
    "Evaluation",
    "GenerateOptions",
    "Generation",
    "LossOptions",
    "MissingExtraError",
    "Movie",
    "MovieInfo",
    "NotFiniteError",
    "OutputError",
    "Plan",
    "PrepareOptions",
    "QualityDiscriminator",
    "Recording",
    "Region",
    "Scores",
    "SeidoError",
    "Sound",
    "Speech",
    "SyncNet",
    "SyncOptions",
    "TrainOptions",
    "Trained",
    "Wav2Lip",
    "dub",
    "evaluate",
    "generate",
    "generate_movie",
    "hear_clips",
    "load_checkpoint",
    "log_mel",
    "movie_frames",
    "nmse",
    "open_clips",
    "prepare",
    "probe_movie",
    "read_frame",
    "read_movie",
    "read_speech",
    "recordings",
    "save_checkpoint",
    "score_movie",
    "ssim",
    "train",
    "write_movie",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'seido' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
