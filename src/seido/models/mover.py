"""What generators that move the first frame share, whatever they are inside: three steps, and when each is taken."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from seido.errors import BadInputError
from seido.models.blocks import require_shape

Kept = Any
"""What a mover keeps of the first frames of clips; each kind of mover has its own."""


class Mover(nn.Module):
    """Speech and a first frame to frames: log-mel (B, L, bands), places (B, T), (B, 1, H, W) → (B, T, 1, H, W).

    Grey, 0 … 1; outputs may overshoot a little. `hold` and `listen` are what a clip needs once, `paint` what each of
    its frames needs.
    """

    context: int
    """Mel columns on either side of a frame that decide what is heard at it; see tract_speech.hearing."""

    def forward(self, mel: Tensor, at: Tensor, reference: Tensor) -> Tensor:
        """Make the frames of B stretches of T frames; raises BadInputError for other shapes."""
        codes = self.listen(mel, at)
        frames = self.paint(codes.flatten(0, 1), self.hold(reference))
        return frames.reshape(*codes.shape[:2], *frames.shape[1:])

    def listen(self, mel: Tensor, at: Tensor) -> Tensor:
        """Encode speech, cut by tract_speech.hearing: (B, L, bands) and (B, T) → (B, T, numbers)."""
        raise NotImplementedError

    def hold(self, reference: Tensor) -> Kept:
        """Look at the first frames of clips, float32 (B, 1, H, W), 0 … 1, and return what `paint` needs of them."""
        raise NotImplementedError

    def paint(self, codes: Tensor, held: Kept) -> Tensor:
        """Make frames: codes (N, numbers), those of a clip's frames one after the other, as many for each clip held.

        Returns float32 (N, 1, H, W).
        """
        raise NotImplementedError


def padded(reference: Tensor, multiple: int) -> Tensor:
    """Bring the first frames of clips, (B, 1, H, W), to multiples of so many pixels by repeating the edge on one side.

    Raises BadInputError for other shapes.
    """
    require_shape("the first frame", reference, ("B", 1, "H", "W"))
    height, width = reference.shape[2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return functional.pad(reference, padding, mode="replicate") if any(padding) else reference


def for_each(once: Tensor, count: int) -> Tensor:
    """Repeat what is held of B clips for the frames of each: (B, …) → (count, …).

    Raises BadInputError where count is no multiple of B.
    """
    if count % len(once):
        raise BadInputError(f"{count} frames cannot be shared by {len(once)} clips; give as many frames for each")
    if len(once) == 1:
        return once.expand(count, *once.shape[1:])
    return once.repeat_interleave(count // len(once), dim=0)
