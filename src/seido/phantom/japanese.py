"""Kana become morae, morae become phones, and accent marks become the pitch of Tokyo.

Sources: Vance, The Sounds of Japanese (2008); Labrune, The Phonology of Japanese (2012).
"""

from __future__ import annotations

from functools import cache

from seido.errors import BadInputError
from seido.phantom.prosody import Phrase, Segment, Spoken, assemble, phrases, unknown_character
from seido.phantom.utterance import Utterance

MORA = 0.13
"""Seconds of every mora at rate 1."""
VOWELS = "aiɯeo"
ROWS = {
    "かきくけこ": "k",
    "がぎぐげご": "g",
    "さ_すせそ": "s",
    "ざ_ずぜぞ": "z",
    "た__てと": "t",
    "だ__でど": "d",
    "なにぬねの": "n",
    "は__へほ": "h",
    "ばびぶべぼ": "b",
    "ぱぴぷぺぽ": "p",
    "まみむめも": "m",
    "らりるれろ": "ɾ",
    "や_ゆ_よ": "j",
    "わ____": "w",
}
IRREGULAR = {
    "し": "ɕi",
    "じ": "dʑi",
    "ち": "tɕi",
    "ぢ": "dʑi",
    "つ": "tsɯ",
    "づ": "zɯ",
    "ひ": "çi",
    "ふ": "ɸɯ",
    "ゔ": "bɯ",
}
SILENT_ONSET = {**dict(zip("あいうえお", VOWELS, strict=True)), "を": "o", "ゐ": "i", "ゑ": "e"}
SMALL = dict(zip("ぁぃぅぇぉゃゅょゎゕゖ", "あいうえおやゆよわかけ", strict=True))
SMALL_Y = {"ゃ": "a", "ゅ": "ɯ", "ょ": "o", "ぇ": "e"}
SMALL_VOWEL = dict(zip("ぁぃぅぇぉ", VOWELS, strict=True))
LOANS = {
    "てぃ": "t",
    "でぃ": "d",
    "とぅ": "t",
    "どぅ": "d",
    "すぃ": "s",
    "ずぃ": "z",
    "いぇ": "j",
    **{"ふ" + small: "ɸ" for small in "ぁぃぇぉ"},
    **{"う" + small: "w" for small in "ぃぇぉ"},
    **{"つ" + small: "ts" for small in "ぁぃぇぉ"},
    **{"ゔ" + small: "b" for small in "ぁぃぇぉ"},
}
ROUNDED = {kana + small: onset for kana, onset in (("く", "k"), ("ぐ", "g")) for small in "ぁぃぇぉ"}
LOANS_Y = {"てゅ": "t", "でゅ": "d", "ふゅ": "ɸ", "ゔゅ": "b"}
PALATALS = frozenset({"ɕ", "tɕ", "dʑ", "ç"})
ONSET_SECONDS = {
    **dict.fromkeys(("k", "t", "p"), 0.06),
    **dict.fromkeys(("s", "ɕ", "ç", "ts", "tɕ"), 0.07),
    **dict.fromkeys(("b", "d", "g", "z", "dʑ", "h", "ɸ", "m", "n"), 0.05),
    **dict.fromkeys(("j", "w"), 0.045),
    "ɾ": 0.03,
}
SYMBOLS = frozenset({*VOWELS, *ONSET_SECONDS, "ŋ", "ɴ", "ʔ"})
"""Every phone of the language."""
PARTICLES = frozenset(
    {"は", "が", "を", "に", "へ", "と", "で", "も", "の", "や", "か", "よ", "ね", "から", "まで", "より"}
)
"""Words that carry on the pitch of the word before; は and へ are then wa and e."""
LOW, HIGH, FLAT = -2.5, 2.5, 1.5
DOWNSTEP, DECLINATION = -1.0, -2.0

Onset = tuple[tuple[str, bool], ...]


@cache
def morae() -> dict[str, tuple[Onset, str]]:
    """Return every kana or pair of kana that is one mora, with its consonants (symbol, palatalised) and vowel."""
    table: dict[str, tuple[Onset, str]] = {kana: ((), vowel) for kana, vowel in SILENT_ONSET.items()}
    for row, onset in ROWS.items():
        table |= {kana: (((onset, False),), vowel) for kana, vowel in zip(row, VOWELS, strict=True) if kana != "_"}
    table |= {kana: (((sounds[:-1], False),), sounds[-1]) for kana, sounds in IRREGULAR.items()}
    for kana in "きぎにびぴみりしじちぢひ":
        onset = table[kana][0][0][0]
        table |= {kana + small: (((onset, onset not in PALATALS),), vowel) for small, vowel in SMALL_Y.items()}
    table |= {pair: (((onset, False),), SMALL_VOWEL[pair[1]]) for pair, onset in LOANS.items()}
    table |= {pair: (((onset, False), ("w", False)), SMALL_VOWEL[pair[1]]) for pair, onset in ROUNDED.items()}
    table |= {pair: (((onset, True),), SMALL_Y[pair[1]]) for pair, onset in LOANS_Y.items()}
    return table | {small: table[large] for small, large in SMALL.items()}


