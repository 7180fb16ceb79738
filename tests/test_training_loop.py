import csv
import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file, save_file

from seido.clips.store import open_clips
from seido.errors import BadInputError, NotFiniteError, OutputError
from seido.models.checkpoint import build, load_checkpoint, save_checkpoint
from seido.models.device import choose_device
from seido.models.wav2lip import Wav2Lip
from seido.plan import FrontEnd, Network, Plan
from seido.training.augment import AugmentOptions
from seido.training.history import HISTORY
from seido.training.loop import train
from seido.training.options import LossOptions, TrainOptions
from seido.training.state import BEST, LAST, read_last
from training_clips import write_clips

BRIEF = TrainOptions(
    width=Fraction(1, 16),
    batch=2,
    steps=8,
    warm_up=2,
    validate_every=3,
    validation_frames=6,
    learning_rate=3e-3,
    device="cpu",
    threads=1,
    augment=AugmentOptions(intensity=0.1, bias=0.1, noise=0.01, shift=2, scale=0.02, warp=0, mel_warp=0),
)


class KilledError(Exception):
    """What stops a run without warning."""


def killing(after: int):
    def progress(shown) -> None:
        if shown.step == after:
            raise KilledError

    return progress


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "clips", train=8)


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    trained = train(clips, out, BRIEF)
    assert trained.stopped == "steps"
    return out


def assert_same_run(one: Path, other: Path) -> None:
    assert (one / BEST).read_bytes() == (other / BEST).read_bytes()
    first, second = read_last(one), read_last(other)
    assert first.tensors.keys() == second.tensors.keys()
    assert all(torch.equal(tensor, second.tensors[name]) for name, tensor in first.tensors.items())
    assert first.options == second.options
    assert first.plan == second.plan

    def untimed(saved):
        return replace(
            saved.ledger, history=tuple(replace(row, frames_per_second=None) for row in saved.ledger.history)
        )

    assert untimed(first) == untimed(second)
    with (other / HISTORY).open(newline="", encoding="utf-8") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [row.step for row in first.ledger.history]


def test_a_network_learns_to_follow_the_speech(clips, tmp_path):
    options = replace(
        BRIEF,
        batch=8,
        steps=100,
        warm_up=10,
        validate_every=25,
        validation_frames=32,
        losses=LossOptions(structure=0.1),
    )
    trained = train(clips, tmp_path / "run", options)
    assert [row.step for row in trained.history] == [0, 25, 50, 75, 100]
    untrained, held = trained.history[0].validation_loss, trained.history[0].trivial_loss
    assert untrained == pytest.approx(held, abs=1e-6)  # a residual network begins by holding the first frame
    assert trained.best_loss < 0.65 * held
    assert trained.history[-1].train_loss < trained.history[1].train_loss
    assert trained.why == "All 100 steps are done."


def test_the_checkpoint_says_what_it_is(clips, whole):
    store = open_clips(clips)
    checkpoint = load_checkpoint(whole / BEST)
    plan = checkpoint.plan
    assert plan.network == Network(width=Fraction(1, 16), residual=True)
    assert plan.front_end == FrontEnd(lead=Fraction(2, 25))
    assert (plan.rate, plan.region, plan.frame_size) == (25, store.prepared.region, store.prepared.frame_size)
    assert (plan.recipe, plan.antialias, plan.corpus) == ("tract", True, store.digest)
    assert plan.notes["clips"] == "8"
    assert plan.notes["seconds"] == "9.6"
    ledger = read_last(whole).ledger
    assert checkpoint.step == ledger.best_step
    assert plan.notes["validation_loss"] == f"{ledger.best_loss:.6f}"
    assert [row.step for row in ledger.history] == [0, 3, 6, 8]


@pytest.mark.parametrize("step", [0, 1, 3, 4, 8])
def test_a_killed_run_ends_as_if_it_had_not_been(clips, whole, tmp_path, step):
    with pytest.raises(KilledError):
        train(clips, tmp_path / "run", BRIEF, progress=killing(step))
    train(clips, tmp_path / "run", BRIEF, resume=True)
    assert_same_run(whole, tmp_path / "run")


