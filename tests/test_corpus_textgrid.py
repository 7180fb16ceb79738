"""TextGrids: what is written is what Praat writes, and what is read is what was meant."""

from __future__ import annotations

import codecs
import math
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seido.corpus.textgrid import Interval, Point, PointTier, TextGrid, Tier, read_textgrid, write_textgrid
from seido.errors import BadInputError, OutputError

GRID = TextGrid(
    2.3,
    (
        Tier("words", (Interval(0.1, 1.0, "がっこう"), Interval(1.0, 2.3, 'say "ah"'))),
        PointTier("clicks", (Point(1 / 3, "ǃ"),)),
    ),
)
LONG = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 2.3 \ntiers? <exists> \nsize = 2 \n'
    'item []: \n    item [1]:\n        class = "IntervalTier" \n        name = "words" \n        xmin = 0 \n'
    "        xmax = 2.3 \n        intervals: size = 3 \n        intervals [1]:\n            xmin = 0 \n"
    '            xmax = 0.1 \n            text = "" \n        intervals [2]:\n            xmin = 0.1 \n'
    '            xmax = 1 \n            text = "がっこう" \n        intervals [3]:\n            xmin = 1 \n'
    '            xmax = 2.3 \n            text = "say ""ah""" \n    item [2]:\n        class = "TextTier" \n'
    '        name = "clicks" \n        xmin = 0 \n        xmax = 2.3 \n        points: size = 1 \n'
    "        points [1]:\n            number = 0.3333333333333333 \n"
    '            mark = "ǃ" \n'
)
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2.3\n<exists>\n2\n"IntervalTier"\n"words"\n0\n2.3\n3\n'
    '0\n0.1\n""\n0.1\n1\n"がっこう"\n1\n2.3\n"say ""ah"""\n"TextTier"\n"clicks"\n0\n2.3\n1\n0.3333333333333333\n"ǃ"\n'
)
TEXTS = st.sampled_from(
    ["", '"', '""', "ん", "tɕʰ", "ɹ̩", "a\nb", "!", "<exists>", "item [1]:", "3.5", "😀", "  "]
) | st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)
TIMES = st.floats(0, 1e4, allow_subnormal=False)


@st.composite
def grids(draw: st.DrawFn) -> TextGrid:
    tiers: list[Tier | PointTier] = []
    for _ in range(draw(st.integers(0, 3))):
        times = sorted(draw(st.sets(TIMES, max_size=8)))
        if draw(st.booleans()):
            tiers.append(PointTier(draw(TEXTS), tuple(Point(time, draw(TEXTS)) for time in times)))
            continue
        spans = [span for span in pairwise(times) if draw(st.booleans())]
        tiers.append(Tier(draw(TEXTS), tuple(Interval(*span, draw(TEXTS)) for span in spans)))
    return TextGrid(max([0.5, *(tier.end for tier in tiers)]), tuple(tiers))


def read(folder: Path, data: str | bytes) -> TextGrid:
    path = folder / "a.TextGrid"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_textgrid(path)


def test_it_is_written_as_praat_writes_it(tmp_path: Path) -> None:
    write_textgrid(tmp_path / "a.TextGrid", GRID)
    assert (tmp_path / "a.TextGrid").read_bytes() == LONG.encode()
    with pytest.raises(OutputError, match="nowhere"):
        write_textgrid(tmp_path / "nowhere" / "a.TextGrid", GRID)


@given(grids())
def test_what_was_written_is_read_with_its_gaps_filled(grid: TextGrid) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.TextGrid"
        write_textgrid(path, grid)
        data = path.read_bytes()
        again = read_textgrid(path)
        assert again == grid.filled() == again.filled()
        write_textgrid(path, again)
        assert path.read_bytes() == data


@pytest.mark.parametrize("text", [LONG, SHORT, SHORT.replace("ooTextFile", "ooTextFile short")])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
)
def test_all_formats_and_encodings_mean_the_same(tmp_path: Path, text: str, encoded: object) -> None:
    assert callable(encoded)
    assert read(tmp_path, encoded(text)) == GRID.filled()


def test_old_files_are_latin_1(tmp_path: Path) -> None:
    grid = read(tmp_path, SHORT.replace("がっこう", "garçon").replace("ǃ", "é").encode("latin-1"))
    assert [tier.name for tier in grid.tiers] == ["words", "clicks"]
    words = grid.tier("words")
    assert isinstance(words, Tier)
    assert words.intervals[1].text == "garçon"
    with pytest.raises(BadInputError, match=r"no tier 'phones'.*'words'"):
        grid.tier("phones")


def test_comments_and_words_between_are_skipped(tmp_path: Path) -> None:
    assert read(tmp_path, '! "made" by 5 hands\n' + LONG.replace("<exists>", "<exists> ! 7 tiers")) == GRID.filled()


