"""What bench/studio.py watches: when the page draws, when sound goes and frames come, how much memory is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seido.timebase import SAMPLE_RATE

Row = tuple[str, str]

OPENED = """
(() => {
  const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const drawn = (canvas) => canvas?.width && pixels(canvas).some((value, i) => i % 4 === 0 && value > 60);
  const look = () => {
    const page = document.documentElement;
    if (!page.dataset.picture && drawn(document.querySelector("canvas[data-canvas=frame]"))) {
      performance.mark("picture");
      page.dataset.picture = "true";
    }
    if (page.dataset.ready && page.dataset.picture) performance.mark("ready"); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""Notes when a picture is first on the canvas of the first frame, in ms since the page was asked for."""

LIVE = """
(() => {
  const Plain = WebSocket;
  window.noted = { sent: [], came: [], made: null };
  let heard = 0;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string") { noted.made = JSON.parse(data); return; }
        const view = new DataView(data), head = [view.getFloat64(0, true), view.getFloat32(8, true)];
        const line = [performance.now(), 0, ...head, view.getUint32(12, true)];
        noted.came.push(line);
        requestAnimationFrame(() => { line[1] = performance.now(); });
      });
    }
    send(data) {
      super.send(data);
      if (typeof data === "string") return;
      heard += data.byteLength / 2;
      noted.sent.push([performance.now(), heard]);
    }
  };
})();
"""
"""Notes every block sent (ms, samples so far) and frame that came (ms, ms of the next repaint, its header)."""


def latency_rows(name: str, noted: dict[str, Any]) -> list[Row]:
    """Say how old frames are when they are shown, in which parts, and how that changes from beginning to end."""
    sent, came = np.array(noted["sent"], float), np.array(noted["came"], float)
    came = came[came[:, 1] > 0]
    arrived, painted, middle, took, left_out = came.T
    # The moment sample 0 was heard, as the earliest blocks of ten seconds allow: clocks of sound and page may differ.
    begins = sent[:, 0] - 1000 * sent[:, 1] / SAMPLE_RATE
    width = max(1, round(10_000 * len(sent) / (sent[-1, 0] - sent[0, 0])))
    earliest = np.array([begins[max(0, at - width) : at + 1].min() for at in range(len(begins))])
    at = np.maximum(np.searchsorted(sent[:, 0], arrived) - 1, 0)
    spoken = earliest[at] + 1000 * middle
    ahead = 1000 * float(noted["made"]["look_ahead"])
    # The block that made the frame certain: the first that reaches beyond its look-ahead.
    block = np.minimum(np.searchsorted(sent[:, 1], (middle + ahead / 1000) * SAMPLE_RATE - 0.5), len(sent) - 1)
    went = sent[block, 0]
    parts = [
        ("waiting for the sound that follows (look-ahead)", np.full(len(went), ahead)),
        ("until the block is full and sent", went - spoken - ahead),
        ("computing, as the server tells", took),
        ("on the way, in queues", arrived - went - took),
        ("until the next repaint", painted - arrived),
    ]
    age = painted - spoken
    print(f"{name}: {len(sent)} blocks, {len(came)} frames, {left_out[-1]:.0f} left out", flush=True)
    steps = earliest[:: 3 * width] - earliest[0]
    print(f"sound behind the page's clock, every 30 s: {' '.join(f'{step:.0f}' for step in steps)} ms", flush=True)
    since = (arrived - arrived[0]) / 60_000
    lasted = float(since[-1])
    drift = np.polyfit(since, age, 1)[0]
    first, last = age[since < 0.25], age[since > lasted - 0.25]
    clock = earliest[-1] - earliest[min(width, len(earliest) - 1)]
    return [
        (f"{name}, {lasted:.1f} min: latency, median (95 %)", f"**{shown(age)}**"),
        *((f"– {part}", shown(values)) for part, values in parts),
        ("– the first 15 s, the last 15 s", f"{shown(first)}, {shown(last)}"),
        (
            "– drift of the latency; of the sound's clock against the page's",
            f"{drift:+.2f} ms a minute; {clock:+.0f} ms in all",
        ),
        ("– frames shown, left out", f"{len(came)}, {left_out[-1]:.0f}"),
    ]


def shown(values: NDArray[Any]) -> str:
    """Write a median and a 95th percentile."""
    return f"{np.median(values):.0f} ms ({np.percentile(values, 95):.0f})"


class Tree:
    """The memory that a process and its descendants hold, in MB; shared pages count once for each of them."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.most = 0.0

    def memory(self) -> tuple[float, float]:
        """Tell the process's own and that of the whole tree; remembers the most."""
        parents: dict[int, int] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
        tree = {self.process}
        while more := {one for one, parent in parents.items() if parent in tree} - tree:
            tree |= more
        held = sum(map(_resident, tree))
        self.most = max(self.most, held)
        return _resident(self.process), held


def _resident(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
