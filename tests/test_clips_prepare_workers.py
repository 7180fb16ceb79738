"""Preparing by several processes: the same bytes, whatever happens to them."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from seido.clips.prepare import PrepareOptions, prepare
from seido.clips.store import MANIFEST, RECORDINGS, open_clips
from seido.errors import BadInputError

COUNT = 6


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def corpus(tmp_path, movie_file):
    for number in range(COUNT):
        movie_file(f"corpus/s{number % 2}/take_{number}.mkv", frames=60 + number, lossless=True)
    return tmp_path / "corpus"


@pytest.fixture
def whole(corpus, tmp_path):
    prepare(corpus, tmp_path / "whole", PrepareOptions(split_by="time", seconds=1), workers=1)
    return contents(tmp_path / "whole")


def started(corpus: Path, out: Path) -> subprocess.Popen:
    """Start preparing by two processes, and return when the first recording is there."""
    words = ["prepare", str(corpus), str(out), "--split-by", "time", "--seconds", "1", "--workers", "2"]
    process = subprocess.Popen([sys.executable, "-m", "seido.cli", *words], stderr=subprocess.PIPE, text=True)
    while not list((out / RECORDINGS).glob("*.json")) if (out / RECORDINGS).exists() else process.poll() is None:
        time.sleep(0.01)
    return process


def children(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(inner for child in found for inner in children(child))]


def wait_for(what, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def test_two_workers_write_the_same_bytes_as_one(corpus, whole, tmp_path):
    seen = []
    prepare(
        corpus, tmp_path / "two", PrepareOptions(split_by="time", seconds=1), lambda *now: seen.append(now), workers=2
    )
    assert contents(tmp_path / "two") == whole
    assert [done for _, done, _ in seen] == list(range(1, COUNT + 1))


@pytest.mark.skipif(not Path("/proc").exists(), reason="tells processes apart by /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_or_stopped_it_leaves_no_worker_and_goes_on_to_the_same_bytes(corpus, whole, tmp_path, how):
    process = started(corpus, tmp_path / "killed")
    workers = children(process.pid)
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    if how == signal.SIGINT and process.returncode:
        assert process.returncode == 130
        assert said == "seido: stopped; nothing half-written is left\n"
        assert not [path for path in (tmp_path / "killed").rglob(".*") if path.is_file()]
    if process.returncode:
        assert not (tmp_path / "killed" / MANIFEST).exists()
    prepare(corpus, tmp_path / "killed", PrepareOptions(split_by="time", seconds=1), workers=2)
    assert contents(tmp_path / "killed") == whole


def test_a_bad_recording_among_workers(corpus, tmp_path):
    (corpus / "s0" / "take_bad.mkv").write_bytes((corpus / "s0" / "take_0.mkv").read_bytes()[:2000])
    (corpus / "s0" / "take_empty.mkv").touch()
    outcome = prepare(corpus, tmp_path / "clips", PrepareOptions(split_by="time", seconds=1), workers=2)
    assert len({entry.recording for entry in outcome.clips.entries}) == COUNT
    assert len(outcome.problems) == 2
    again = prepare(corpus, tmp_path / "one", PrepareOptions(split_by="time", seconds=1), workers=1)
    assert outcome.problems == again.problems
    assert contents(tmp_path / "clips") == contents(tmp_path / "one")


@pytest.mark.skipif(find_spec("distributed") is None, reason="the extra cluster is not installed")
@pytest.mark.filterwarnings("default")
def test_a_cluster_writes_the_same_bytes(corpus, whole, tmp_path):
    from distributed import LocalCluster

    options = PrepareOptions(split_by="time", seconds=1)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        outcome = prepare(corpus, tmp_path / "clips", options, address=cluster.scheduler_address)
    assert len(outcome.clips) == len(open_clips(tmp_path / "whole"))
    assert contents(tmp_path / "clips") == whole


@pytest.mark.skipif(find_spec("distributed") is None, reason="the extra cluster is not installed")
def test_a_cluster_that_is_not_there_is_told(corpus, tmp_path, monkeypatch):
    from seido.clips import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", "1s")
    with pytest.raises(BadInputError, match="no scheduler answers there"):
        prepare(corpus, tmp_path / "clips", PrepareOptions(split_by="time"), address="tcp://127.0.0.1:9")


def test_no_workers_are_refused_before_anything_is_written(corpus, tmp_path):
    with pytest.raises(BadInputError, match="--workers 1 or more"):
        prepare(corpus, tmp_path / "clips", PrepareOptions(), workers=0)
    assert not (tmp_path / "clips").exists()


def test_bytes_do_not_depend_on_threads(corpus, whole, tmp_path):
    words = ["prepare", str(corpus), str(tmp_path / "b"), "--split-by", "time", "--seconds", "1", "--workers", "1"]
    subprocess.run([sys.executable, "-m", "seido.cli", *words], env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
    assert contents(tmp_path / "b") == whole
