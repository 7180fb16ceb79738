"""How well a sync expert tells true speech from shifted: python bench/sync_expert.py CHECKPOINT CLIPS.

A row for each part of the clips that the expert did not learn from, speakers that it never saw apart: the balanced
cross-entropy and accuracy of its yes and no, and, by frames of shift, the share of windows whose own speech it scores
above the shifted; chance is 50 %.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from seido.clips.store import open_clips
from seido.models.checkpoint import build, load_checkpoint
from seido.models.syncnet import SyncNet
from seido.training.critics import require_fit, view_of
from seido.training.sync_batches import split_windows
from seido.training.sync_task import SHIFTS, score_expert


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--windows", type=int, default=2000, help="of each part, at most")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.clips is None:
        print("nothing measured: name an expert's checkpoint and a folder of clips")
        return
    torch.set_num_threads(arguments.threads)
    checkpoint = load_checkpoint(arguments.checkpoint, expect="syncnet")
    clips = open_clips(arguments.clips)
    require_fit(arguments.checkpoint, checkpoint.plan, clips)
    network = cast("SyncNet", build(checkpoint))
    print(f"| part | windows | loss | right % | {' | '.join(f'{shift:+d}' for shift in SHIFTS)} | other clip |")
    print("|---" * (5 + len(SHIFTS)) + "|")
    known = {entry.speaker for entry in clips.split("train")}
    for split, seen in (("validation", True), ("test", True), ("test", False)):
        entries = tuple(entry for entry in clips.entries if (entry.speaker in known) == seen)
        part = replace(clips, entries=entries)
        windows = split_windows(part, checkpoint.plan, view_of(checkpoint.plan), split)
        if not len(windows):
            continue
        scores = score_expert(network, windows, arguments.windows)
        shares = [scores.shifts.get(shift) for shift in SHIFTS] + [scores.other_clip]
        cells = " | ".join("–" if share is None else f"{100 * share:.0f}" for share in shares)
        count = min(len(windows), arguments.windows)
        name = split if seen else f"{split}, unseen speakers"
        print(f"| {name} | {count} | {scores.loss:.3f} | {100 * scores.accuracy:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
