"""What an experiment's lines come to: counts, gates, growth, and the document that shows them."""

import csv
import io
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from seido.errors import BadInputError
from seido.report.experiment.blocks import Cell, Figure, Heading, Listing, Paragraph, Table, html, markdown
from seido.report.experiment.gates import gates, verdict
from seido.report.experiment.lines import Line, Lines, Part, to_csv
from seido.report.experiment.plan import Arm
from seido.report.experiment.scoring import CEILING, WRONG_SPEECH, smaller
from seido.report.experiment.tables import differences, gate_table, left_out, results, targets
from seido.report.page.markup import element
from seido.scores.conditions import SEEN, UNSEEN
from seido.scores.rows import FIRST_FRAME, GENERATED, MEAN_FRAME, Scores
from seido.training.options import TrainOptions

RATE = Fraction(25)


def scores(ssim: float, correlation: float = 0.9, *, lag: float | None = 0.0, amplitude: float = 1.0) -> Scores:
    return Scores(30, ssim, 1 - ssim, correlation, amplitude, 2 * ssim - 1, 2 * ssim - 1, lag)


def line(arm: str, clip: str, found: Scores, predictor: str = GENERATED, seed: int = 0, without: str = "") -> Line:
    condition = UNSEEN if clip.startswith("W") or without else SEEN
    return Line(arm, seed, without, clip, clip[0], "ja", condition, 1, predictor, found)


@pytest.fixture
def lines() -> Lines:
    """Two arms on four clips: ours is good with two seeds, theirs copies the first frame."""
    found = []
    for number, clip in enumerate(("A1", "A2", "B1", "W1")):
        still = 0.5 + 0.02 * number
        found += [line("ours", clip, scores(still + 0.3 + 0.01 * seed), seed=seed) for seed in (0, 1)]
        found += [line("ours", clip, scores(still, 0.05), WRONG_SPEECH)]
        found += [line("theirs", clip, scores(still, 0.3, lag=80.0, amplitude=0.2))]
        found += [line("theirs", clip, scores(still, 0.2), WRONG_SPEECH)]
        found += [line("", clip, scores(still, 0.0, lag=None, amplitude=0.0), FIRST_FRAME)]
        found += [line("", clip, scores(still + 0.1, 0.0, lag=None, amplitude=0.0), MEAN_FRAME)]
        found += [line("", clip, scores(0.95), CEILING)]
    return Lines(found)


ARMS = tuple(Arm(name, TrainOptions(), (0,)) for name in ("ours", "theirs"))


def test_means_are_over_seeds_and_clips(lines):
    from seido.scores.rows import MEASURES

    ssim = MEASURES[0]
    found = lines.estimate(Part("ours", GENERATED, 1, SEEN), ssim)
    assert found.mean == pytest.approx(np.mean([0.8, 0.82, 0.84]) + 0.005)
    assert found.clips == 3
    apart = lines.difference(Part("ours", GENERATED, 1), Part("theirs", GENERATED, 1), ssim)
    assert apart.mean == pytest.approx(0.305)
    assert apart.low == pytest.approx(0.3)
    assert apart.high == pytest.approx(0.31)
    assert lines.estimate(Part("nobody", GENERATED, 1), ssim).mean is None


def test_gates_are_counted_over_clips_and_seeds(lines):
    passed = {gate.name: gate for gate in gates(lines, "ours", 1, SEEN, RATE)}
    assert [gate.passes for gate in passed.values()] == [True] * 5
    assert passed["SSIM above both still rows, every clip"].told == "6 of 6"
    failed = {gate.name: gate for gate in gates(lines, "theirs", 1, SEEN, RATE)}
    assert [gate.passes for gate in failed.values()] == [False] * 5
    assert failed["mean lag within one frame"].told == "80 ms; 0 of 3"
    assert verdict(lines, "ours", "theirs", 1, SEEN, "ssim") == "ahead"
    assert verdict(lines, "ours", "theirs", 1, SEEN, "nmse") == "ahead"
    assert verdict(lines, "theirs", "ours", 1, SEEN, "nmse") == "behind"
    assert verdict(lines, "ours", "ours", 1, SEEN, "ssim") == "unclear"
    # One clip has no interval.
    assert verdict(lines, "theirs", "theirs", 1, UNSEEN, "ssim") == "–"
    table = gate_table(lines, ARMS, 1, [SEEN, UNSEEN], RATE)
    assert [row[0].words for row in table.rows] == ["ours", "theirs"] * 2
    assert not any(cell.strong for cell in table.rows[0])


