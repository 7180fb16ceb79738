"""The model card of a run: what was trained on what, how well, who may use it and what for (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seido.models.baselines import BASELINES, TITLES
from seido.models.checkpoint import PUBLISHED
from seido.models.movers import MOVERS
from seido.models.movers import TITLES as MOVER_TITLES
from seido.models.removers import REMOVERS
from seido.models.removers import TITLES as REMOVER_TITLES
from seido.plan import Plan
from seido.training.options import FINE_TUNING, TrainOptions
from seido.training.state import BEST

_TITLES = {
    "wav2lip": "A generator of vocal-tract movies",
    "baseline": "A baseline that turns speech into vocal-tract movies",
    "syncnet": "A sync expert for vocal-tract movies",
    "remover": "A remover of scanner noise from speech",
}
_TRIVIAL = {
    "wav2lip": "the clip's first frame held still",
    "baseline": "the clip's first frame held still, which it does not see",
    "syncnet": "a guess",
    "remover": "the noisy speech as it is",
}
_GAP = "\n\n"
_SAID_ELSEWHERE = frozenset({"model", "width", "residual", "recipe", "init", "losses.expert"})
_RECIPES = {
    "tract": "`tract`: it sees the clip's first frame and speech, and predicts the whole frame; no pixel of the true "
    "frame is shown to it",
    "talk": "`talk`, as published (Prajwal et al. 2020): in training it sees the upper half of the true frame and "
    "completes the lower half",
}
_LIMITS = {
    "wav2lip": """\
For seeing how a vocal tract of the kind in the training data would probably move with given speech: in teaching, in
demonstrations, as a first guess.

- **A generated movie shows what the network expects. It is no measurement.** Nobody's tongue was observed while that
  speech was spoken.
- Do not diagnose, plan a treatment or decide a phonetic question with it. Sounds, languages, voices, speakers, scanners
  and views that are not in the training data may come out wrong and look right.
- Speech does not determine the whole tract: what is not heard (a resting tongue tip, the velum in a pause) is made up.
- It paints {size} × {size} pixels at {rate} frames/s: finer or faster movement is not in it.
- Show its movies as generated, and do not use the picture of somebody who did not agree to it.""",
    "baseline": """\
For comparison: what a generator that sees the speaker has to beat.

- **It sees no picture of the speaker: for a speaker it was not trained on, it shows those it was trained on.**
- **Its movies show what the network expects. They are no measurement.**
- It paints {size} × {size} grey pixels at {rate} frames/s.""",
    "syncnet": """\
For training a generator whose pictures follow speech, and for telling by how much speech and picture are apart.

- **Its scores tell whether it takes speech and pictures for simultaneous, not whether a movie is true.**
- A generator trained with it as critic learns to please it: judge such a generator by another expert or measure.
- Sounds, languages, voices, speakers, scanners and frame rates that are not in the training data may be misjudged.""",
    "remover": """\
For hearing what was said while a scanner ran, and for training and generating with such speech.

- **It may take away speech and leave noise: what is heard after it is an estimate.** Keep the recording as it was.
- Do not diagnose a voice or decide a phonetic question by it; quiet frication and breath suffer first.
- Noise other than a scanner's (clicks, other voices, music) is not what it learnt.
- It works at 16 kHz; what lies above is only made softer or left.""",
}
_USES = {
    "wav2lip": f"""\
seido generate SPEECH.wav FRAME.png --out MOVIE.mp4 --model {BEST}
seido evaluate {BEST} CLIPS --out SCORES
seido models show {BEST}""",
    "baseline": f"""\
seido generate SPEECH.wav FRAME.png --out MOVIE.mp4 --model {BEST}
seido evaluate {BEST} CLIPS --out SCORES
seido models show {BEST}""",
    "remover": f"""\
seido denoise IN.wav OUT.wav --method REMOVER --model {BEST}
seido models show {BEST}""",
    "syncnet": f"""\
