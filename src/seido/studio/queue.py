"""Movies wait in line, one client's turn after another's, so that whoever sends many makes nobody wait for them all."""

from __future__ import annotations

import asyncio
from collections import deque

from seido.studio.limits import Limits
from seido.studio.problems import ProblemError


class FairQueue:
    """Ids that wait, taken from each owner in turn; used from the event loop alone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[str, deque[str]] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, owner: str, identity: str) -> None:
        """Add an id to its owner's line; raises ProblemError when too many wait."""
        own = len(self._lines.get(owner, ()))
        if own >= self._limits.waiting_each or len(self) >= self._limits.waiting:
            raise ProblemError(
                "queue_full", "too many movies wait to be made; try again when some are done", waiting=len(self)
            )
        self._lines.setdefault(owner, deque()).append(identity)
        self._filled.set()

    async def take(self) -> str:
        """Wait for an id and take it; its owner's others go behind those of everybody else."""
        while not self._lines:
            self._filled.clear()
            await self._filled.wait()
        owner, line = next(iter(self._lines.items()))
        identity = line.popleft()
        del self._lines[owner]
        if line:
            self._lines[owner] = line
        return identity

    def remove(self, identity: str) -> None:
        """Forget an id; nothing happens when it does not wait."""
        for owner, line in list(self._lines.items()):
            if identity in line:
                line.remove(identity)
                if not line:
                    del self._lines[owner]

    def order(self) -> list[str]:
        """List the ids as they will be taken."""
        lines = [list(line) for line in self._lines.values()]
        longest = max(map(len, lines), default=0)
        return [line[turn] for turn in range(longest) for line in lines if turn < len(line)]
