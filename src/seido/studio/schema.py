"""The bodies of requests and answers, as the OpenAPI description shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Identity = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{24}$", description="An item's id.")]
RegionText = Annotated[str, Field(pattern=r"^\d{1,5},\d{1,5},\d{1,5},\d{1,5}$", description="X,Y,W,H in pixels.")]
Seconds = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
_MOST_TIERS = 100
_MOST_LABELS = 50_000
_LONGEST_TEXT = 1000


class Body(BaseModel):
    """A request's body: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class FrameChoice(Body):
    """A first frame: a bundled head, or one frame of a picture or movie that was sent or made."""

    head: str | None = Field(default=None, max_length=64)
    item: Identity | None = None
    number: int = Field(default=0, ge=0, le=10_000_000)


class MovieRequest(Body):
    """What a movie is to be made from."""

    speech: Identity
    frame: FrameChoice
    model: str = Field(max_length=1000)
    region: RegionText | None = None
    flip: bool = False
    denoise: bool = False
    doubt: bool = False


class LiveRequest(Body):
    """What live speech is to move."""

    frame: FrameChoice
    model: str = Field(max_length=1000)
    region: RegionText | None = None
    flip: bool = False


class SuggestionRequest(Body):
    """For which frame and model a region is wanted."""

    frame: FrameChoice
    model: str = Field(max_length=1000)


class Suggestion(BaseModel):
    """Which region would move; null where one has to be drawn."""

    region: str | None
    head: bool
    looks_right: bool


class ComparisonRequest(Body):
    """Two movies: `other` is scored against `first`."""

    first: Identity
    other: Identity


class TierBody(Body):
    """A tier of labels [start, end, text] in seconds; in a tier of points the end does not count."""

    name: str = Field(max_length=_LONGEST_TEXT)
    points: bool = False
    labels: list[tuple[Seconds, Seconds, Annotated[str, Field(max_length=_LONGEST_TEXT)]]] = Field(
        max_length=_MOST_LABELS
    )


class TextGridRequest(Body):
    """Tiers to be written as a TextGrid."""

    seconds: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    tiers: list[TierBody] = Field(max_length=_MOST_TIERS)


class PicturesOut(BaseModel):
    """The size of an item's frames; the rate is exact, like 25 or 1159/50."""

    frames: int
    height: int
    width: int
    channels: int
    rate: str
    seconds: float


class ProgressOut(BaseModel):
    """How far a job is."""

    stage: str
    done: int
    total: int


class ProblemOut(BaseModel):
    """What went wrong: a code for programs, a sentence for people, and facts such as limits."""

    code: str
    message: str
    facts: dict[str, Any] = {}


class ItemOut(BaseModel):
    """A sound, picture, movie, TextGrid or comparison; times in seconds since 1970."""

    id: str
    kind: Literal["sound", "picture", "movie", "labels", "comparison"]
    name: str
    state: Literal["waiting", "working", "done", "failed", "cancelled"]
    created: float
    expires: float
    progress: ProgressOut
    place: int | None
    pictures: PicturesOut | None
    seconds: float | None
    facts: dict[str, Any]
    problem: ProblemOut | None


class SeriesOut(BaseModel):
    """Mean brightness 0 … 1 of each articulator's region X,Y,W,H in every frame."""

    names: list[str]
    regions: list[str]
    values: list[list[float]]


class ModelOut(BaseModel):
    """A generator that can be chosen."""

    name: str
    rate: str
    network: str
    pixels: int
    notes: str


class AboutOut(BaseModel):
    """What the studio is, offers and accepts."""

    version: str
    models: list[ModelOut]
    heads: list[str]
    samples: list[str]
    limits: dict[str, int]