class _Writer:
    """The morae of one word as they are read; seconds still to be given to the next consonant wait in `held`."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.count = 0
        self.accent = 0
        self.held = 0.0
        self.joins = True

    def lengthen(self) -> None:
        last = self.segments[-1]
        self.segments[-1] = Segment(last.symbol, last.seconds + MORA, last.palatalised)

    def mora(self, onset: Onset, vowel: str) -> None:
        last = self.segments[-1].symbol if self.segments else ""
        same = vowel == last or (last, vowel) in {("o", "ɯ"), ("e", "i")}
        if not onset and same and self.joins and not self.held:
            self.lengthen()
            return
        if self.held and (not onset or onset[0][0] in "jw"):
            self.close()
        left = MORA
        for symbol, palatalised in onset:
            seconds = min(ONSET_SECONDS[symbol], left / 2)
            left -= seconds
            self.segments.append(Segment(symbol, seconds + self.held, palatalised))
            self.held = 0.0
        self.segments.append(Segment(vowel, left))

    def close(self) -> None:
        """Spend a ッ that no consonant follows as a stop of the glottis."""
        if self.held:
            self.segments.append(Segment("ʔ", self.held))
            self.held = 0.0


def _hiragana(char: str) -> str:
    return chr(ord(char) - 0x60) if "ァ" <= char <= "ヶ" else char


def _read(word: str, position: int) -> _Writer:
    writer = _Writer()
    kana = "".join(_hiragana(char) for char in word)
    index = 0
    while index < len(kana):
        char, table = kana[index], morae()
        if char in "'ー" and not writer.count:
            raise BadInputError(f"{char!r} at position {position + index} of the text has no mora before it: move it")
        if char == "'" and index + 1 < len(kana) and kana[index - 1] + kana[index + 1] in table:
            small = f"{word[index + 1]!r} at position {position + index + 1} of the text"
            raise BadInputError(f"{small} belongs to the mora before the accent mark: put the mark after it")
        if char == "'":
            writer.accent = writer.accent or writer.count
        elif char == "-":
            writer.joins = False
        elif char == "っ" or (char == "ー" and writer.held):
            writer.held += MORA
        elif char == "ー":
            writer.lengthen()
        elif char == "ん":
            writer.segments.append(Segment("N", MORA + writer.held))
            writer.held = 0.0
        elif kana[index : index + 2] in table:
            writer.mora(*table[kana[index : index + 2]])
            index += len(kana[index : index + 2]) - 1
        elif char in table:
            writer.mora(*table[char])
        else:
            raise unknown_character("kana", word[index], position + index, "write it in hiragana or katakana")
        if char not in "'-":
            writer.count += 1
            writer.joins = True
        index += 1
    writer.close()
    if not writer.segments:
        raise unknown_character("a word", word[0], position, "write kana beside it")
    return writer


def _nasal(following: Segment | None) -> str:
    """Return the moraic nasal in the place of what follows."""
    symbol = following.symbol if following else ""
    if symbol in {"m", "p", "b"}:
        return "m"
    if symbol in {"t", "d", "n", "ts", "tɕ", "dʑ", "z", "ɾ"}:
        return "n"
    return "ŋ" if symbol in {"k", "g"} else "ɴ"


def _levels(units: list[tuple[int, int]]) -> list[float]:
    """Return semitones for every mora of accent units (morae, accented mora or 0)."""
    levels: list[float] = []
    step = 0.0
    for count, accent in units:
        for mora in range(1, count + 1):
            high = mora <= accent if accent else True
            low_start = mora == 1 and accent != 1 and count > 1
            levels.append(step + (LOW if low_start or not high else HIGH if accent else FLAT))
        step = max(step + DOWNSTEP, -3.0) if accent else step
    return levels


def _spoken(phrase: Phrase) -> Spoken:
    written: list[tuple[str, list[Segment]]] = []
    units: list[tuple[int, int]] = []
    for word, position in phrase.words:
        particle = word in PARTICLES and bool(units)
        writer = _read({"は": "わ", "へ": "え"}.get(word, word) if particle else word, position)
        written.append((word.replace("'", ""), writer.segments))
        if particle:
            count, accent = units[-1]
            units[-1] = (count + writer.count, accent)
        else:
            units.append((writer.count, writer.accent))
    flat = [segment for _, segments in written for segment in segments]
    following = iter([*flat[1:], None])
    words = tuple(
        (
            word,
            tuple(
                Segment(_nasal(after), segment.seconds) if segment.symbol == "N" else segment
                for segment in segments
                for after in (next(following),)
            ),
        )
        for word, segments in written
    )
    levels = _levels(units)
    slope = DECLINATION / len(levels)
    knots = [((mora + 0.5) * MORA, level + 1 + mora * slope) for mora, level in enumerate(levels)]
    time, level = knots[-1]
    knots.append((time + MORA / 2, level + (5.0 if phrase.asks else -1.5)))
    return Spoken(words, tuple(knots), phrase.pause)


def japanese(text: str, rate: float = 1.0) -> Utterance:
    """Read kana; `'` stands after the accented mora, and `-` keeps two vowels apart (おも-う).

    Spaces part words, punctuation parts phrases. おう and えい are long within a word. Every mora lasts MORA / rate
    seconds; ッ lengthens the next consonant. は and へ as words of their own are particles. Raises BadInputError for
    characters other than kana and for text without words.
    """
    return assemble("ja", text, [_spoken(phrase) for phrase in phrases(text)], rate)
