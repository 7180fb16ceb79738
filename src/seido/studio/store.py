"""Where items live: a folder each under one root, looked up by id alone, deleted when their time is over."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seido.files import make_folder
from seido.studio.items import ENDED, Item, Kind, new_id
from seido.studio.limits import Limits
from seido.studio.problems import ProblemError, not_found

_FOLDER = re.compile(r"item-[A-Za-z0-9_-]{24}")


class Store:
    """All items of one studio. It is changed from the event loop alone; nothing in it lists one client's to another.

    Folders of items that an earlier studio left under the root are deleted: nobody holds their ids any more.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        make_folder(root)
        self._root = root.resolve()
        self._limits = limits
        self._items: dict[str, Item] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._bytes: dict[str, int] = {}
        for left in self._root.iterdir():
            if _FOLDER.fullmatch(left.name) and left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, kind: Kind, name: str, owner: str, **more: Any) -> Item:  # noqa: ANN401  (fields of Item)
        """Make an item and its empty folder."""
        item = Item(new_id(), kind, name, owner, **more)
        self.folder(item.id).mkdir(mode=0o700)
        self._items[item.id] = item
        self._changed[item.id] = asyncio.Event()
        return item

    def get(self, identity: str) -> Item:
        """Look an item up; raises ProblemError when there is none of that id."""
        try:
            return self._items[identity]
        except KeyError:
            raise not_found() from None

    def known(self, identity: str) -> bool:
        """Tell whether there is an item of that id."""
        return identity in self._items

    def finished(self, identity: str, *kinds: Kind) -> Item:
        """Look up an item that has to be done and, where kinds are given, of one of them; raises ProblemError."""
        item = self.get(identity)
        if kinds and item.kind not in kinds:
            raise ProblemError("wrong_kind", f"this is a {item.kind}; give a {' or a '.join(kinds)}", kind=item.kind)
        if item.state != "done":
            raise ProblemError("not_ready", f"{item.name} is not there: it is {item.state}", state=item.state)
        return item

    def folder(self, identity: str) -> Path:
        """Name an item's folder."""
        return self._root / f"item-{identity}"

    def change(self, identity: str, **changes: Any) -> None:  # noqa: ANN401  (fields of Item)
        """Change an item and wake who waits for it; nothing happens when it was deleted, or has ended."""
        item = self._items.get(identity)
        if item is None or item.state in ENDED:
            return
        self._items[identity] = replace(item, **changes)
        event, self._changed[identity] = self._changed[identity], asyncio.Event()
        event.set()

    async def changed(self, identity: str, seconds: float) -> None:
        """Wait until an item changes or is deleted, or for so many seconds."""
        event = self._changed.get(identity)
        if event is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass

    def delete(self, identity: str) -> None:
        """Delete an item with all its files; raises ProblemError when there is none of that id."""
        self.get(identity)
        del self._items[identity]
        self._bytes.pop(identity, None)
        self._changed.pop(identity).set()
        shutil.rmtree(self.folder(identity), ignore_errors=True)

    def overdue(self) -> list[str]:
        """List the items whose time is over."""
        now = time.time()
        return [one.id for one in self._items.values() if one.created + self._limits.hours * 3600 < now]

    def empty(self, identity: str) -> None:
        """Delete an item's files and keep what is known of it."""
        if identity in self._items:
            for file in self.folder(identity).iterdir():
                file.unlink(missing_ok=True)

    def weigh(self, identity: str) -> None:
        """Count again what an item's folder takes."""
        if identity in self._items:
            folder = self.folder(identity)
            self._bytes[identity] = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())

    def require_room(self) -> None:
        """Raise ProblemError when the studio keeps as much as it may, in number or in bytes."""
        if len(self._items) >= self._limits.items or sum(self._bytes.values()) >= self._limits.disk_bytes:
            raise ProblemError(
                "store_full", "the studio keeps as much as it may; delete movies, or wait until old ones are deleted"
            )

    def close(self) -> None:
        """Delete everything."""
        for identity in list(self._items):
            self.delete(identity)