def test_tables_hold_the_rows_that_need_no_training(lines):
    table = results(lines, ARMS, 1, SEEN)
    names = [row[0].words for row in table.rows]
    assert names == [
        "ours", "theirs", FIRST_FRAME, MEAN_FRAME, "ours, wrong speech", "theirs, wrong speech", CEILING,
    ]  # fmt: skip
    ssim = {row[0].words: row[3] for row in table.rows}
    assert [name for name, cell in ssim.items() if cell.strong] == ["ours"]
    assert ssim[FIRST_FRAME].words.startswith("0.5200 [")
    assert table.rows[0][1].words == "2"
    apart = differences(lines, ARMS[0], ARMS, 1, SEEN)
    assert apart is not None
    assert apart.rows[0][0].words == "ours − theirs"
    assert apart.rows[0][2].strong
    assert differences(lines, ARMS[0], ARMS[:1], 1, SEEN) is None


def test_targets_that_are_missed_are_strong(lines):
    from seido.report.experiment.plan import Experiment

    wanted = {SEEN: {"ssim": 0.8, "nmse": 0.1, "lag_ms": 40.0}}
    (table,) = targets(Experiment(Path("a.toml"), ARMS, targets=wanted), lines, ARMS, 1)
    assert [cell.words for cell in table.rows[0]] == ["target", "≥ 0.8000", "≤ 0.1000", "≤ 40"]
    assert [cell.strong for cell in table.rows[1]] == [False, False, True, False]
    assert [cell.strong for cell in table.rows[2]] == [False, True, True, True]


def test_speakers_left_out_stand_apart(lines):
    more = [line("out", clip, scores(0.7), without=clip[0]) for clip in ("A1", "A2", "B1")]
    more += [line("", clip, scores(0.5), FIRST_FRAME, without=clip[0]) for clip in ("A1", "A2", "B1")]
    table = left_out(
        Lines([*lines.all, *more]), Arm("out", TrainOptions(), (0,), leave_out=("each",)), 1, UNSEEN, ARMS[0]
    )
    assert table is not None
    assert [row[0].words for row in table.rows] == [
        "without A", "without B", "all of them", FIRST_FRAME, MEAN_FRAME, "all − ours, which knows them, same clips",
    ]  # fmt: skip
    assert [row[1].words for row in table.rows] == ["2", "1", "3", "3", "0", "3"]
    assert table.rows[2][2].words == "0.7000 [0.7000, 0.7000]"
    assert table.rows[5][2].words.startswith("−0.1250")
    # The table of all conditions has none of them.
    assert "out" not in [row[0].words for row in results(Lines([*lines.all, *more]), ARMS, 1, SEEN).rows]


def test_every_line_stands_in_the_csv(lines):
    rows = list(csv.DictReader(io.StringIO(to_csv(lines.all))))
    assert len(rows) == len(lines.all)
    assert rows[0]["arm"] == "ours"
    assert float(rows[0]["ssim"]) == lines.all[0].scores.ssim
    still = next(row for row in rows if row["predictor"] == FIRST_FRAME)
    assert still["lag_ms"] == ""


def test_pictures_are_shrunk_to_the_means_of_squares():
    frames = np.random.default_rng(0).integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    small = smaller(frames, 2)
    assert small.shape == (3, 4, 3, 3)
    assert small[1, 2, 1].tolist() == [round(float(frames[1, 4:6, 2:4, each].mean())) for each in range(3)]
    assert smaller(frames, 1) is frames
    with pytest.raises(BadInputError, match="cannot be shrunk by 8"):
        smaller(frames, 8)


def test_the_document_is_the_same_in_markdown_and_html(tmp_path):
    harm = "<script>alert('a | b')</script>"
    picture = tmp_path / "pictures" / "a.svg"
    drawing = element("svg", element("line", x1=1), xmlns="http://www.w3.org/2000/svg")
    blocks = [
        Paragraph(harm),
        Heading("First part"),
        Table(harm, ("name", "figure"), ((Cell(harm), Cell("0.5 [0.4, 0.6]", strong=True)),)),
        Listing((harm, "second")),
        Figure("a drawing", picture, drawing),
    ]
    text = markdown("A title", blocks, tmp_path)
    assert text.startswith("# A title\n")
    assert "![a drawing](pictures/a.svg)" in text
    assert "**0.5 [0.4, 0.6]**" in text
    cells = [row for row in text.splitlines() if row.startswith("|")]
    assert len({row.count("|") for row in cells}) == 1
    page = html("A title", blocks)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 5
    assert "<strong>0.5</strong> <small>[0.4, 0.6]</small>" in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search(r'(src|href)="(?!data:|#)', page)
