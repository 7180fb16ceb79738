"""The process that the phantom's engine lives in: one speaker, questions in, numbers out."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seido.phantom.anatomy import ENGINE
from seido.phantom.contours import parse_drawing
from seido.phantom.shapes import tuned, with_derived
from seido.phantom.wire import Numbers, receive, send

_FRONT = 0.45
"""Constrictions are looked for in front of this share of the tract, so that the glottis does not count."""
_GLOTTIS = ("modal", "stop", "h", "breathy", "voiceless-plosive", "voiceless-fricative", "voiced-plosive")
_VOICED_FRICATIVE = "voiced-fricative"
Answer = tuple[dict[str, Any], list[Numbers]]


class Speaker:
    """The engine, set to one speaker; every method answers one question."""

    def __init__(self, xml: str, folder: Path) -> None:
        self.api = importlib.import_module(f"{ENGINE}.VocalTractLabApi")
        self.drawing = folder / "tract.svg"
        path = folder / "phantom.speaker"
        path.write_text(xml, encoding="utf-8")
        self.api._close()  # noqa: SLF001
        self.api._initialize(str(path))  # noqa: SLF001
        self.names = [line.split('"')[1] for line in xml.split("<glottis_model", 1)[0].split("<shape ")[1:]]

    def synthesise(self, words: dict[str, Any], arrays: list[Numbers]) -> Answer:
        """Turn states of tract and glottis into sound."""
        return {}, [self.api.synth_block(arrays[0], arrays[1], state_samples=int(words["hop"]))]

    def contours(self, _: dict[str, Any], arrays: list[Numbers]) -> Answer:
        """Draw the outlines of each state, all in one array, with the lengths to cut it by."""
        outlines = []
        for state in arrays[0]:
            self.api.tract_state_to_svg(np.ascontiguousarray(state), str(self.drawing))
            outlines.append(parse_drawing(self.drawing.read_text(encoding="utf-8")))
        lengths = [[len(outline) for outline in moment] for moment in outlines]
        return {"lengths": lengths}, [np.concatenate([outline for moment in outlines for outline in moment])]

    def tube(self, _: dict[str, Any], arrays: list[Numbers]) -> Answer:
        """Measure areas and lengths of the tube's sections."""
        # The quick calculation gives the same areas and lengths.
        tube = self.api.tract_state_to_tube_state(arrays[0], fast_calculation=True)
        return {}, [tube["tube_area"], tube["tube_length"]]

    def shape(self, words: dict[str, Any], _: list[Numbers]) -> Answer:
        """Give the speaker's shape of that name, as in the speaker's file."""
        return {}, [np.asarray(self.api.get_shape(words["name"], words["of"]), dtype=float)]

    def shapes(self, _: dict[str, Any], __: list[Numbers]) -> Answer:
        """Give all shapes, closures and fricatives tuned."""
        raw = {name: self.shape({"name": name, "of": "tract"}, [])[1][0] for name in self.names}
        tract = {name: tuned(name, target, self._narrowest) for name, target in with_derived(raw).items()}
        names = (*_GLOTTIS, _VOICED_FRICATIVE)
        glottis = [self.shape({"name": name, "of": "glottis"}, [])[1][0] for name in names]
        return {"tract": list(tract), "glottis": names}, [np.array(list(tract.values())), np.array(glottis)]

    def _narrowest(self, target: Numbers) -> float:
        tube = self.api.tract_state_to_tube_state(np.ascontiguousarray(target), fast_calculation=True)
        ends = np.cumsum(tube["tube_length"])
        return float(tube["tube_area"][ends > _FRONT * ends[-1]].min())


def main() -> None:
    """Serve questions until the other side goes away."""
    # The engine writes to standard output, so the messages take a private copy of it first.
    answers = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    with tempfile.TemporaryDirectory(prefix="seido-phantom-") as folder:
        words, _ = receive(sys.stdin.buffer)
        serve(Speaker(words["xml"], Path(folder)), sys.stdin.buffer, answers)


def serve(speaker: Speaker, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer each question; what fails is told in words and does not end the process."""
    calls: dict[str, Callable[[dict[str, Any], list[Numbers]], Answer]] = {
        name: getattr(speaker, name) for name in ("synthesise", "contours", "tube", "shape", "shapes")
    }
    send(answers, {"ready": True})
    while True:
        try:
            words, arrays = receive(questions)
        except EOFError:
            return
        try:
            answer, numbers = calls[words["call"]](words, arrays)
        except Exception as error:  # noqa: BLE001 - the engine raises what it likes; the parent makes a sentence of it
            send(answers, {"error": " ".join(str(error).split())[:300]})
        else:
            send(answers, answer, numbers)


if __name__ == "__main__":
    main()
