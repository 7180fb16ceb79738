"""What kind of file bytes are, by their beginning; names and what the sender says do not count."""

from __future__ import annotations

import re
from typing import Literal

Content = Literal["media", "picture", "labels"]
"""media: sound, or a movie; only decoding tells which."""

HEAD = 64
"""Bytes that are looked at."""
_MEDIA = re.compile(
    rb"RIFF.{4}(WAVE|AVI )|RF64.{4}WAVE|fLaC|OggS|ID3|\xff[\xe0-\xff]|FORM.{4}AIF[FC]|caff|\.snd"
    rb"|.{4}ftyp|\x1aE\xdf\xa3",
    re.DOTALL,
)
_PICTURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0\0\0\0|II\*\0|MM\0\*|RIFF.{4}WEBP", re.DOTALL)
_LABELS = re.compile(r'(File type = )?"ooTextFile')


def content_of(head: bytes) -> Content | None:
    """Tell what a file is that begins with these bytes; None when it is nothing the studio takes.

    >>> content_of(b"RIFF....WAVEfmt "), content_of(bytes([137]) + b"PNG" + bytes([13, 10, 26, 10])), content_of(b"MZ")
    ('media', 'picture', None)
    """
    # The mark of UTF-16 and the beginning of JPEG could be MP3's, which is tried last.
    for encoding in ("utf-8-sig", "utf-16"):
        text = head[: len(head) // 2 * 2].decode(encoding, errors="ignore").lstrip()
        if _LABELS.match(text):
            return "labels"
    if _PICTURE.match(head):
        return "picture"
    return "media" if _MEDIA.match(head) else None
