"""What generators that move the first frame share, whatever they are inside: three steps, and when each is taken."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

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
