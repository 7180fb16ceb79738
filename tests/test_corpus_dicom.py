"""DICOM series and HDF5 stacks as movies, and no word of whom they show."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from corpus_layouts import NAME, PATIENT, dicom, frames, recon, wav
from corpus_media import number_of
from seido.corpus.formats import recordings_of
from seido.corpus.frames import first_number
from seido.corpus.stack import open_stack, read_stack
from seido.corpus.survey import survey
from seido.corpus.video import movie_frames, probe_movie, read_movie
from seido.errors import BadInputError, MissingExtraError

DEEP = frames(12).astype(np.uint16) * 150


def numbers(folder, **how):
    return [number_of(frame) for frame in movie_frames(folder, **how)]


@pytest.mark.parametrize("first", [0, 1, 301])
def test_a_series_is_in_order_wherever_it_begins_to_count(tmp_path, first):
    dicom(tmp_path / "s", DEEP, first=first, FrameTime="20")
    assert numbers(tmp_path / "s") == list(range(12))
    assert numbers(tmp_path / "s", start=5, stop=8) == [5, 6, 7]


def test_16_bit_pictures_become_8_bit_as_stacks_do(tmp_path):
    dicom(tmp_path / "s", DEEP, FrameTime="20")
    np.savez(tmp_path / "s.npz", frames=DEEP, rate="50")
    movie = read_movie(tmp_path / "s")
    assert movie.rate == 50
    assert np.array_equal(movie.frames, read_stack(tmp_path / "s.npz").frames)
    assert movie.frames.max() == 255


def clock(step):
    return lambda index: (datetime(2020, 1, 1, 9, 59, 59) + timedelta(seconds=index * step)).strftime("%H%M%S.%f")


@pytest.mark.parametrize(
    ("tags", "rate"),
    [
        ({"FrameTime": "20"}, Fraction(50)),
        ({"TemporalResolution": 36.8}, 1000 / Fraction("36.8")),
        ({"AcquisitionTime": clock(0.0645)}, Fraction(2000, 129)),
        ({"TriggerTime": lambda index: str(index * 40)}, Fraction(25)),
        ({"RepetitionTime": "64.5"}, Fraction(2000, 129)),
        ({"CineRate": "14"}, Fraction(14)),
        ({"RepetitionTime": "2.1"}, None),
        ({"TemporalResolution": 0, "AcquisitionTime": "101010"}, None),
        ({}, None),
    ],
)
def test_the_rate_is_taken_from_whatever_header_tells_it(tmp_path, tags, rate):
    dicom(tmp_path / "s", DEEP, **tags)
    found = open_stack(tmp_path / "s").rate
    assert found == rate if rate is None else float(found) == pytest.approx(float(rate), rel=1e-4)


def test_without_a_rate_one_is_asked_for_or_given(tmp_path):
    dicom(tmp_path / "s", DEEP)
    with pytest.raises(BadInputError, match="its headers tell no frame rate; give one"):
        probe_movie(tmp_path / "s")
    assert probe_movie(tmp_path / "s", "15.5").rate == Fraction(31, 2)
    assert numbers(tmp_path / "s", rate=Fraction(31, 2)) == list(range(12))


def test_without_a_rate_the_sound_beside_a_series_tells_it(tmp_path):
    dicom(tmp_path / "s", DEEP)
    wav(tmp_path / "s.wav", 0.6)
    (one,), passed = recordings_of(tmp_path)
    assert passed == []
    assert one.rate == 20


def test_missing_frames_are_held_and_told(tmp_path):
    kept = [number for number in range(1, 61) if number != 30]
    pictures = frames(60).astype(np.uint16) * 150
    dicom(tmp_path / "s", pictures[[number - 1 for number in kept]], numbers=kept, FrameTime="20")
    wav(tmp_path / "s.wav", 1.2)
    assert numbers(tmp_path / "s") == [*range(29), 28, *range(30, 60)]
    assert any("1 of 60 frames are missing" in one for one in survey(tmp_path).problems)


def test_numbers_that_count_slices_say_nothing_about_time(tmp_path):
    dicom(tmp_path / "even", DEEP, numbers=range(2, 26, 2), FrameTime="20")
    assert numbers(tmp_path / "even") == list(range(12))
    dicom(tmp_path / "odd", DEEP, numbers=[number**2 for number in range(1, 13)], FrameTime="20")
    assert numbers(tmp_path / "odd") == list(range(12))


@pytest.mark.parametrize("suffix", [".dcm", ".IMA", ""])
def test_files_need_no_suffix_and_others_may_lie_among_them(tmp_path, suffix):
    dicom(tmp_path / "s", DEEP, FrameTime="20", suffix=suffix)
    (tmp_path / "s" / "notes.txt").write_text("the second try")
    (tmp_path / "s" / "._image0999.dcm").write_bytes(b"\0" * 99)
    assert numbers(tmp_path / "s") == list(range(12))


def test_damaged_series_get_one_sentence(tmp_path):
    folder = dicom(tmp_path / "s", DEEP, FrameTime="20")
    with pytest.raises(BadInputError, match="no DICOM pictures in it"):
        probe_movie(tmp_path)
    dicom(tmp_path / "two", DEEP[:2], FrameTime="20")
    for path in dicom(tmp_path / "other", DEEP[:2], first=50).iterdir():
        path.rename(tmp_path / "two" / f"other{path.name}")
    with pytest.raises(BadInputError, match="it holds 2 series"):
        probe_movie(tmp_path / "two")
    dicom(tmp_path / "same", DEEP[:3], numbers=[1, 2, 2])
    with pytest.raises(BadInputError, match="two files have InstanceNumber 2"):
        probe_movie(tmp_path / "same")
    dicom(tmp_path / "none", DEEP[:3], numbers=[None] * 3)
    with pytest.raises(BadInputError, match="no InstanceNumber"):
        probe_movie(tmp_path / "none")
    middle = sorted(folder.iterdir())[6]
    middle.write_bytes(middle.read_bytes()[:-500])
    with pytest.raises(BadInputError, match="its pixels cannot be read") as failure:
        list(movie_frames(folder))
    assert failure.value.__cause__ is None


def test_nothing_that_identifies_a_person_leaves_the_reader(tmp_path, caplog, capsys):
    root = tmp_path / "export"
    dicom(root / "DOE_JANE_19700102" / "series1", DEEP, FrameTime="20", PatientAge="junk!", PatientWeight="12")
    wav(root / "DOE_JANE_19700102" / "series1.wav")
    dicom(root / "john roe" / "series1", DEEP, name="Roe^John", numbers=[1, *range(1, 12)])
    wav(root / "john roe" / "series1.wav")
    found, _ = recordings_of(root)
    assert [(one.name, one.speaker) for one in found] == [("subject1_series1", "subject1")]
    for one in found:
        list(movie_frames(one.movie))
    told = survey(root)
    assert any("two files have InstanceNumber 1" in sentence for sentence in told.problems)
    said = " ".join([*(str(row) for row in told.rows), *told.problems, caplog.text, *capsys.readouterr()]).lower()
    said = said.replace(str(tmp_path).lower(), "")
    for word in (*NAME.lower().split("^"), "john", "roe", PATIENT.lower(), "19700102", "4711"):
        assert word not in said


def test_an_hdf5_stack_is_found_whatever_its_name(tmp_path):
    path = recon(tmp_path / "a.h5", DEEP, fps=23.18)
    assert probe_movie(path).rate == Fraction(1159, 50)
    assert numbers(path) == list(range(12))
    assert numbers(path, start=9) == [9, 10, 11]
    with pytest.raises(BadInputError, match="tells its frame rate"):
        probe_movie(recon(tmp_path / "b.h5", DEEP))


def test_what_matlab_wrote_is_turned_back(tmp_path):
    path = recon(tmp_path / "a.h5", DEEP, matlab=True)
    info = probe_movie(path, 83.28)
    assert (info.height, info.width, info.frames) == (48, 72, 12)
    assert numbers(path, rate=83.28) == list(range(12))


def test_complex_and_time_last_stacks(tmp_path):
    square = frames(12, 72, 72)
    path = recon(tmp_path / "a.h5", np.moveaxis(square * np.exp(0.3j), 0, 2), fps=10)
    assert numbers(path) == list(range(12))


def test_hdf5_files_without_one_stack(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["a"] = np.arange(4)
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"] = file["b/c"] = DEEP
    (tmp_path / "no.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"junk" * 30)
    for name, reason in (("none", "no stack"), ("two", r"2 stacks of pictures \(a, b/c\)"), ("no", "damaged")):
        with pytest.raises(BadInputError, match=reason):
            probe_movie(tmp_path / f"{name}.h5", 25)


def test_frame_numbers_from_0_and_from_1():
    assert first_number([3, 0]) == 0
    assert first_number([3, 10], 10) == 1
    assert first_number(range(1, 11), 10) == 1
    assert first_number([]) == 1
    with pytest.raises(BadInputError, match="do not fit"):
        first_number([0, 10], 10)
    with pytest.raises(BadInputError, match="do not fit"):
        first_number([-1])


def test_a_series_in_one_file_of_many_frames(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    (path,) = dicom(tmp_path / "s", DEEP[:1], FrameTime="40").iterdir()
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = len(DEEP)
    dataset.PixelData = DEEP.astype("<u2").tobytes()
    dataset.save_as(path)
    assert probe_movie(tmp_path / "s").rate == 25
    assert numbers(tmp_path / "s") == list(range(12))
    assert numbers(tmp_path / "s", start=7, stop=9) == [7, 8]


def test_exchanged_black_and_white_are_put_right(tmp_path):
    dicom(tmp_path / "s", 65535 - DEEP, FrameTime="40", PhotometricInterpretation="MONOCHROME1")
    assert numbers(tmp_path / "s") == list(range(12))


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    dicom(tmp_path / "s", DEEP, FrameTime="40")
    path = recon(tmp_path / "a.h5", DEEP, fps=25)
    monkeypatch.setattr("seido.corpus.dicom.find_spec", lambda _: None)
    monkeypatch.setattr("seido.corpus.hdf5.find_spec", lambda _: None)
    for place in (tmp_path / "s", path):
        with pytest.raises(MissingExtraError, match=r"pip install 'seido\[corpora\]'"):
            probe_movie(place)
