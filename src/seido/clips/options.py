"""How recordings are made into clips."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from seido.clips.picture import parse_size
from seido.clips.splits import SplitBy, Splitter, parse_shares
from seido.errors import BadInputError
from seido.timebase import FRAME_RATE, exact_rate
from seido.values import Region


@dataclass(frozen=True)
class PrepareOptions:
    """How recordings are made into clips."""

    format: str = "auto"
    """Which corpus this is; recognised unless given."""
    region: str | None = None
    """Rectangle X,Y,W,H in pixels to cut from every frame; "auto" for the box where each speaker's tract moves; or a
    TOML file with a rectangle for each speaker. The whole frame unless given."""
    size: str | None = None
    """Pixels to resize the region to, like 96 or 1920x1080; its native size unless given."""
    fps: str = str(FRAME_RATE)
    """Frames per second of the clips, exact: 25, 23.18 or 1159/50."""
    seconds: float = 5.0
    """Length that clips should be near; they are cut at pauses."""
    denoise: Literal["none", "auto", "template", "spectral", "frcrn-small", "frcrn", "template+frcrn-small"] = "none"
    """How scanner noise is taken out of the speech; see `seido denoise`."""
    sync: Literal["report", "correct", "off"] = "report"
    """Whether the lag between speech and picture is estimated, and taken out where it is certain."""
    split: str = "80/10/10"
    """Shares of train, validation and test."""
    split_by: SplitBy = "recording"
    """What goes to one part as a whole: recordings; sentences, whoever says them; or speakers. time: each recording's
    beginning trains and its end tests, for when there are only a few."""
    held_out: tuple[str, ...] = ()
    """Speakers who are tested only."""
    held_out_language: tuple[str, ...] = ()
    """Languages that are tested only, whoever speaks them, as the corpus names them: en."""
    seed: int = 0
    """Decides what goes where."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise BadInputError(f"clips of {self.seconds} seconds are not possible: give --seconds up to 3600")
        exact_rate(self.fps)
        parse_shares(self.split)
        if self.region is not None and self.region != "auto" and not self.region_file:
            Region.parse(self.region)
        if self.size is not None:
            parse_size(self.size)

    @property
    def region_file(self) -> Path | None:
        """The TOML file of regions, if that is what was given."""
        return Path(self.region) if self.region and self.region.lower().endswith(".toml") else None

    @property
    def rate(self) -> Fraction:
        """Frames per second of the clips."""
        return exact_rate(self.fps)

    @property
    def splitter(self) -> Splitter:
        """How the corpus is divided."""
        shares, languages = parse_shares(self.split), tuple(self.held_out_language)
        return Splitter(shares, self.split_by, self.seed, tuple(self.held_out), languages)
