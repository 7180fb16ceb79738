"""Finding a face in a photograph, for Wav2Lip's own job; magnetic resonance pictures need none of this."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seido.errors import BadInputError, MissingExtraError
from seido.values import Frame, Region

CHIN = 0.15
"""Share of the box's height added below: the detector's boxes end at the chin, the network's reach under it."""


def find_face(picture: Frame) -> Region:
    """Find the surest frontal face in a picture, uint8 (H, W) or (H, W, 3), with the chin inside the box.

    Uses the boosted cascade (Viola and Jones 2001) that OpenCV's package carries. Raises MissingExtraError when
    OpenCV is not installed and BadInputError when no face is found.
    """
    try:
        import cv2
    except ImportError:
        raise MissingExtraError("finding faces", "face") from None
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"))
    least = max(24, min(grey.shape) // 10)
    boxes, _, weights = cascade.detectMultiScale3(
        cv2.equalizeHist(grey), 1.05, 5, minSize=(least, least), outputRejectLevels=True
    )
    if not len(boxes):
        raise BadInputError("no face was found in the picture; give its box with --region X,Y,W,H")
    x, y, width, height = (int(side) for side in boxes[int(np.argmax(weights))])
    return Region(x, y, width, min(round(height * (1 + CHIN)), picture.shape[0] - y))
