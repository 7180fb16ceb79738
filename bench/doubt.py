"""How well the tract generator knows where it errs: python bench/doubt.py CLIPS [--model NAME] [--count 6].

For some test clips of every condition: how well places and moments of large error are told (Spearman's correlation) by
doubt (seido.movie.doubt), and by two things that cost nothing: how far the picture is from the first frame, and how
fast it changes. Then the error where doubt is small and where it is large. Only where the clip moves: the three tenths
of places that move most. Errors and all else are averaged over 5 × 5 pixels.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.stats import spearmanr

from seido.clips.logmel import log_mel, stretched
from seido.clips.store import Clips, Entry, open_clips
from seido.models.mover import Mover
from seido.models.registry import DEFAULT
from seido.movie.doubt import AROUND, LEAST, MOST, STRETCHES, doubt_of
from seido.movie.generate import GenerateOptions, at_level, load_generator, tract_batches
from seido.plan import Plan
from seido.report.choosing import spaced
from seido.scores.conditions import CONDITIONS, conditions
from seido.timebase import SAMPLE_RATE
from seido.values import Speech

Maps = NDArray[np.float32]
EVERY = 4
"""Pixels from one place that is looked at to the next."""
MOVING = 0.7
NAMES = ("doubt", "distance from the first frame", "change")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--count", type=int, default=6)
    arguments = parser.parse_args()
    if arguments.clips is None:
        print("nothing measured: name a folder of clips")
        return
    clips = open_clips(arguments.clips)
    model, plan = load_generator(arguments.model)
    if not isinstance(model, Mover):
        parser.error(f"{arguments.model} is no tract generator")
    under = conditions(clips, clips.split("test"))
    print(f"{arguments.model}, {arguments.count} clips a condition\n\n| condition | with the error go |", end="")
    print(" at all places and times | over time, at one place |\n|---|---|---|---|")
    pairs = []
    for condition in CONDITIONS:
        entries = [entry for entry in clips.split("test") if under[entry.name] == condition]
        found = [maps(model, plan, clips, entry) for entry in spaced(entries, arguments.count)]
        for at, name in enumerate(NAMES if found else ()):
            everywhere = np.mean([spearmanr(one[at].ravel(), one[3].ravel())[0] for one in found])
            in_time = np.mean([spearmanr(apart(one[at]), apart(one[3]))[0] for one in found])
            print(f"| {condition} | {name} | {everywhere:.2f} | {in_time:.2f} |")
        pairs += [(one[0].ravel(), one[3].ravel()) for one in found]
    doubt, error = (np.concatenate(each) for each in zip(*pairs, strict=True))
    print("\n| doubt | share of places and times | mean absolute error |\n|---|---|---|")
    edges = [0, LEAST, (LEAST + MOST) / 2, MOST, 1]
    for low, high in pairwise(edges):
        inside = (doubt >= low) & (doubt < high)
        if inside.any():
            print(f"| {low:.2f} to {high:.2f} | {inside.mean():.2f} | {error[inside].mean():.3f} |")


def maps(model: Mover, plan: Plan, clips: Clips, entry: Entry) -> tuple[Maps, Maps, Maps, Maps]:
    """Make doubt, distance, change and error of a clip, each (T, places)."""
    frames = np.array(clips.frames(entry))
    speech = at_level(Speech(np.array(clips.speech(entry)), SAMPLE_RATE, entry.name), plan)
    height, width = frames.shape[1:]
    options = GenerateOptions(region=f"0,0,{width},{height}")
    rate, taken = Fraction(clips.prepared.rate), clips.taken(entry)

    mel = log_mel(speech, plan.front_end)

    def hear(stretch: float) -> torch.Tensor:
        heard = np.ascontiguousarray(stretched(mel.T, stretch).T)
        return torch.cat(list(tract_batches(model, plan, speech, frames[0], rate, options, taken, heard)))

    made = hear(1.0)
    doubt = doubt_of(made, [hear(each) for each in STRETCHES])[:, 0].numpy()
    shown, true = made[:, 0].numpy(), frames.astype(np.float32) / 255
    moving = uniform_filter(true.std(0), AROUND)[::EVERY, ::EVERY]
    where = moving > np.quantile(moving, MOVING)

    def near(values: Maps) -> Maps:
        smooth: Maps = uniform_filter(values, (0, AROUND, AROUND))
        return smooth[:, ::EVERY, ::EVERY][:, where]

    change = near(np.abs(np.gradient(shown, axis=0)))
    return doubt[:, ::EVERY, ::EVERY][:, where], near(np.abs(shown - true[:1])), change, near(np.abs(shown - true))


def apart(values: Maps) -> Maps:
    """Take each place's own mean away."""
    flat: Maps = (values - values.mean(0)).ravel()
    return flat


if __name__ == "__main__":
    main()
