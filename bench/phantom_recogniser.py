"""Does a recogniser that was made for people understand the phantom? Nobody has listened to it for this.

PocketSphinx (`pip install pocketsphinx`, in whatever place PYTHONPATH names) brings an American English acoustic model
trained on people; it has never heard the phantom. It chooses among a closed list, each entry being the phones that the
phantom was asked to say, so chance is one over the length of the list. The speech is brought to 16 kHz and to a peak of
0.5, with white noise 50 dB under that peak, since the model knows no digital silence.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from seido.phantom.anatomy import SPEAKERS, speaker
from seido.phantom.engine import SAMPLE_RATE, Engine, shapes_of
from seido.phantom.english import CONSONANT_SECONDS, pronunciations
from seido.phantom.gestures import tracks
from seido.phantom.prosody import pause
from seido.phantom.speak import AFTER, BEFORE, utter
from seido.phantom.utterance import Language, Phone, Utterance, Word

RATE = 16_000
PEAK, NOISE = 0.5, 10 ** (-50 / 20)
WORDS = 60
VOWELS = ("i", "ɪ", "ɛ", "æ", "ɑ", "ɔ", "ʊ", "u", "ʌ", "ɚ")
FIVE = ("i", "ɛ", "ɑ", "ɔ", "u")
PLACES = {
    "p t k": ("pʰ", "tʰ", "kʰ"),
    "b d g": ("b", "d", "g"),
    "m n": ("m", "n"),
    "f θ s ʃ": ("f", "θ", "s", "ʃ"),
}
JAPANESE = """
りんご みかん ほん しんぶん てがみ かさ ぼうし つくえ おちゃ コーヒー ティー パン とけい かびん たいこ にんぎょう
じてんしゃ さくら でんわ みゃく りょうり やま うみ もり ふね きつね うさぎ ねこ いぬ ともだち
"""
MANDARIN = """
lao3shi1 peng2you5 ma1ma5 ba4ba5 er2zi5 yi1sheng1 xue2sheng5 ge1ge5 di4di5 mei4mei5 jing3cha2 nong2min2
yu2fu1 lao3hu3 tu4zi5 xiong2mao1 si1ji1 ke4ren2 bei3jing1 shang4hai3 guang3zhou1 gong1yuan2 chu2fang2 ping2guo3
pu2tao5 kuai4zi5 shou3ji1 qian1bi3 er3duo5 cha2
"""
NEAREST_ENGLISH = """
i=IY ɪ=IH e=EH ɛ=EH æ=AE a=AA ɑ=AA ɔ=AO o=OW ʊ=UH u=UW ʌ=AH ə=AH ɚ=ER p=P t=T k=K pʰ=P tʰ=T kʰ=K b=B d=D g=G f=F θ=TH
s=S ʃ=SH v=V ð=DH z=Z ʒ=ZH tʃ=CH dʒ=JH m=M n=N ŋ=NG l=L ɹ=R j=Y w=W h=HH ɾ=D
"""
NEAREST = {
    "en": NEAREST_ENGLISH,
    "ja": NEAREST_ENGLISH + "ɯ=UW ɕ=SH tɕ=CH dʑ=JH ts=T_S ɸ=F ç=HH ɴ=N ʔ=",
    "zh": NEAREST_ENGLISH
    + """p=B t=D k=G ts=D_Z tsʰ=T_S tɕ=JH tɕʰ=CH tʂ=JH tʂʰ=CH ɕ=SH ʂ=SH x=HH ɻ=R ɤ=AH y=Y_UW ɥ=Y ɿ=IH ʅ=ER""",
}
"""The nearest English phones, for the model knows no others."""
DIPHTHONGS = """
EH_IH=EY AA_IH=AY AO_IH=OY AA_UH=AW OW_UH=OW EH_IY=EY AA_IY=AY AA_UW=AW OW_UW=OW
"""


@dataclass(frozen=True)
class Item:
    """One thing to say, and which entry of which closed list it is."""

    test: str
    choices: str
    """The list's name; several lists may belong to one test."""
    index: int
    said: Utterance


@cache
def table(pairs: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in pairs.split())


def spelled(said: Utterance) -> str:
    """Write an utterance as the model's phones; two vowels of a diphthong become one phone."""
    out: list[str] = []
    for phone in said.phones:
        for symbol in table(NEAREST[said.language]).get(phone.symbol, "").replace("_", " ").split():
            joined = table(DIPHTHONGS).get(f"{out[-1]}_{symbol}") if out else None
            out[-1:] = [joined] if joined else [*out[-1:], symbol]
    return " ".join(out)


def syllables(*phones: tuple[str, float]) -> Utterance:
    """Say phones of that length in seconds, on a falling pitch."""
    total, at = sum(seconds for _, seconds in phones), 0.0
    said = []
    for symbol, seconds in phones:
        pitch = np.interp(np.array([at, at + seconds / 2, at + seconds]) / total, [0, 0.4, 1], [1, 3, -4]).tolist()
        said.append(Phone(symbol, seconds, tuple(pitch)))
        at += seconds
    text = "".join(symbol for symbol, _ in phones)
    return Utterance("en", text, (pause(BEFORE), Word(text, tuple(said)), pause(AFTER)))


def words(test: str, language: Language, texts: Sequence[str]) -> list[Item]:
    return [Item(test, test, index, utter(language, text)) for index, text in enumerate(texts)]


def english_words() -> tuple[list[str], list[str]]:
    """Draw two lists of words, no two of which sound alike: the first was looked at while the phantom was improved."""
    alone = {spelled(utter("en", word)): word for word, sounds in pronunciations().items() if "ˈ" in "".join(sounds)}
    drawn = np.random.default_rng(1).permutation(sorted(alone.values())).tolist()
    return drawn[:WORDS], drawn[WORDS : 2 * WORDS]


