"""What each phone asks of the tract and the glottis, for every speaker alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from seido.errors import BadInputError

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Open:
    """A vowel or glide: a mixture of the speaker's vowel shapes, other lips if wanted, and changes in cm."""

    mixture: tuple[tuple[str, float], ...]
    lips: str = ""
    changes: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    context: str = "a"
    """Which of the three vowels a, i, u its neighbours' places of articulation take the shape for."""
    own_lips: bool = False
    """Its rounding differs from that vowel's, so its neighbours borrow its lips."""


@dataclass(frozen=True)
class Closing:
    """A consonant: places of articulation with their shares of its time, and what the glottis and velum do."""

    places: tuple[tuple[str, float], ...]
    glottis: str
    nasal: bool = False
    aspiration: float = 0.0
    """Share of its time, after the release, in which breath flows and the next vowel is already formed."""


@dataclass(frozen=True)
class Breath:
    """A sound of the glottis alone; the tract has its neighbour's shape."""

    glottis: str


def _vowel(
    *mixture: str | float,
    lips: str = "",
    context: str = "a",
    own: bool = False,
    changes: Mapping[str, float] = _NOTHING,
) -> Open:
    pairs = tuple((str(name), float(share)) for name, share in zip(mixture[::2], mixture[1::2], strict=True))
    return Open(pairs, lips, changes, context, own)


# Tip up and back over a wide cavity, body low: the third formant of every speaker falls to 1.7 to 2 kHz.
_RHOTIC = {
    "JA": 0.25,
    "LP": 0.45,
    "LD": -0.4,
    "TCX": -1.0,
    "TCY": -0.55,
    "TTX": -1.55,
    "TTY": 1.65,
    "TBX": -0.25,
    "TBY": -0.8,
    "TS3": 0.4,
}
_OPEN: dict[str, Open] = {
    "a": _vowel("a", 1),
    "i": _vowel("i", 1, context="i"),
    "e": _vowel("e", 1, context="i"),
    "o": _vowel("o", 1, context="u"),
    "u": _vowel("u", 1, context="u"),
    "y": _vowel("y", 1, context="i", own=True),
    "ɯ": _vowel("u", 0.78, "i", 0.22, lips="i", context="u", own=True, changes={"LD": -0.3}),
    "ɨ": _vowel("i", 0.6, "u", 0.4, lips="i", context="i"),
    "ʉ": _vowel("y", 0.6, "u", 0.4, context="u"),
    "ɤ": _vowel("o", 0.65, "@", 0.35, lips="@", context="u", own=True),
    "ə": _vowel("@", 1),
    "ɜ": _vowel("@", 0.8, "E", 0.2),
    "ɐ": _vowel("6", 1),
    "ɛ": _vowel("E", 1),
    "ɔ": _vowel("O", 1, context="u"),
    "ɪ": _vowel("I", 1, context="i"),
    "ʊ": _vowel("U", 1, context="u"),
    "ʏ": _vowel("Y", 1, context="i", own=True),
    "ø": _vowel("2", 1, context="i", own=True),
    "œ": _vowel("9", 1, own=True),
    "ʌ": _vowel("a", 0.5, "@", 0.5),
    "æ": _vowel("a", 0.45, "E", 0.55, lips="a"),
    "ɑ": _vowel("a", 0.7, "O", 0.3, lips="a"),
    "ɒ": _vowel("a", 0.4, "O", 0.6),
    "ɚ": _vowel("@", 1, changes=_RHOTIC),
    "ɝ": _vowel("@", 1, changes=_RHOTIC),
    "ɹ̩": _vowel("tt-alveolar-fricative(i)", 0.6, "@", 0.4, lips="i", context="i"),
    "ɻ̩": _vowel("tt-retroflex-fricative(i)", 0.6, "@", 0.4, lips="@"),
    "w": _vowel("u", 1, context="u", changes={"LD": -0.25}),
    "ɰ": _vowel("u", 0.8, "i", 0.2, lips="i", context="u", own=True),
    "j": _vowel("i", 1, context="i", changes={"TCY": 0.08}),
    "ɥ": _vowel("y", 1, context="i", own=True, changes={"LD": -0.15}),
    "ɹ": _vowel("@", 1, changes=_RHOTIC | {"LD": -0.5}),
    "ɻ": _vowel("@", 1, changes=_RHOTIC | {"TTY": 1.75}),
}
_ENGLISH: dict[str, Open] = {
    "e": _vowel("I", 0.4, "E", 0.6, context="i"),
    "o": _vowel("O", 0.6, "o", 0.4, context="u"),
    "ʊ": _vowel("U", 0.85, "@", 0.15, context="u"),
    "ʌ": _vowel("a", 0.4, "O", 0.2, "@", 0.4),
    "æ": _vowel("a", 0.6, "E", 0.4, lips="E"),
    "ɔ": _vowel("O", 0.7, "a", 0.3, context="u"),
}
"""Vowels that English says otherwise, after the formants of Hillenbrand et al. (1995)."""
_ALIASES = {
    "ɡ": "g",
    "ɿ": "ɹ̩",
    "ʅ": "ɻ̩",
    "z̩": "ɹ̩",
    "ʐ̩": "ɻ̩",
    "ʦ": "ts",
    "ʨ": "tɕ",
    "ʧ": "tʃ",
    "ʤ": "dʒ",
    "ʣ": "dz",
    "ʥ": "dʑ",
}
_STOPS = {
    "pb": "ll-labial",
    "td": "tt-alveolar",
    "ʈɖ": "tt-retroflex",
    "cɟ": "tb-palatal",
    "kg": "tb-velar",
    "qɢ": "tb-uvular",
}
_FRICATIVES = {
    "ɸβ": "ll-labial",
    "fv": "ll-dental",
    "θð": "tt-dental",
    "sz": "tt-alveolar",
    "ʃʒ": "tt-postalveolar",
    "ʂʐ": "tt-retroflex",
    "ɕʑ": "tt-palatalised",
    "çʝ": "tb-palatal",
    "xɣ": "tb-velar",
    "χʁ": "tb-uvular",
}
_AFFRICATES = {
    ("ts", "dz"): ("tt-alveolar", "tt-alveolar"),
    ("tʃ", "dʒ"): ("tt-postalveolar", "tt-postalveolar"),
    ("tɕ", "dʑ"): ("tt-palatalised", "tt-palatalised"),
    ("tʂ", "dʐ"): ("tt-retroflex", "tt-retroflex"),
    ("pf", "bv"): ("ll-labial", "ll-dental"),
}
_NASALS = {
    "m": "ll-labial",
    "ɱ": "ll-labial",
    "n": "tt-alveolar",
    "ɳ": "tt-retroflex",
    "ɲ": "tb-palatal",
    "ŋ": "tb-velar",
    "ɴ": "tb-uvular",
}
_CLOSURE_SHARE, _ASPIRATION = 0.6, 0.5