def test_a_run_killed_twice_and_interrupted_once_does_too(clips, whole, tmp_path):
    for step in (4, 7):
        with pytest.raises(KilledError):
            train(clips, tmp_path / "run", BRIEF, resume=step > 4, progress=killing(step))

    def interrupt(shown) -> None:
        if shown.step == 7:
            raise KeyboardInterrupt

    stopped = train(clips, tmp_path / "run", BRIEF, resume=True, progress=interrupt)
    assert (stopped.stopped, stopped.step) == ("interrupted", 7)
    train(clips, tmp_path / "run", BRIEF, resume=True)
    assert_same_run(whole, tmp_path / "run")


def test_a_process_that_is_shot_can_be_resumed(clips, whole, tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from seido.training.loop import train
        from test_training_loop import BRIEF

        def progress(shown):
            print(shown.step, flush=True)

        train(Path(sys.argv[1]), Path(sys.argv[2]), BRIEF, progress=progress)
        """
    )
    command = [sys.executable, "-c", script, str(clips), str(tmp_path / "run")]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=here) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 5:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    train(clips, tmp_path / "run", BRIEF, resume=True)
    assert_same_run(whole, tmp_path / "run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_step_and_saves(clips, whole, tmp_path, number):
    before = signal.getsignal(number)

    def progress(shown) -> None:
        if shown.step == 4:
            signal.raise_signal(number)

    stopped = train(clips, tmp_path / "run", BRIEF, progress=progress)
    assert (stopped.stopped, stopped.step) == ("interrupted", 4)
    assert stopped.why == "Interrupted after step 4; --resume goes on."
    assert read_last(tmp_path / "run").ledger.step == 4
    assert signal.getsignal(number) is before
    train(clips, tmp_path / "run", BRIEF, resume=True)
    assert_same_run(whole, tmp_path / "run")


def test_a_second_ctrl_c_is_obeyed_at_once(clips, tmp_path):
    def progress(shown) -> None:
        if shown.step == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second signal did nothing")

    stopped = train(clips, tmp_path / "run", BRIEF, progress=progress)
    assert (stopped.stopped, stopped.step) == ("interrupted", 1)


def test_training_works_in_any_thread(clips, whole, tmp_path):
    thread = threading.Thread(target=train, args=(clips, tmp_path / "run", BRIEF))
    thread.start()
    thread.join()
    assert_same_run(whole, tmp_path / "run")


def test_a_finished_run_stays_as_it_is(clips, whole, tmp_path):
    trained = train(clips, tmp_path / "run", BRIEF)
    files = {name: (tmp_path / "run" / name).read_bytes() for name in (BEST, LAST, HISTORY)}
    again = train(clips, tmp_path / "run", BRIEF, resume=True)
    assert again == trained
    assert files == {name: (tmp_path / "run" / name).read_bytes() for name in (BEST, LAST, HISTORY)}
    assert_same_run(whole, tmp_path / "run")


def test_the_seed_decides(clips, whole, tmp_path):
    torch.manual_seed(7)
    state = torch.get_rng_state()
    train(clips, tmp_path / "run", replace(BRIEF, seed=1, steps=3))
    assert torch.equal(torch.get_rng_state(), state)
    other = load_checkpoint(tmp_path / "run" / BEST).weights
    assert any(not torch.equal(tensor, other[name]) for name, tensor in load_checkpoint(whole / BEST).weights.items())


def test_training_stops_when_nothing_is_gained(clips, tmp_path):
    options = replace(BRIEF, steps=50, learning_rate=1e-12, validate_every=1, patience=3, minimum_gain=0.5)
    trained = train(clips, tmp_path / "run", options)
    assert (trained.stopped, trained.step) == ("patience", 3)
    assert trained.why == "Stopped at step 3: 3 validations brought no gain."
    again = train(clips, tmp_path / "run", options, resume=True)
    assert (again.stopped, again.step) == ("patience", 3)


def test_training_stops_when_the_time_is_up_and_can_go_on(clips, whole, tmp_path):
    hurried = replace(BRIEF, minutes=1e-6)
    trained = train(clips, tmp_path / "run", hurried)
    assert (trained.stopped, trained.step) == ("minutes", 0)
    assert trained.best.exists()
    train(clips, tmp_path / "run", BRIEF, resume=True)
    assert_same_run(whole, tmp_path / "run")


def test_fine_tuning_our_own_checkpoint_begins_where_it_ended(clips, whole, tmp_path):
    held = read_last(whole).ledger
    options = replace(BRIEF, init=whole / BEST, width=Fraction(1, 2), residual=False, learning_rate=None, steps=2)
    trained = train(clips, tmp_path / "run", options)
    assert trained.history[0].validation_loss == pytest.approx(held.best_loss, abs=1e-6)
    plan = load_checkpoint(trained.best).plan
    assert plan.network == Network(width=Fraction(1, 16), residual=True)
    assert plan.front_end.lead == Fraction(2, 25)
    assert len(plan.notes["init_sha256"]) == 64


def test_fine_tuning_published_weights_keeps_their_timing_and_their_licence(clips, tmp_path):
    width = Fraction(1, 16)
    init = tmp_path / "published.safetensors"
    save_checkpoint(init, Wav2Lip(width), Plan(network=Network(width=width), notes={"licence": "research only"}))
    trained = train(clips, tmp_path / "run", replace(BRIEF, init=init, steps=2))
    plan = load_checkpoint(trained.best).plan
    assert plan.front_end.lead == Fraction(1, 25)
    assert (plan.recipe, plan.antialias, plan.network.residual) == ("tract", False, False)
    assert plan.notes["licence"] == "research only"


def test_published_files_without_a_plan_can_be_fine_tuned(clips, tmp_path):
    init = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in Wav2Lip(1 / 16).state_dict().items()}}, init)
    trained = train(clips, tmp_path / "run", replace(BRIEF, init=init, steps=1, recipe="talk"))
    network = build(load_checkpoint(trained.best))
    assert isinstance(network, Wav2Lip)
    assert load_checkpoint(trained.best).plan.recipe == "talk"


def test_a_loss_that_explodes_ends_in_a_sentence_and_keeps_what_was_good(clips, tmp_path):
    options = replace(BRIEF, learning_rate=1.0, clip_gradient=1e30, validate_every=1, warm_up=0)
    init = tmp_path / "huge.safetensors"
    network = Wav2Lip(Fraction(1, 16), residual=True)
    with torch.no_grad():
        network.output_block[1].weight.fill_(1e38)
    plan = Plan(network=Network(width=Fraction(1, 16), residual=True))
    save_checkpoint(init, network, plan)
    with pytest.raises(NotFiniteError, match=r"run: the loss was no longer a finite number at step \d+; .* lower"):
        train(clips, tmp_path / "run", replace(options, init=init))
    for name in (BEST, LAST):
        if (tmp_path / "run" / name).exists():
            assert all(torch.isfinite(tensor).all() for tensor in read_last(tmp_path / "run").tensors.values())


def test_a_gradient_that_is_not_finite_changes_no_weight(clips, tmp_path):
    root = write_clips(tmp_path / "clips")
    for path in (root / "recordings").glob("*.safetensors"):
        arrays = load_file(path)
        if path.stem <= "clip03":
            arrays["mel"][:] = float("nan")
        save_file(arrays, path)
    with pytest.raises(NotFiniteError, match="at step 1; the checkpoints of the last validation are kept"):
        train(root, tmp_path / "run", BRIEF)
    saved = read_last(tmp_path / "run")
    assert saved.ledger.step == 0
    assert all(torch.isfinite(tensor).all() for tensor in saved.tensors.values())
    load_checkpoint(tmp_path / "run" / BEST)


def test_a_run_is_never_overwritten(clips, whole):
    with pytest.raises(OutputError, match=f"^{whole}: a training run is in it already; resume it with --resume"):
        train(clips, whole, BRIEF)


def test_there_must_be_a_run_to_resume(clips, tmp_path):
    with pytest.raises(BadInputError, match="there is no run here to resume"):
        train(clips, tmp_path / "run", BRIEF, resume=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 3}, "begun with batch 2, not 3"),
        ({"width": Fraction(1, 8)}, "begun with width 1/16, not 1/8"),
        ({"losses": LossOptions(structure=0.1)}, "begun with losses.structure 0.0, not 0.1"),
        ({"seed": 3}, "begun with seed 0, not 3"),
    ],
)
def test_a_run_goes_on_with_its_own_options_only(clips, whole, changes, words):
    with pytest.raises(BadInputError, match=f"^{whole}: this run was {words}; resume it with the same options"):
        train(clips, whole, replace(BRIEF, **changes), resume=True)


def test_where_and_how_long_may_differ_when_a_run_goes_on(clips, whole):
    trained = train(clips, whole, replace(BRIEF, minutes=5, device="auto", threads=2, memory=0), resume=True)
    assert trained.stopped == "steps"


def test_a_run_goes_on_with_its_own_clips_only(whole, tmp_path):
    other = write_clips(tmp_path / "clips", train=3)
    with pytest.raises(BadInputError, match="begun with other clips"):
        train(other, whole, BRIEF, resume=True)


def test_a_run_whose_best_is_gone_is_not_resumed(clips, tmp_path):
    train(clips, tmp_path / "run", replace(BRIEF, steps=1))
    (tmp_path / "run" / BEST).unlink()
    with pytest.raises(BadInputError, match=f"{BEST}: it is missing"):
        train(clips, tmp_path / "run", replace(BRIEF, steps=1), resume=True)


def test_clips_at_another_rate_than_the_checkpoints_are_refused(whole, tmp_path):
    slow = write_clips(tmp_path / "clips", rate=Fraction(1159, 50))
    with pytest.raises(BadInputError, match=r"best.safetensors: it works at 25 frames/s but the clips .* 23.18"):
        train(slow, tmp_path / "run", replace(BRIEF, init=whole / BEST))
    assert not (tmp_path / "run").exists()


def test_clips_at_any_rate_can_be_trained_on_from_scratch(tmp_path):
    rate = Fraction(1159, 50)
    trained = train(write_clips(tmp_path / "clips", rate=rate), tmp_path / "run", replace(BRIEF, steps=1))
    plan = load_checkpoint(trained.best).plan
    assert plan.rate == rate
    assert plan.front_end.lead == Fraction(1, 10) - 1 / rate / 2


def test_a_checkpoint_with_another_front_end_is_refused(clips, tmp_path):
    width = Fraction(1, 16)
    init = tmp_path / "other.safetensors"
    save_checkpoint(init, Wav2Lip(width), Plan(network=Network(width=width), front_end=FrontEnd(lowest=80.0)))
    with pytest.raises(BadInputError, match="hears through another front-end"):
        train(clips, tmp_path / "run", replace(BRIEF, init=init))


def test_a_corpus_without_validation_clips_is_refused_before_anything_is_written(tmp_path):
    root = write_clips(tmp_path / "clips", validation=0)
    with pytest.raises(BadInputError, match="--split-by time"):
        train(root, tmp_path / "run", BRIEF)
    assert not (tmp_path / "run").exists()


def test_a_folder_without_clips_and_a_missing_checkpoint_are_named(clips, tmp_path):
    with pytest.raises(BadInputError, match="no prepared clips"):
        train(tmp_path, tmp_path / "run", BRIEF)
    with pytest.raises(BadInputError, match="nothing.pth"):
        train(clips, tmp_path / "run", replace(BRIEF, init=tmp_path / "nothing.pth"))


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda"}
    for name in ("abacus", "cuda:99"):
        with pytest.raises(BadInputError, match=f"device: '{name}' cannot be used"):
            choose_device(name)