seido train CLIPS OUT --losses.sync 0.03 --losses.expert {BEST}
seido models show {BEST}""",
}


def model_card(plan: Plan, record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], ended: str) -> str:
    """Write a run's model card in Markdown; the same run gives the same text, for it holds no date and no timing.

    Parameters
    ----------
    plan
        The plan of the run's checkpoint.
    record
        The options that count, nested, as TrainOptions.record gives them.
    rows
        The validations, as in the run's history: step, train_loss, validation_loss, trivial_loss and parts.
    ended
        Why training stopped, a sentence; empty while it goes on.

    """
    name = plan.network.name
    kind = "baseline" if name in BASELINES else "syncnet" if name == "syncnet" else "wav2lip"
    kind = "remover" if name in REMOVERS else kind
    limits = _LIMITS[kind].format(size=plan.network.size, rate=f"{float(plan.rate):g}")
    return f"""# {_TITLES[kind]}

{_what(plan, kind)}

## Data

{_lines(_data(plan))}

## Training

{_lines(_training(plan, record, kind))}

{f"{ended}{_GAP}" if ended else ""}{_options(record)}

## Scores

{_scores(rows, kind)}

## Origin and licence

{_lines(_origin(plan, record))}

## What it is for, and what not

{limits}

## How to use it

```
{_USES[kind].replace("REMOVER", name)}
```
"""


def _what(plan: Plan, kind: str) -> str:
    width = plan.network.width
    size = "of the published size" if width == 1 else f"with {width} of the published network's channels"
    if kind == "remover":
        title = REMOVER_TITLES[plan.network.name]
        wide = "" if width == 1 else f", with {width} of its channels"
        return f"{title[0].upper()}{title[1:]}{wide}. From speech in a scanner's noise it makes the speech without."
    if kind == "syncnet":
        return (
            f"A SyncNet (Prajwal et al. 2020) {size}. It judges whether 0.2 s of speech and five frames in a row "
            "belong together."
        )
    if kind == "baseline":
        title = TITLES[plan.network.name]
        return f"{title[0].upper()}{title[1:]} {size}. It sees speech alone, no picture of the speaker."
    if plan.network.name == "tract":
        wide = "" if width == 1 else f", with {width} of its channels"
        return (
            f"Our generator for the vocal tract{wide}: it hears all of the speech, warps the first frame and paints "
            "what opens and closes. From speech and one frame it generates the movie of the vocal tract that spoke."
        )
    if plan.network.name in MOVERS:
        wide = "" if width == 1 else f", with {width} of its channels"
        return (
            f"A generator kept for comparison: {MOVER_TITLES[plan.network.name]}{wide}. From speech and one frame, "
            "which it warps, it generates the movie of the vocal tract that spoke."
        )
    adding = "; it adds what changes to the reference picture" if plan.network.residual else ""
    return (
        f"A Wav2Lip generator (Prajwal et al. 2020) {size}{adding}. From speech and one frame it generates the movie "
        "of the vocal tract that spoke."
    )


def _sounds(plan: Plan) -> Iterator[str]:
    yield f"Clean speech: {plan.notes.get('recordings')} recordings, {plan.notes.get('seconds')} s in all."
    yield "Scanners drawn at random, mixed in on the fly."
    if noise := plan.notes.get("noise_seconds"):
        yield f"Recorded noise: {noise} s."
    yield f"SHA-256 of all sounds: `{plan.corpus}`."


def _data(plan: Plan) -> Iterator[str]:
    if plan.network.name in REMOVERS:
        yield from _sounds(plan)
        return
    clips, seconds = plan.notes.get("clips"), plan.notes.get("seconds")
    if clips and seconds:
        yield f"Training clips: {clips}, {seconds} s in all."
    if speakers := plan.notes.get("speakers"):
        yield f"Speakers: {speakers}."
    yield f"Clips' manifest: SHA-256 `{plan.corpus}`." if plan.corpus else "Clips' manifest: not noted."
    yield f"Frame rate: {float(plan.rate):g} frames/s" + ("." if plan.rate.denominator == 1 else f" ({plan.rate}).")
    if plan.region is None:
        yield "Region: not noted."
    else:
        of = f" of frames of {plan.frame_size[1]} × {plan.frame_size[0]} pixels" if plan.frame_size else ""
        yield f"Region (X,Y,W,H): {plan.region}{of}."


def _training(plan: Plan, record: Mapping[str, Any], kind: str) -> Iterator[str]:
    if kind == "remover":
        yield "Loss: negative SI-SNR, the squared error of the complex mask, and that of compressed magnitudes."
    if kind == "wav2lip":
        yield f"Recipe {_RECIPES.get(plan.recipe, f'`{plan.recipe}`')}."
    if expert := _flat(record).get("losses.expert"):
        yield f"Critic: the sync expert with SHA-256 `{expert}`{_published(expert)}."


def _options(record: Mapping[str, Any]) -> str:
    """List the options that are not the defaults, as a table."""
    plain = TrainOptions(model=record.get("model", "wav2lip"))
    defaults = _flat(plain.record())
    defaults["learning_rate"] = FINE_TUNING if record.get("init") else plain.peak_rate
    changed = {
        name: value
        for name, value in _flat(record).items()
        if name not in _SAID_ELSEWHERE and (name not in defaults or defaults[name] != value)
    }
    if not changed:
        return "All other options are the defaults."
    rows = "\n".join(
        f"| `{name}` | {_plain(value)} | {_plain(defaults.get(name))} |" for name, value in changed.items()
    )
    return f"Options that are not the defaults:\n\n| option | here | default |\n|---|---|---|\n{rows}"


def _scores(rows: Sequence[Mapping[str, Any]], kind: str) -> str:
    if not rows:
        return "None: training ended before the first validation."
    best = min(rows, key=lambda row: row["validation_loss"])
    shown = {row["step"]: row for row in (rows[0], best, rows[-1])}
    table = "\n".join(_score_row(row, best["step"]) for row in shown.values())
    loss, trivial = best["validation_loss"], best["trivial_loss"]
    if loss < trivial:
        verdict = f"Its loss on validation clips is {100 * (1 - loss / trivial):.0f} % below that of {_TRIVIAL[kind]}."
    else:
        verdict = f"**It does no better than {_TRIVIAL[kind]}: it has not learnt what it is for.**"
    if kind == "remover":
        verdict += " The loss is what SI-SNR, in dB and at most 50, lacks to 60 dB."
    parts = "\n".join(f"- {name}: {value:.4g}" for name, value in sorted(best.get("parts", {}).items()))
    return (
        f"The checkpoint is that of step {best['step']}, with the lowest loss of {len(rows)} validations. {verdict}"
        f"\n\n| step | training loss | validation loss | {_TRIVIAL[kind]} |\n|---|---|---|---|\n{table}"
        + (f"\n\nAt that step:\n\n{parts}" if parts else "")
        + "\n\nValidation clips chose the step, so figures on them flatter: "
        + ("`bench/frcrn.py` measures others." if kind == "remover" else "`seido evaluate` scores the test clips.")
    )


def _score_row(row: Mapping[str, Any], best: int) -> str:
    losses = (row["train_loss"], row["validation_loss"], row["trivial_loss"])
    cells = " | ".join("–" if loss is None else f"{loss:.4g}" for loss in losses)
    return f"| {row['step']}{' (best)' if row['step'] == best else ''} | {cells} |"


def _origin(plan: Plan, record: Mapping[str, Any]) -> Iterator[str]:
    notes = plan.notes
    init = notes.get("init_sha256") or record.get("init")
    if init:
        yield f"Begun from the weights with SHA-256 `{init}`{_published(init)}."
        if not notes.get("licence"):
            yield "Their licence is not noted in them: ask whoever made them before you pass this model on."
    else:
        yield f"Begun from random weights (seed {record.get('seed', 0)})."
    if "published" in notes and notes["published"] != PUBLISHED.get(str(init)):
        yield f"Further back stands {notes['published']} as published with Wav2Lip."
    if notes.get("licence"):
        yield f"Licence of the weights: {notes['licence']}."
    yield "What the corpus's terms and its speakers' consent say of data made from it holds for this model too."


def _published(digest: str) -> str:
    return f", {PUBLISHED[digest]} as published with Wav2Lip" if digest in PUBLISHED else ""


def _flat(options: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """List options with those of a group under its name and a dot."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _flat(value, f"{head}{name}.") if isinstance(value, Mapping) else {head + name: value}
    return found


def _plain(value: object) -> str:
    match value:
        case None | [] | ():
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return ", ".join(map(_plain, value))
    return str(value).replace("|", r"\|")


def _lines(items: Iterator[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
