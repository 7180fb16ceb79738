"""Make tests/phantom_second anew, a recording of one second with its truth: python tests/make_phantom_second.py."""

from pathlib import Path

from seido.phantom.booth import booth, record
from seido.phantom.produce import write_take
from seido.phantom.script import SLOW, Line, PhantomOptions

LINE = Line("F1", "ja", 1, "ま'ま。", SLOW, unseen=False, seed=0)
FOLDER = Path(__file__).parent / "phantom_second"

if __name__ == "__main__":
    with booth(LINE.anatomy) as ready:
        options = PhantomOptions(sound="clean")
        write_take(FOLDER, options, [LINE.speaker], LINE, record(ready, LINE, options.snr))
