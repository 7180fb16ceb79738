"""The plan: everything about the data and the network that generating needs, kept inside the checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Literal

from seido.errors import BadInputError
from seido.timebase import FRAME_RATE, HOP, SAMPLE_RATE, WINDOW
from seido.values import Region

PLAN_VERSION = 1
Recipe = Literal["talk", "tract"]
"""talk: output replaces the masked lower half as Wav2Lip's training has it.
tract: only the first frame is seen and the whole frame predicted; nothing leaks from the target."""


@dataclass(frozen=True)
class Encoder:
    """Which frozen speech encoder's features stand where the log-mel stands; its weights are a file of the user's."""

    kind: str
    """hubert, wav2vec2, wavlm or whisper."""
    sha256: str
    """Of the file of its weights."""
    layer: int
    """The transformer layer whose output is taken, from 1."""
    width: int
    """Numbers in a column."""

    def __str__(self) -> str:
        return f"{self.kind}, layer {self.layer}, weights with SHA-256 {self.sha256}"


@dataclass(frozen=True)
class FrontEnd:
    """How speech becomes a log-mel spectrogram; the defaults are Wav2Lip's (Prajwal et al. 2020).

    With an encoder, `bands` is the width of its features, there are as many columns, and what is said of the
    spectrogram itself does not count.
    """

    sample_rate: int = SAMPLE_RATE
    fft: int = 800
    hop: int = HOP
    bands: int = 80
    lowest: float = 55.0
    highest: float = 7600.0
    preemphasis: float = 0.97
    window: int = WINDOW
    lead: Fraction = Fraction(0)
    """Seconds by which a frame's mel window begins before the frame."""
    encoder: Encoder | None = None


@dataclass(frozen=True)
class Network:
    """Which generator the weights belong to, and its dimensions."""

    name: str = "wav2lip"
    width: Fraction = Fraction(1)
    """Channels relative to the published network."""
    residual: bool = False
    """Whether the network adds to the reference frame instead of painting a new one."""
    size: int = 96
    """Pixels along each side of the picture it works on."""


@dataclass(frozen=True)
class Plan:
    """What a checkpoint knows about itself; see docs/models.md."""

    network: Network = field(default_factory=Network)
    front_end: FrontEnd = field(default_factory=FrontEnd)
    rate: Fraction = FRAME_RATE
    """Frames per second it was trained at."""
    region: Region | None = None
    """The rectangle of the source frames that it was trained on; None when not known."""
    frame_size: tuple[int, int] | None = None
    """Height and width of those source frames; the region is meant for frames of this size."""
    recipe: Recipe = "talk"
    antialias: bool = False
    """Whether pictures are low-passed when they are shrunk to the network's size."""
    corpus: str = ""
    """SHA-256 of the clips' manifest."""
    notes: dict[str, str] = field(default_factory=dict)
    """What a person should know: training data, steps, scores, licence."""

    def lead_at(self, rate: Fraction) -> Fraction:
        """Tell how many seconds before a frame its mel window begins when frames come at `rate`.

        The published inference begins windows with the frame at any rate; ours keep them centred on it.
        """
        if self.recipe == "talk":
            return self.front_end.lead
        return self.front_end.lead + (1 / self.rate - 1 / rate) / 2

    def to_json(self) -> str:
        """Write the plan as JSON; fractions stand as "1159/50"."""
        raw = asdict(self)
        if self.front_end.encoder is None:
            del raw["front_end"]["encoder"]  # so that plans without one stay what they were, byte for byte
        return json.dumps({"version": PLAN_VERSION, **raw}, default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, source: str = "the plan") -> Plan:
        """Read what to_json wrote; raises BadInputError naming `source`."""
        try:
            raw: dict[str, Any] = json.loads(text)
            if raw.pop("version") > PLAN_VERSION:
                raise BadInputError(f"{source}: it was written by a newer seido; upgrade seido to read it")
            network, front_end, region = raw.pop("network"), raw.pop("front_end"), raw.pop("region")
            size, encoder = raw.pop("frame_size"), front_end.pop("encoder", None)
            return cls(
                network=Network(**{**network, "width": Fraction(network["width"])}),
                front_end=FrontEnd(
                    **{**front_end, "lead": Fraction(front_end["lead"])},
                    encoder=Encoder(**encoder) if encoder else None,
                ),
                rate=Fraction(raw.pop("rate")),
                region=Region(**region) if region else None,
                frame_size=(int(size[0]), int(size[1])) if size else None,
                **raw,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError(f"{source}: its plan cannot be read ({error}); make the file again") from error
