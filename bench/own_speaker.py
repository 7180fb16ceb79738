"""What fine-tuning to one's own speaker gains: python bench/own_speaker.py BASE CLIPS.

BASE is a checkpoint trained on other speakers, CLIPS a folder prepared from the new speaker's recordings. Each arm
trains so many steps on so many clips; all are scored on the same test clips by L1, generated from each clip's first
frame and speech.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from seido.clips.store import open_clips
from seido.models.checkpoint import build, load_checkpoint
from seido.training.adapt import AdaptOptions, adapted, trainable_parameters
from seido.training.batches import Examples, spread_draw
from seido.training.generator_task import GeneratorTask
from seido.training.loop import train
from seido.training.material import fitted, open_material
from seido.training.options import TrainOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, nargs="?")
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 30, 100])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    if arguments.clips is None:
        print("nothing measured: name a checkpoint and a folder of the new speaker's clips")
        return
    torch.set_num_threads(arguments.threads)
    base = load_checkpoint(arguments.base)
    plain = TrainOptions(
        width=base.plan.network.width,
        steps=arguments.steps,
        validate_every=max(1, arguments.steps // 6),
        warm_up=50,
        threads=arguments.threads,
        precision=arguments.precision,
        pictures=False,
    )
    tuned = replace(plain, init=arguments.base, learning_rate=5e-4)
    most, middle = max(arguments.counts), sorted(arguments.counts)[len(arguments.counts) // 2]
    arms = [(f"all of it, {count} clips", replace(tuned, clips=count)) for count in arguments.counts]
    arms += [(f"from scratch, {count} clips", replace(plain, clips=count)) for count in (middle, most)]
    arms += [
        (f"low rank 4, {middle} clips", _part(tuned, middle, 2e-3, AdaptOptions(low_rank=4))),
        (f"encoders frozen, {middle} clips", _part(tuned, middle, 5e-4, AdaptOptions(freeze=("*encoder*",)))),
        (f"head alone, {middle} clips", _part(tuned, middle, 2e-3, AdaptOptions(train_only=("output_block",)))),
    ]
    loss, trivial = score(arguments.base, arguments.clips)
    print("| fine-tuned | learning | L1 on test clips | against the first frame held |\n|---|---|---|---|")
    print(f"| (first frame held) | – | {trivial:.4f} | 0 % |")
    print(f"| not at all | – | {loss:.4f} | {100 * (loss / trivial - 1):+.0f} % |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for number, (told, options) in enumerate(arms):
            done = train(arguments.clips, Path(name) / str(number), options)
            loss, _ = score(done.best, arguments.clips)
            count = trainable_parameters(adapted(build(base), options.adapt))
            print(f"| {told} | {count:,} | {loss:.4f} | {100 * (loss / trivial - 1):+.0f} % |", flush=True)


def _part(options: TrainOptions, clips: int, learning_rate: float, adapt: AdaptOptions) -> TrainOptions:
    return replace(options, clips=clips, learning_rate=learning_rate, adapt=adapt)


def score(checkpoint: Path, clips: Path) -> tuple[float, float]:
    """Score all test frames but each clip's first: L1, and that of holding the first."""
    loaded = load_checkpoint(checkpoint)
    (part,) = fitted([open_material(open_clips(clips), loaded.plan, "test", 2)], loaded.plan, 4)
    examples = Examples(loaded.plan, part.frames, part.mels, part.names)
    task = GeneratorTask(loaded.plan, build(loaded), (examples, examples), TrainOptions())
    task.watched = spread_draw(examples, len(examples))
    found = task.validate({})
    return found.loss, found.trivial


if __name__ == "__main__":
    main()
