"""How live sound and frames travel between the server and the process that follows a speaker."""

from __future__ import annotations

import struct

LENGTH = struct.Struct("<I")
"""Before every message: its length in bytes."""
HEAD = struct.Struct("<dfI")
"""Before a frame: seconds of its middle since the sound began; milliseconds it took; frames left out so far."""
LONGEST_BLOCK = 1 << 16
"""Bytes of one block of sound: two seconds."""
