"""What is known of a prepared recording; kept as `recordings/NAME.json`, written when its arrays are whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from seido.clips.pauses import spans
from seido.clips.splits import Splitter
from seido.clips.store import RECORDINGS, Entry
from seido.errors import BadInputError
from seido.files import sha256, write_bytes
from seido.timebase import SAMPLE_RATE, mel_columns, samples_of_frames
from seido.values import Recording


@dataclass(frozen=True)
class Facts:
    """Where a recording came from, what was measured, and where it was cut."""

    recording: str
    speaker: str
    language: str
    session: str
    text: str
    """The words that are spoken, where labels tell."""
    movie: str
    speech: str
    """Source files, relative to the corpus."""
    size: int
    """Bytes of the movie."""
    sha256: str
    """Hash of the movie."""
    source_rate: Fraction
    source_frames: int
    speech_seconds: float
    region: str | None
    lag_seconds: float | None
    """How much later than the speech the picture is; None when not estimated."""
    lag_uncertainty: float | None
    lag_doubtful: str
    """Why the lag should not be believed; "" when it may be."""
    corrected_seconds: float
    """How much of the lag was taken out."""
    snr_db: float
    """Estimated from the pauses."""
    edges: tuple[int, ...]
    """Frames at which clips begin, and the end of the last one."""
    hashes: tuple[str, ...]
    """Of each clip's pictures and speech."""

    def write(self, out: Path) -> None:
        """Write into a folder of clips."""
        text = json.dumps(asdict(self), default=str, indent=1, ensure_ascii=False) + "\n"
        write_bytes(facts_path(out, self.recording), text.encode())


def facts_path(out: Path, recording: str) -> Path:
    """Name the file of a recording's facts."""
    return out / RECORDINGS / f"{recording}.json"


def arrays_path(out: Path, recording: str) -> Path:
    """Name the file of a recording's arrays."""
    return out / RECORDINGS / f"{recording}.safetensors"


def read_facts(out: Path, recording: str) -> Facts | None:
    """Read a recording's facts; None when it has not been prepared whole. Raises BadInputError when damaged."""
    path = facts_path(out, recording)
    if not path.exists() or not arrays_path(out, recording).exists():
        return None
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rate, edges, hashes = Fraction(raw.pop("source_rate")), raw.pop("edges"), raw.pop("hashes")
        return Facts(source_rate=rate, edges=tuple(edges), hashes=tuple(hashes), **raw)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path}: damaged ({error}); delete it and run `seido prepare` again") from error


def entries_of(facts: Facts, rate: Fraction, splitter: Splitter) -> list[Entry]:
    """List a recording's clips: where each stands in its arrays, and which part it belongs to."""
    key = splitter.key(facts.recording, facts.speaker, facts.text)
    total = facts.edges[-1]
    entries: list[Entry] = []
    for place in places(facts.edges, rate):
        middle = Fraction(2 * place.first_frame + place.frames, 2 * total)
        entries.append(
            Entry(
                name=f"{facts.recording}-{len(entries):04d}",
                speaker=facts.speaker,
                recording=facts.recording,
                language=facts.language,
                split=splitter.part(key, facts.speaker, middle, facts.language),
                start=place.first_frame / rate,
                source_rate=facts.source_rate,
                **asdict(place),
            )
        )
    return entries


@dataclass(frozen=True)
class Place:
    """Where a clip stands in its recording's arrays."""

    first_frame: int
    frames: int
    first_column: int
    columns: int
    first_sample: int
    samples: int


def places(edges: tuple[int, ...], rate: Fraction) -> list[Place]:
    """Turn cuts between frames into places; every clip has a log-mel of its own."""
    column, found = 0, []
    for first, count in spans(edges):
        sample = samples_of_frames(first, SAMPLE_RATE, rate)
        samples = samples_of_frames(first + count, SAMPLE_RATE, rate) - sample
        found.append(Place(first, count, column, mel_columns(samples), sample, samples))
        column += found[-1].columns
    return found


def named_in(recording: Recording, root: Path) -> tuple[str, str]:
    """Name a recording's movie and speech as they stand in the corpus; scans by the recording's name alone.

    Folders of scans are often named after who was scanned.
    """
    base = root if root.is_dir() else root.parent
    if recording.movie.is_dir():
        return recording.name, recording.speech.name
    movie, speech = (
        path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
        for path in (recording.movie, recording.speech)
    )
    return movie, speech


def source_size(path: Path) -> int:
    """Count the bytes of a file, or of the files in a folder."""
    return sum(part.stat().st_size for part in _parts(path))


def source_hash(path: Path) -> str:
    """Hash a file, or the files in a folder in the order of their names; hexadecimal SHA-256."""
    if not path.is_dir():
        return sha256(path)
    digest = hashlib.sha256()
    for part in _parts(path):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    return sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
