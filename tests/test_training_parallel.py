import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seido.errors import BadInputError
from seido.models.checkpoint import load_checkpoint
from seido.training.adapt import AdaptOptions
from seido.training.loop import train
from seido.training.options import LossOptions
from seido.training.state import BEST, read_last
from test_training_loop import BRIEF
from training_clips import write_clips

SHARED = replace(BRIEF, batch=8, steps=4, validate_every=2, losses=LossOptions(structure=0.1, motion=0.5, quality=0.1))
SCRIPT = textwrap.dedent(
    """
    import sys
    from dataclasses import replace
    from pathlib import Path
    from seido.training.loop import train
    from test_training_parallel import SHARED

    train(Path(sys.argv[1]), Path(sys.argv[2]), replace(SHARED, steps=1))
    """
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "clips", train=8)


def by_two(clips: Path, out: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    command += [sys.executable, "-c", SCRIPT, str(clips), str(out)]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=here, capture_output=True, timeout=300)


@pytest.mark.parametrize("network", ["generator", "quality"])
def test_two_processes_follow_the_gradient_that_one_does(clips, pair, network):
    one, two = (read_last(run) for run in pair)
    name = f"adam/{network}/"
    moments = [key for key in one.tensors if key.startswith(name) and key.endswith("/exp_avg")]
    assert moments
    first, second = (torch.cat([run.tensors[key].flatten() for key in moments]) for run in (one, two))
    assert float((first - second).norm() / first.norm()) < 3e-5
    means = [key for key in one.tensors if "running_" in key and key.startswith("weights")]
    for key in means:
        assert torch.allclose(one.tensors[key], two.tensors[key], rtol=1e-4, atol=1e-5), key
    for before, after in zip(one.ledger.history, two.ledger.history, strict=True):
        assert after.validation_loss == pytest.approx(before.validation_loss, abs=1e-6)
        assert after.train_loss == pytest.approx(before.train_loss, abs=1e-6)
        assert after.parts == pytest.approx(before.parts, abs=1e-5)


@pytest.fixture(scope="module")
def pair(clips, tmp_path_factory) -> tuple[Path, Path]:
    """One step of one process with the whole batch, and of two with half of it each."""
    root = tmp_path_factory.mktemp("pair")
    train(clips, root / "one", replace(SHARED, steps=1))
    by_two(clips, root / "two")
    return root / "one", root / "two"


def test_a_step_in_passes_follows_the_same_mean_gradient(clips, tmp_path):
    # With batch normalisation fixed, the passes of a step add up to the step.
    fixed = replace(SHARED, losses=LossOptions(), adapt=AdaptOptions(freeze=("*conv_block.1",)))
    init = train(clips, tmp_path / "init", replace(BRIEF, steps=1)).best
    for name, accumulate in (("whole", 1), ("passes", 4)):
        train(clips, tmp_path / name, replace(fixed, init=init, accumulate=accumulate))
    whole, passes = (read_last(tmp_path / name).ledger.history for name in ("whole", "passes"))
    for first, second in zip(whole, passes, strict=True):
        assert second.validation_loss == pytest.approx(first.validation_loss, abs=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused(clips, tmp_path):
    with pytest.raises(BadInputError, match="batch: 8 cannot be shared by 3; give a multiple"):
        train(clips, tmp_path / "run", replace(SHARED, accumulate=3))


def test_one_process_goes_on_with_what_two_began(clips, pair, tmp_path):
    run = shutil.copytree(pair[1], tmp_path / "run")
    with pytest.raises(BadInputError, match="begun with steps 1, not 6"):
        train(clips, run, replace(SHARED, steps=6), resume=True)
    assert train(clips, run, replace(SHARED, steps=1), resume=True).step == 1
    load_checkpoint(run / BEST)
