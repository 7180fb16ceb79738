"""What was said when: words and phones of a recording, from whatever kind of file its corpus keeps them in."""

from __future__ import annotations

import csv
import statistics
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

from seido.corpus.frames import first_number
from seido.corpus.rtmridb import DATABASES, Token, spoken_in
from seido.corpus.textgrid import Interval, PointTier, TextGrid, Tier, read_textgrid
from seido.errors import BadInputError
from seido.files import require_file
from seido.values import Recording

_PHONES = {"phones", "phone", "phonemes", "phoneme", "segments", "segment", "phn", "mau", "phonetic", "sounds"}
_WORDS = {"words", "word", "ort", "ort-mau", "mots", "mot", "orthography", "tokens"}
_SILENCE = {
    *("", "sil", "sp", "spn", "pau", "pause", "silence", "<sil>", "<p>", "<p:>", "<p:>", "<s>", "</s>", "#", "##", "_"),
    *("<eps>", "h#"),
}
_ADJOINING = 1e-3
"""Seconds between two phones of one word."""
_FEW = 5
"""Fewer tokens than this do not tell frame numbers from whole seconds."""
_LONGEST = 12 * 3600
Piece = tuple[float, float, str]
"""Start and end in seconds, and text."""


def labels_of(recording: Recording) -> TextGrid | None:
    """Read what was said in a recording; None when it has no labels.

    Tiers are named "words" and "phones" where they are known, "sentences" for what a transcriber wrote between two
    marks; other tiers of a TextGrid keep their names. Silence has the text "". Times are seconds from frame 0.
    Raises BadInputError for a file that cannot be read.
    """
    path = recording.labels
    if path is None:
        return None
    suffix = path.suffix.lower()
    if suffix in DATABASES:
        said = spoken_in(path).get(recording.movie.stem)
        return None if said is None or not said.tokens else _of_tokens(path, said.tokens, recording.rate or said.rate)
    readers: dict[str, Callable[[Path], TextGrid]] = {
        ".textgrid": lambda path: named_tiers(read_textgrid(path)),
        ".trans": read_trans,
        ".trs": read_trs,
    }
    if suffix not in readers:
        raise BadInputError(f"{path}: labels of this kind are not known; give a TextGrid, .trans or .trs")
    return readers[suffix](path)


def read_trans(path: Path) -> TextGrid:
    """Read USC-TIMIT's alignment: lines of start, end, phone, word, sentence, number; raises BadInputError."""
    tokens = []
    for number, row in enumerate(csv.reader(_text(path).splitlines()), 1):
        if not any(field.strip() for field in row):
            continue
        fields = [field.strip() for field in row]
        try:
            start, end = float(fields[0]), float(fields[1])
            phone = fields[2]
        except (ValueError, IndexError):
            if number == 1:
                continue  # a line that names the columns
            raise BadInputError(f"{path}, line {number}: it should be start,end,phone,word; mend the line") from None
        if not 0 <= start <= end < _LONGEST:
            raise BadInputError(f"{path}, line {number}: a phone cannot last from {start} s to {end} s; mend the line")
        if start < end:
            tokens.append(Token(start, end, phone, fields[3] if len(fields) > 3 else ""))
    return _grid(path, tokens)


def read_trs(path: Path) -> TextGrid:
    """Read Transcriber's XML: what stands between two marks in time; raises BadInputError."""
    try:
        root = ET.fromstring(require_file(path).read_bytes())  # noqa: S314 - expat itself limits expansion
        pieces: list[Piece] = []
        for turn in root.iter("Turn"):
            marks: list[tuple[float, list[str]]] = [(float(turn.attrib["startTime"]), [(turn.text or "").strip()])]
            for mark in turn:
                if mark.tag == "Sync":
                    marks.append((float(mark.attrib["time"]), []))
                marks[-1][1].append((mark.tail or "").strip())
            ends = [time for time, _ in marks[1:]] + [float(turn.attrib["endTime"])]
            pieces += [(marks[i][0], ends[i], " ".join(filter(None, marks[i][1]))) for i in range(len(marks))]
    except (ET.ParseError, KeyError, ValueError, LookupError) as error:
        raise BadInputError(f"{path}: this is no Transcriber file, or a damaged one; save it again") from error
    return _assembled(path, {"sentences": pieces})


