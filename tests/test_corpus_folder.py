"""Folders of recordings: what belongs together, who speaks, and what is passed over."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import soundfile

from corpus_media import click, numbered, write_movie
from seido.corpus.folder import find_recordings, recordings
from seido.errors import BadInputError

FRAMES = np.stack([numbered(number) for number in range(5)])


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    soundfile.write(folder / "a.wav", click(0.2, 0.1), 48_000)
    return {
        "silent": write_movie(folder / "silent.avi", FRAMES, codec="mpeg4").read_bytes(),
        "sound": write_movie(folder / "sound.mp4", FRAMES, sound=click(0.2, 0.1)).read_bytes(),
        "wav": (folder / "a.wav").read_bytes(),
    }


def put(root, media, **files):
    for name, kind in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(media[kind])


def test_the_layout_of_the_75_speaker_corpus(tmp_path, media):
    for speaker in ("sub002", "sub001"):
        for task in ("01_vcv1_r1", "05_bvt_r2"):
            name = f"{speaker}_2drt_{task}"
            put(
                tmp_path,
                media,
                **{
                    f"{speaker}__2drt__video__{name}_videoDOTmp4": "sound",
                    f"{speaker}__2drt__audio__{name}_audioDOTwav": "wav",
                },
            )
    found, problems = find_recordings(tmp_path)
    assert problems == []
    assert [recording.speaker for recording in found] == ["sub001", "sub001", "sub002", "sub002"]
    assert found[0].name == "sub001_2drt_video_sub001_2drt_01_vcv1_r1_video"
    assert found[0].speech == tmp_path / "sub001/2drt/audio/sub001_2drt_01_vcv1_r1_audio.wav"
    assert list(recordings(tmp_path)) == found


def test_sibling_folders_and_the_same_folder(tmp_path, media):
    put(
        tmp_path,
        media,
        F1__avi__usctimit_f1_001DOTavi="silent",
        F1__wav__usctimit_f1_001DOTwav="wav",
        M1__takeDOTmp4="sound",
        M1__otherDOTavi="silent",
        M1__otherDOTWAV="wav",
    )
    found, problems = find_recordings(tmp_path)
    assert problems == []
    assert [(r.name, r.speaker, r.speech.name) for r in found] == [
        ("F1_avi_usctimit_f1_001", "F1", "usctimit_f1_001.wav"),
        ("M1_other", "M1", "other.WAV"),
        ("M1_take", "M1", "take.mp4"),
    ]


def test_speakers_from_names(tmp_path, media):
    put(tmp_path, media, F1_001DOTmp4="sound", **{"M2-001DOTmp4": "sound"}, aloneDOTmp4="sound", _aDOTmp4="sound")
    put(tmp_path, media, avi__K3_1DOTavi="silent", wav__K3_1DOTwav="wav")
    found, _ = find_recordings(tmp_path)
    assert {r.name: r.speaker for r in found} == {
        "F1_001": "F1",
        "M2-001": "M2",
        "alone": "alone",
        "_a": "_a",
        "avi_K3_1": "K3",
    }


def test_names_are_safe_and_unique(tmp_path, media):
    put(tmp_path, media, **{"a b__c dDOTmp4": "sound", "a_b__c_dDOTmp4": "sound", "話者__発話 1DOTmp4": "sound"})
    found, _ = find_recordings(tmp_path)
    assert [r.name for r in found] == ["a_b_c_d", "a_b_c_d-2", "___1"]
    assert all(r.movie.exists() for r in found)


def test_what_is_passed_over_is_told(tmp_path, media):
    put(
        tmp_path,
        media,
        S__goodDOTmp4="sound",
        S__goodDOTavi="silent",
        S__lonelyDOTwav="wav",
        S__silentDOTavi="silent",
        S__DOT_goodDOTmp4="sound",
        DOThidden__xDOTmp4="sound",
        S__notesDOTtxt="wav",
    )
    (tmp_path / "S/broken.mp4").write_bytes(media["sound"][:500])
    found, problems = find_recordings(tmp_path)
    assert [r.movie.name for r in found] == ["good.mp4"]
    told = "\n".join(problems)
    assert len(problems) == 4
    for sentence in (
        "lonely.wav: there is no movie",
        "silent.avi: it has no sound",
        "broken.mp4: its index",
        "good.avi",
    ):
        assert sentence in told


def test_twins_are_one_recording(tmp_path, media):
    put(tmp_path, media, S__aDOTmp4="sound", S__aDOTmkv="sound", S__aDOTwav="wav", S__aDOTflac="wav")
    found, problems = find_recordings(tmp_path)
    assert len(found) == 1
    assert len(problems) == 2
    assert all("the same recording as" in problem for problem in problems)


def test_one_movie_as_root(tmp_path, media):
    put(tmp_path, media, F1_1DOTmp4="sound", F1_2DOTmp4="sound", avi__K3_1DOTavi="silent", wav__K3_1DOTwav="wav")
    (recording,) = recordings(tmp_path / "F1_1.mp4")
    assert (recording.name, recording.speaker, recording.speech.name) == ("F1_1", "F1", "F1_1.mp4")
    (recording,) = recordings(tmp_path / "avi/K3_1.avi")
    assert (recording.name, recording.speech) == ("K3_1", tmp_path / "wav/K3_1.wav")


def test_lazily(tmp_path, media):
    put(tmp_path, media, A__aDOTmp4="sound")
    found = recordings(tmp_path)
    (tmp_path / "B").mkdir()
    assert [r.name for r in islice(found, 1)] == ["A_a"]


def test_no_recordings(tmp_path, media):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match="no recordings found; give"):
        list(recordings(tmp_path / "empty"))
    put(tmp_path, media, empty__xDOTwav="wav")
    with pytest.raises(BadInputError, match=r"1 passed over, the first: .*x\.wav"):
        list(recordings(tmp_path / "empty"))
    with pytest.raises(BadInputError, match="no such folder"):
        recordings(tmp_path / "missing")
    with pytest.raises(BadInputError, match="neither a folder"):
        recordings(tmp_path / "empty/x.wav")