def _consonants() -> dict[str, Closing | Breath]:
    table: dict[str, Closing | Breath] = {"h": Breath("h"), "ɦ": Breath("breathy"), "ʔ": Breath("stop")}
    for symbols, place in _STOPS.items():
        for symbol, voice in zip(symbols, ("voiceless-plosive", "voiced-plosive"), strict=True):
            table[symbol] = Closing(((f"{place}-closure", 1.0),), voice)
        table[symbols[0] + "ʰ"] = Closing(((f"{place}-closure", 1.0),), "voiceless-plosive", aspiration=_ASPIRATION)
    for symbols, place in _FRICATIVES.items():
        for symbol, voice in zip(symbols, ("voiceless-fricative", "voiced-fricative"), strict=True):
            table[symbol] = Closing(((f"{place}-fricative", 1.0),), voice)
    for (voiceless, voiced), (stop, slit) in _AFFRICATES.items():
        places = ((f"{stop}-closure", _CLOSURE_SHARE), (f"{slit}-fricative", 1 - _CLOSURE_SHARE))
        table[voiceless] = Closing(places, "voiceless-fricative")
        table[voiceless + "ʰ"] = Closing(places, "voiceless-fricative", aspiration=0.5 * _ASPIRATION)
        table[voiced] = Closing(places, "voiced-fricative")
    for symbol, place in _NASALS.items():
        table[symbol] = Closing(((f"{place}-closure", 1.0),), "modal", nasal=True)
    table["ɾ"] = Closing((("tt-alveolar-closure", 1.0),), "modal")
    table["l"] = Closing((("tt-alveolar-lateral", 1.0),), "modal")
    table["ɭ"] = Closing((("tt-postalveolar-lateral", 1.0),), "modal")
    return table


KNOWN: Mapping[str, Open | Closing | Breath] = MappingProxyType({**_OPEN, **_consonants()})
"""Every phone that can be spoken, by its IPA symbol; `r` besides, which each language says in its own way."""


def articulation(symbol: str, language: str) -> Open | Closing | Breath:
    """Look up what a phone asks for; raises BadInputError for a symbol that is not known.

    >>> articulation("k", "ja").glottis
    'voiceless-plosive'
    """
    plain = unicodedata.normalize("NFC", symbol)
    if plain == "r":
        plain = "ɾ" if language == "ja" else "ɹ"
    if language == "en" and plain in _ENGLISH:
        return _ENGLISH[plain]
    try:
        return KNOWN[_ALIASES.get(plain, plain)]
    except KeyError:
        raise BadInputError(f"phone {symbol!r} is not known to the phantom: use one of {' '.join(KNOWN)}") from None