def named_tiers(grid: TextGrid) -> TextGrid:
    """Call the tiers of a TextGrid "words" and "phones" where their names or contents tell what they are."""
    tiers = [tier for tier in grid.tiers if isinstance(tier, Tier)]
    words = next((tier for tier in tiers if _is_named(tier, _WORDS)), None)
    phones = next((tier for tier in tiers if tier is not words and _is_named(tier, _PHONES)), None)
    rest = [tier for tier in tiers if tier not in (phones, words) and tier.intervals]
    if phones is None and rest:
        # Phones are the most and the shortest: a tier of them alone is told by its letters.
        most = max(rest, key=lambda tier: len(tier.intervals))
        letters = [len(one.text) for one in most.intervals if not is_silence(one.text)]
        if words is not None or len(rest) > 1 or (letters and statistics.median(letters) <= 2):
            phones = most
            rest.remove(most)
    if words is None and rest and phones is not None:
        words = max(rest, key=lambda tier: len(tier.intervals))
    renamed: dict[int, str] = {id(words): "words", id(phones): "phones"}
    out: list[Tier | PointTier] = []
    for tier in grid.tiers:
        if isinstance(tier, Tier) and id(tier) in renamed:
            plain = (Interval(one.start, one.end, plain_text(one.text)) for one in tier.intervals)
            out.append(Tier(renamed[id(tier)], tuple(plain)))
        else:
            out.append(tier)
    return TextGrid(grid.seconds, tuple(out))


def is_silence(text: str) -> bool:
    """Tell whether a label stands for silence."""
    return text.strip().lower() in _SILENCE


def plain_text(text: str) -> str:
    """Return a label without what surrounds it; "" for every sign of silence."""
    return "" if is_silence(text) else text.strip().replace("\r", " ")


def _is_named(tier: Tier, names: set[str]) -> bool:
    # Aligners put the speaker before the kind: "speaker - words".
    last = tier.name.lower().replace("-", " ").split()
    return tier.name.lower().strip() in names or (bool(last) and last[-1] in names)


def _of_tokens(path: Path, tokens: tuple[Token, ...], rate: Fraction | None) -> TextGrid:
    whole = all(token.start.is_integer() and token.end.is_integer() for token in tokens)
    if whole and rate is not None and len(tokens) >= _FEW:
        # Nobody ends five phones on full seconds: these are frames, counted from 0 or 1.
        first = first_number([int(token.start) for token in tokens])
        tokens = tuple(
            Token(float((int(one.start) - first) / rate), float((int(one.end) - first) / rate), one.phone, one.word)
            for one in tokens
        )
    return _grid(path, tokens)


def _grid(path: Path, tokens: Iterable[Token]) -> TextGrid:
    """Make tiers of phones that each carry their word."""
    tokens = sorted(tokens, key=lambda token: (token.start, token.end))
    words: list[Piece] = []
    for token in tokens:
        text = plain_text(token.word)
        if words and words[-1][2] == text and token.start - words[-1][1] <= _ADJOINING:
            words[-1] = words[-1][0], max(token.end, words[-1][1]), text
        else:
            words.append((token.start, token.end, text))
    phones = [(token.start, token.end, token.phone) for token in tokens if token.phone]
    tiers = {"words": words if any(text for _, _, text in words) else [], "phones": phones}
    return _assembled(path, tiers)


def _assembled(path: Path, tiers: dict[str, list[Piece]]) -> TextGrid:
    kept = {name: _in_order(pieces) for name, pieces in tiers.items()}
    seconds = max((one.end for pieces in kept.values() for one in pieces), default=0.0)
    if not seconds:
        raise BadInputError(f"{path}: there is nothing in it that was said; give labels with times")
    return TextGrid(seconds, tuple(Tier(name, pieces) for name, pieces in kept.items() if pieces))


def _in_order(pieces: list[Piece]) -> tuple[Interval, ...]:
    """Cut short what runs into the next; of two that begin together the shorter is kept."""
    out: list[Interval] = []
    pieces = sorted(piece for piece in pieces if piece[0] < piece[1])
    for number, (start, end, text) in enumerate(pieces):
        following = pieces[number + 1][0] if number + 1 < len(pieces) else end
        stop = min(end, following)
        if start < stop:
            out.append(Interval(start, stop, plain_text(text)))
        elif start == following and out and out[-1].end > start:
            out.pop()
    return tuple(out)


def _text(path: Path) -> str:
    data = require_file(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