def items(tuned: bool) -> Iterator[Item]:
    """List everything a speaker says."""
    seen, unseen = english_words()
    yield from words("English words", "en", unseen)
    if tuned:
        yield from words("English words, tuned on", "en", seen)
    yield from words("Japanese words", "ja", JAPANESE.split())
    yield from words("Mandarin words", "zh", MANDARIN.split())
    for index, vowel in enumerate(VOWELS):
        said = syllables(("h", 0.065), (vowel, 0.16), ("d", 0.07))
        yield Item("10 vowels, hVd", "10 vowels, hVd", index, said)
        if vowel in FIVE:
            yield Item("5 vowels, hVd", "5 vowels, hVd", FIVE.index(vowel), said)
    for test, consonants in PLACES.items():
        for vowel in "iɑu":
            for before in ((), ((vowel, 0.12),)):
                for index, consonant in enumerate(consonants):
                    said = syllables(*before, (consonant, CONSONANT_SECONDS[consonant]), (vowel, 0.18))
                    yield Item(test, f"{test} {vowel} {len(before)}", index, said)


class Judge:
    """The recogniser with its closed lists."""

    def __init__(self, said: Sequence[Item]) -> None:
        sphinx = importlib.import_module("pocketsphinx")
        # Wide beams, for a list is short and no entry should be lost on the way.
        self.decoder = sphinx.Decoder(
            lm=None, dict=os.devnull, samprate=RATE, beam=1e-120, wbeam=1e-100, pbeam=1e-120, loglevel="FATAL"
        )
        lists: dict[str, dict[int, str]] = {}
        for item in said:
            lists.setdefault(item.choices, {})[item.index] = spelled(item.said)
        self.lists = list(lists)
        for number, entries in enumerate(lists.values()):
            names = {index: f"l{number}_{index}" for index in entries}
            for index, phones in entries.items():
                self.decoder.add_word(names[index], phones, index == max(entries))
            grammar = f"#JSGF V1.0; grammar g; public <entry> = {' | '.join(names.values())};"
            self.decoder.add_jsgf_string(f"l{number}", grammar)

    def choose(self, choices: str, sound: NDArray[np.int16]) -> int:
        """Return the entry that fits best, -1 when none does."""
        self.decoder.activate_search(f"l{self.lists.index(choices)}")
        self.decoder.start_utt()
        self.decoder.process_raw(sound.tobytes(), full_utt=True)
        self.decoder.end_utt()
        best = self.decoder.hyp()
        return int(best.hypstr.split("_")[1]) if best and best.hypstr else -1


def recorded(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    sound = soxr.resample(samples.astype(np.float64), SAMPLE_RATE, RATE)
    sound *= PEAK / np.abs(sound).max()
    sound += np.random.default_rng(0).normal(0, PEAK * NOISE, len(sound))
    out: NDArray[np.int16] = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return out


def judge(name: str, tuned: bool) -> list[tuple[str, int, int]]:
    """Let one speaker say everything; returns test, entry and choice of each."""
    said = list(items(tuned))
    recogniser, shapes, out = Judge(said), shapes_of(speaker(name)), []
    with Engine(speaker(name)) as engine:
        for item in said:
            moved = tracks(item.said, shapes)
            sound = recorded(engine.synthesise(moved.tract, moved.glottis, moved.rate).samples)
            out.append((item.test, item.index, recogniser.choose(item.choices, sound)))
    return out


def interval(right: int, count: int) -> str:
    """Give a share in percent with its 95 % interval (Wilson, 1927)."""
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return f"{100 * share:.0f} ({100 * (middle - half):.0f}–{100 * (middle + half):.0f})"


def report(results: dict[str, list[tuple[str, int, int]]]) -> None:
    together = [row for rows in results.values() for row in rows]
    tests = list(dict.fromkeys(test for test, _, _ in together))
    print(f"| test | chance % | all, % right (95 %) | {' | '.join(results)} |")
    print("|---" * (3 + len(results)) + "|")
    for test in tests:
        rows = [(index, choice) for name, index, choice in together if name == test]
        each = []
        for one in results.values():
            mine = [index == choice for name, index, choice in one if name == test]
            each.append(f"{100 * sum(mine) / len(mine):.0f}")
        right = sum(index == choice for index, choice in rows)
        chance = 100 / len({index for index, _ in rows})
        print(f"| {test} | {chance:.1f} | {interval(right, len(rows))} | {' | '.join(each)} |")
    for test, labels in {"10 vowels, hVd": VOWELS, **PLACES}.items():
        print(f"\nConfusions, {test}: rows what was asked for, columns {' '.join(labels)}, last none")
        for index, label in enumerate(labels):
            chosen = [choice for name, asked, choice in together if (name, asked) == (test, index)]
            print(f"  {label:3}", " ".join(f"{chosen.count(choice):3}" for choice in (*range(len(labels)), -1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", nargs="*", default=list(SPEAKERS))
    parser.add_argument("--tuned", action="store_true", help="say the words too that the phantom was improved on")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if importlib.util.find_spec("pocketsphinx") is None:
        print("PocketSphinx is not installed, so nothing is recognised: pip install it in a place of its own")
        return
    names = arguments.speakers
    with ProcessPoolExecutor(arguments.jobs) as pool:
        report(dict(zip(names, pool.map(judge, names, [arguments.tuned] * len(names)), strict=True)))


if __name__ == "__main__":
    main()
