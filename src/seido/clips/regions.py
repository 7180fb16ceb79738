"""Which rectangle of whose frames clips are cut from: one for all, from a TOML file, or where each tract moves."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw

from seido.clips.options import PrepareOptions
from seido.clips.region import Motion, motion_of, region_of, region_picture
from seido.corpus.video import movie_frames, probe_movie
from seido.errors import BadInputError, SeidoError
from seido.files import replacing, require_file, write_bytes
from seido.values import Frame, Recording, Region

SUGGESTED = "regions.toml"
PICTURE = "region.png"
_SECONDS = 20
_RECORDINGS = 3
"""How much of each speaker is looked at for a suggestion."""
_GAP, _CAPTION = 8, 16
_ACROSS = 4
"""Speakers side by side on the picture."""


@dataclass(frozen=True)
class Regions:
    """The rectangle of each speaker: the speaker's own, else that for everyone, else the whole frame."""

    everyone: Region | None
    speakers: Mapping[str, Region]
    pictures: Mapping[str, Frame] = field(default_factory=dict)
    """Of each speaker whose region was suggested, a drawing of it."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why no region could be suggested for a speaker."""

    def of(self, speaker: str) -> Region | None:
        """Look up a speaker's region."""
        return self.speakers.get(speaker, self.everyone)

    @property
    def one(self) -> bool:
        """Whether everybody has the same."""
        return len(set(self.speakers.values()) | ({self.everyone} if not self.speakers else set())) <= 1


def choose_regions(recordings: Sequence[Recording], options: PrepareOptions) -> Regions:
    """Find every speaker's region; raises BadInputError when one is missing or suggests nothing."""
    if options.region == "auto":
        return _suggested(recordings)
    if options.region_file:
        speakers = list(dict.fromkeys(recording.speaker for recording in recordings))
        found = read_regions(options.region_file)
        boxes: dict[str, Region] = {}
        for speaker in speakers:
            box = found.of(speaker)
            if box is None:
                raise BadInputError(
                    f'{options.region_file}: there is no region for speaker {speaker}; add `{speaker} = "X,Y,W,H"` '
                    'under [speakers], or `everyone = "X,Y,W,H"` at the top'
                )
            boxes[speaker] = box
        return Regions(None, boxes)
    return Regions(Region.parse(options.region) if options.region else None, {})


def read_regions(path: Path) -> Regions:
    """Read a TOML file with `everyone = "X,Y,W,H"` and, under [speakers], a line `NAME = "X,Y,W,H"` each."""
    try:
        told = tomllib.loads(require_file(path).read_text(encoding="utf-8"))
        everyone = Region.parse(told["everyone"]) if "everyone" in told else None
        return Regions(everyone, {str(name): Region.parse(text) for name, text in told.get("speakers", {}).items()})
    except BadInputError as error:
        raise error if str(path) in str(error) else BadInputError(f"{path}: {error}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInputError(f"{path}: it is no TOML file of regions ({error}); see docs/clips.md") from error


def write_regions(out: Path, regions: Regions) -> None:
    """Write suggestions as a TOML file to correct and give back, and draw them on a picture."""
    lines = [f'"{name}" = "{region}"' for name, region in sorted(regions.speakers.items())]
    write_bytes(out / SUGGESTED, ("\n".join(["[speakers]", *lines]) + "\n").encode())
    with replacing(out / PICTURE) as temporary:
        draw_regions(regions).save(temporary)


def draw_regions(regions: Regions) -> Image.Image:
    """Put all speakers' frames and movements, with their regions, on one sheet, names below."""
    names = sorted(regions.pictures)
    height = max(picture.shape[0] for picture in regions.pictures.values()) + _CAPTION
    width = max(picture.shape[1] for picture in regions.pictures.values())
    across = min(_ACROSS, len(names))
    down = -(-len(names) // across)
    sheet = Image.new("RGB", (across * (width + _GAP) - _GAP, down * (height + _GAP) - _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(names):
        x, y = number % across * (width + _GAP), number // across * (height + _GAP)
        sheet.paste(Image.fromarray(regions.pictures[name]), (x, y))
        pen.text((x + 2, y + height - _CAPTION + 2), f"{name}  {regions.speakers[name]}", fill="black")
    return sheet


def _suggested(recordings: Sequence[Recording]) -> Regions:
    """Suggest a box for every speaker, all of one size."""
    maps: dict[str, list[Motion]] = {}
    reasons: dict[str, str] = {}
    for recording in recordings:
        found = maps.setdefault(recording.speaker, [])
        if len(found) < _RECORDINGS:
            try:
                found.append(_motion(recording))
            except SeidoError as error:
                reasons.setdefault(recording.speaker, str(error))
    boxes: dict[str, Region] = {}
    for speaker, found in maps.items():
        try:
            boxes[speaker] = region_of([one for one in found if one.mean.shape == found[0].mean.shape])
        except SeidoError as error:
            reasons.setdefault(speaker, str(error))
    if not boxes:
        raise BadInputError(f"no region can be suggested: {next(iter(reasons.values()))}")
    width, height = max(box.width for box in boxes.values()), max(box.height for box in boxes.values())
    grown = {name: _grown(box, width, height, maps[name][0].mean.shape) for name, box in boxes.items()}
    pictures = {name: region_picture(maps[name][0].mean, maps[name][0].amplitude, box) for name, box in grown.items()}
    return Regions(None, grown, pictures, {name: why for name, why in reasons.items() if name not in boxes})


def _motion(recording: Recording) -> Motion:
    info = probe_movie(recording.movie, recording.rate)
    stop = min(int(_SECONDS * info.rate) + 1, info.frames)
    frames = movie_frames(recording.movie, 0, stop, colour=False, rate=recording.rate)
    return motion_of(frames, rate=info.rate)


def _grown(box: Region, width: int, height: int, frame: tuple[int, ...]) -> Region:
    """Grow a box about its middle so that all speakers' clips have one size; it stays inside the frame."""
    width, height = min(width, frame[1]), min(height, frame[0])
    x, y = box.x - (width - box.width) // 2, box.y - (height - box.height) // 2
    return Region(max(0, min(x, frame[1] - width)), max(0, min(y, frame[0] - height)), width, height)
