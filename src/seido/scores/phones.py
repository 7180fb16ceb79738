"""Scores by phone: which sounds are shown well, by manner and place of articulation, and of sounds never trained on."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seido.corpus.textgrid import Interval
from seido.errors import BadInputError, NotFiniteError
from seido.scores.frames import Frames, grey
from seido.scores.rows import FIRST_SCORED

UNKNOWN = "unknown"
_CLASSES = {
    ("plosive", "bilabial"): "p b",
    ("plosive", "alveolar"): "t d",
    ("plosive", "retroflex"): "ʈ ɖ",
    ("plosive", "palatal"): "c ɟ",
    ("plosive", "velar"): "k g",
    ("plosive", "uvular"): "q ɢ",
    ("plosive", "glottal"): "ʔ",
    ("affricate", "labial"): "pf bv",
    ("affricate", "alveolar"): "ts dz",
    ("affricate", "postalveolar"): "tʃ dʒ",
    ("affricate", "alveolo-palatal"): "tɕ dʑ",
    ("affricate", "retroflex"): "tʂ dʐ",
    ("nasal", "bilabial"): "m",
    ("nasal", "labiodental"): "ɱ",
    ("nasal", "alveolar"): "n",
    ("nasal", "retroflex"): "ɳ",
    ("nasal", "palatal"): "ɲ",
    ("nasal", "velar"): "ŋ",
    ("nasal", "uvular"): "ɴ",
    ("tap or trill", "alveolar"): "ɾ r",
    ("tap or trill", "retroflex"): "ɽ",
    ("tap or trill", "uvular"): "ʀ",
    ("fricative", "bilabial"): "ɸ β",
    ("fricative", "labiodental"): "f v",
    ("fricative", "dental"): "θ ð",
    ("fricative", "alveolar"): "s z",
    ("fricative", "postalveolar"): "ʃ ʒ",
    ("fricative", "alveolo-palatal"): "ɕ ʑ",
    ("fricative", "retroflex"): "ʂ ʐ",
    ("fricative", "palatal"): "ç ʝ",
    ("fricative", "velar"): "x ɣ",
    ("fricative", "uvular"): "χ ʁ",
    ("fricative", "pharyngeal"): "ħ ʕ",
    ("fricative", "glottal"): "h ɦ",
    ("approximant", "labial-velar"): "w ʍ",
    ("approximant", "labial-palatal"): "ɥ",
    ("approximant", "labiodental"): "ʋ",
    ("approximant", "alveolar"): "ɹ",
    ("approximant", "retroflex"): "ɻ",
    ("approximant", "palatal"): "j",
    ("approximant", "velar"): "ɰ",
    ("lateral", "alveolar"): "l ɫ ɬ ɮ",
    ("lateral", "retroflex"): "ɭ",
    ("lateral", "palatal"): "ʎ",
    ("vowel", "front close"): "i y ɪ ʏ",
    ("vowel", "front mid"): "e ø ɛ œ",
    ("vowel", "front open"): "æ ɶ",
    ("vowel", "central close"): "ɨ ʉ",
    ("vowel", "central mid"): "ə ɘ ɵ ɜ ɞ",
    ("vowel", "central open"): "a ɐ",
    ("vowel", "back close"): "u ɯ ʊ",
    ("vowel", "back mid"): "o ɤ ʌ ɔ",
    ("vowel", "back open"): "ɑ ɒ",
    ("vowel", "rhotic"): "ɚ ɝ",
    ("vowel", "apical"): "ɿ ʅ ɹ̩ ɻ̩ z̩ ʐ̩",
}
CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {symbol: both for both, symbols in _CLASSES.items() for symbol in symbols.split()}
)
"""IPA symbol → manner, and place (of vowels: where the tongue is)."""
_XSAMPA_PAIRS = (
    "A=ɑ Q=ɒ V=ʌ O=ɔ E=ɛ I=ɪ U=ʊ Y=ʏ {=æ &=ɶ @=ə 3=ɜ 6=ɐ 2=ø 9=œ 7=ɤ M=ɯ 1=ɨ }=ʉ 8=ɵ @`=ɚ 3`=ɝ "
    "T=θ D=ð S=ʃ Z=ʒ C=ç N=ŋ J=ɲ H=ɥ G=ɣ X=χ R=ʁ B=β ?=ʔ 4=ɾ F=ɱ W=ʍ P=ʋ L=ʎ "
    "p\\=ɸ s\\=ɕ z\\=ʑ j\\=ʝ J\\=ɟ h\\=ɦ M\\=ɰ r\\=ɹ r\\`=ɻ N\\=ɴ G\\=ɢ R\\=ʀ X\\=ħ ?\\=ʕ "
    "t`=ʈ d`=ɖ s`=ʂ z`=ʐ n`=ɳ l`=ɭ r`=ɽ t_s\\=tɕ d_z\\=dʑ t_S=tʃ d_Z=dʒ tS=tʃ dZ=dʒ ts\\=tɕ dz\\=dʑ "
    "t_s=ts d_z=dz t`s`=tʂ d`z`=dʐ"
)
_XSAMPA: Mapping[str, str] = dict(pair.split("=") for pair in _XSAMPA_PAIRS.split())
_LIGATURES = {"ɡ": "g", "ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ", "ʥ": "dʑ", "\u0361": "", "\u035c": ""}
_MODIFIERS = "ʰʱʷʲˠˤⁿː:ˑˈˌ'\"˥˦˧˨˩0123456789_hwj~"
_SILENCE = {"", "sil", "sp", "spn", "pau", "#", "<p:>", "_", "<sil>"}


class Sound(NamedTuple):
    """What a phone is: `unknown` where the table lacks it."""

    manner: str
    place: str


def sound_of(symbol: str) -> Sound:
    """Tell manner and place of a phone written in IPA or X-SAMPA; length, stress, tone and aspiration are passed over.

    Of symbols that mean something in both, IPA is taken.

    >>> sound_of("tʰ"), sound_of("t_h"), sound_of("iː").place, sound_of("@").manner
    (Sound(manner='plosive', place='alveolar'), Sound(manner='plosive', place='alveolar'), 'front close', 'vowel')
    >>> sound_of("ǃ")
    Sound(manner='unknown', place='unknown')
    """
    for plain in _spellings(symbol):
        for one in (plain, _XSAMPA.get(plain, "")):
            if one in CLASSES:
                return Sound(*CLASSES[one])
    letters = [CLASSES.get(letter, ("", ""))[0] for letter in _spellings(symbol)[-1]]
    if len(letters) > 1 and set(letters) == {"vowel"}:
        return Sound("vowel", "diphthong")
    return Sound(UNKNOWN, UNKNOWN)


def _spellings(symbol: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFC", symbol)
    for long, plain in _LIGATURES.items():
        text = text.replace(long, plain)
    bare = text.strip(_MODIFIERS)
    # Diacritics go last: a syllabic ɹ̩ is a vowel, other marks change neither manner nor place.
    decomposed = unicodedata.normalize("NFD", bare)
    unmarked = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return text, bare, bare.replace("ʰ", ""), unmarked


@dataclass(frozen=True)
class Segment:
    """One phone of one clip and the means of its frames."""

    phone: str
    frames: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class PhoneRow:
    """Means over the phones of one group; every phone counts as one, however long."""

    grouping: str
    """phone, manner, place or training."""
    group: str
    phones: int
    frames: int
    values: Mapping[str, float]


def frame_errors(true: Frames, generated: Frames) -> dict[str, NDArray[np.float64]]:
    """Measure each frame's errors: name → float64 (T,).

    squared_error: mean over pixels of (y − x)². motion_error: mean over pixels of ((y_t − y_t−1) − (x_t − x_t−1))²,
    0 for frame 0. Raises BadInputError when the shapes differ.

    >>> errors = frame_errors(np.zeros((2, 1, 1)), np.array([[[0.0]], [[0.5]]]))
    >>> errors["squared_error"].tolist(), errors["motion_error"].tolist()
    ([0.0, 0.25], [0.0, 0.25])
    """
    if true.shape[:3] != generated.shape[:3]:
        raise BadInputError(
            f"the true movie is {true.shape[:3]} (frames, height, width) and the generated one {generated.shape[:3]}; "
            "give movies of one length and size"
        )
    squared, moved = np.zeros(len(true)), np.zeros(len(true))
    before: NDArray[np.float64] | None = None
    for at in range(len(true)):
        error = grey(generated[at : at + 1])[0] - grey(true[at : at + 1])[0]
        squared[at] = np.square(error).mean()
        moved[at] = 0.0 if before is None else np.square(error - before).mean()
        before = error
    return {"squared_error": squared, "motion_error": moved}


def phone_segments(
    values: Mapping[str, NDArray[np.float64]], intervals: Iterable[Interval], rate: Fraction | float
) -> tuple[Segment, ...]:
    """Average per-frame values over each phone of a clip.

    Parameters
    ----------
    values
        Name → float64 (T,), such as `frame_errors` or |differences| of tract variables.
    intervals
        Phones of the clip, seconds from its beginning. Silence is passed over, and so are phones in which no frame
        has its middle.
    rate
        Frames per second; frame k stands for the time (k + ½) / rate. Frame 0, the network's input, is left out.

    Raises BadInputError when the values differ in length, NotFiniteError for NaN.

    >>> phone_segments({"error": np.array([9.0, 1.0, 3.0])}, [Interval(0.0, 0.1, "a")], 25)
    (Segment(phone='a', frames=1, values={'error': 1.0}),)
    """
    if len({one.shape for one in values.values()}) != 1:
        raise BadInputError("values to sort by phone need one length; give one number a frame for each")
    if not all(np.isfinite(one).all() for one in values.values()):
        raise NotFiniteError("values to sort by phone hold NaN or infinite numbers; look at the movies")
    count = len(next(iter(values.values())))
    middles = (np.arange(count) + 0.5) / float(rate)
    found: list[Segment] = []
    for interval in intervals:
        phone = unicodedata.normalize("NFC", interval.text.strip())
        inside = np.flatnonzero((middles >= interval.start) & (middles < interval.end))
        inside = inside[inside >= FIRST_SCORED]
        if phone.lower() not in _SILENCE and len(inside):
            means = {name: float(one[inside].mean()) for name, one in values.items()}
            found.append(Segment(phone, len(inside), means))
    return tuple(found)


def phone_rows(segments: Sequence[Segment], trained: Collection[str] | None = None) -> tuple[PhoneRow, ...]:
    """Average segments by phone, by manner, by place, and by whether the training heard the phone.

    Parameters
    ----------
    segments
        Of any number of clips.
    trained
        Phones of the training's languages, as `phone_inventory` lists them; without it there are no rows "training".

    Returns rows in the order phone, manner, place, training, by group within each; () without segments.

    """
    groupings: dict[str, list[str]] = {
        "phone": [one.phone for one in segments],
        "manner": [sound_of(one.phone).manner for one in segments],
        "place": [sound_of(one.phone).place for one in segments],
    }
    if trained is not None:
        heard = {unicodedata.normalize("NFC", one) for one in trained}
        groupings["training"] = ["heard" if one.phone in heard else "absent" for one in segments]
    rows: list[PhoneRow] = []
    for grouping, groups in groupings.items():
        for group in sorted(set(groups)):
            mine = [one for one, of in zip(segments, groups, strict=True) if of == group]
            means = {name: float(np.mean([one.values[name] for one in mine])) for name in mine[0].values}
            rows.append(PhoneRow(grouping, group, len(mine), sum(one.frames for one in mine), means))
    return tuple(rows)


def phone_inventory(tiers: Iterable[Iterable[Interval]]) -> frozenset[str]:
    """List the phones of some recordings, silence left out; give the training's, for `phone_rows`.

    >>> sorted(phone_inventory([[Interval(0, 1, "a"), Interval(1, 2, "")], [Interval(0, 1, "k")]]))
    ['a', 'k']
    """
    texts = (unicodedata.normalize("NFC", one.text.strip()) for intervals in tiers for one in intervals)
    return frozenset(text for text in texts if text.lower() not in _SILENCE)