def test_a_grid_without_tiers(tmp_path: Path) -> None:
    assert read(tmp_path, '"ooTextFile"\n"TextGrid"\n0 1.5 <absent>') == TextGrid(1.5, ())


def test_rounding_is_mended_and_tiers_may_outlast_the_grid(tmp_path: Path) -> None:
    grid = read(tmp_path, SHORT.replace("\n0.1\n1\n", "\n0.0999999999\n1\n").replace("\n1\n2.3\n", "\n1\n2.31\n"))
    words = grid.tier("words")
    assert isinstance(words, Tier)
    assert words.intervals[1].start == 0.1
    assert grid.seconds == 2.31


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xmax = 1 ", "xmax = 0.05 ", r"line 22: interval 'がっこう' cannot last"),
        ("xmin = 1 ", "xmin = 0.7 ", r"line 26: interval .* before"),
        ("xmin = 0.1 ", "xmin = -0.1 ", r"line 22: "),
        ("number = 0.3333333333333333 ", "number = -1 ", r"line 35: point 'ǃ' cannot"),
        ("intervals: size = 3", "intervals: size = 4", r"line 28: an interval's xmin is expected there, not '\"Text"),
        ("intervals: size = 3", "intervals: size = 2.5", r"line 14: 2\.5 is no number of intervals"),
        ("intervals: size = 3", "intervals: size = 1e999", r"line 14: inf is no"),
        ('"TextTier"', '"PitchTier"', r"line 31: there is no kind"),
        ('"TextGrid"', '"Sound"', r"line 2: this is no TextGrid"),
        ('"ǃ"', '"ǃ', r"line 35: .* no closing quotation mark"),
        ('            mark = "ǃ" \n', "", r"line 35: it ends where a point's mark"),
        ("xmax = 2.3 \ntiers", "xmax = 0 \ntiers", ""),
        ("ǃ", "\0", r"line 35: .*NUL"),
    ],
)
def test_damaged_files_are_named_with_the_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in LONG
    text = LONG.replace(old, new, 1)
    if not message:
        assert read(tmp_path, text).seconds == 2.3
        return
    with pytest.raises(BadInputError, match=rf"a\.TextGrid, {message}"):
        read(tmp_path, text)


@given(st.binary(max_size=60), st.integers(0, len(LONG.encode())))
def test_any_damage_is_one_sentence(noise: bytes, at: int) -> None:
    data = LONG.encode()
    for damaged in (data[:at], data[:at] + noise + data[at:], noise):
        with tempfile.TemporaryDirectory() as folder:
            if (grid := read_or_refused(Path(folder), damaged)) is not None:
                assert grid.seconds > 0


def read_or_refused(folder: Path, data: bytes) -> TextGrid | None:
    """Read a grid, or nothing when it is refused by a sentence; any other error passes through."""
    try:
        return read(folder, data)
    except BadInputError:
        return None


def test_cut_utf_16_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.TextGrid: its UTF-16-LE text is damaged"):
        read(tmp_path, codecs.BOM_UTF16_LE + LONG.encode("utf-16-le")[:-1])
    with pytest.raises(BadInputError, match="no such file"):
        read_textgrid(tmp_path / "none.TextGrid")


def test_values_that_cannot_be_are_refused() -> None:
    for start, end in ((1, 1), (2, 1), (-1, 1), (math.nan, 1), (0, math.inf)):
        with pytest.raises(BadInputError, match="cannot last"):
            Interval(start, end, "a")
    with pytest.raises(BadInputError, match="before 'a' has ended"):
        Tier("t", (Interval(0, 2, "a"), Interval(1, 3, "b")))
    with pytest.raises(BadInputError, match="does not follow"):
        PointTier("t", (Point(1, "a"), Point(1, "b")))
    with pytest.raises(BadInputError, match="reaches to 3"):
        TextGrid(2, (Tier("t", (Interval(0, 3, "a"),)),))
    with pytest.raises(BadInputError, match="cannot last nan"):
        TextGrid(math.nan, ())
    for text in ("a\r", "\0", "\ud800"):
        with pytest.raises(BadInputError, match="Praat cannot read"):
            Point(1, text)


def test_an_independent_reader_agrees(tmp_path: Path) -> None:
    textgrid = pytest.importorskip("praatio.textgrid")
    write_textgrid(tmp_path / "a.TextGrid", GRID)
    theirs = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    words = GRID.filled().tier("words")
    assert isinstance(words, Tier)
    assert [tuple(entry) for entry in theirs.getTier("words").entries] == [
        (one.start, one.end, one.text) for one in words.intervals
    ]
