"""Doing what was asked: looking at files, making movies one after another, and the smaller tasks beside them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from seido.studio.choices import Choices, Model
from seido.studio.items import ENDED, FRAMES, SOURCE, Item, Pictures, Progress
from seido.studio.limits import Limits
from seido.studio.problems import ProblemError
from seido.studio.queue import FairQueue
from seido.studio.running import run_task
from seido.studio.store import Store

_SWEEP_SECONDS = 30
_SMALL_TASKS = 2
"""How many of the smaller tasks run at once; movies are made by one process at a time beside them."""


class Jobs:
    """The work of one studio. Everything that decodes or computes runs in child processes."""

    def __init__(self, root: Path, limits: Limits, folder: Path | None) -> None:
        self.limits = limits
        self.store = Store(root, limits)
        self.queue = FairQueue(limits)
        self.root = root
        self._models = folder
        self._small = asyncio.Semaphore(_SMALL_TASKS)
        self._requests: dict[str, tuple[str, dict[str, Any]]] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._once: dict[str, asyncio.Task[dict[str, Any]]] = {}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Work while the context lasts; then every process is ended and every file deleted."""
        # Reading every model takes seconds; who asks for them waits, the page does not.
        self._listing = asyncio.create_task(self._list())
        tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sweep())]
        try:
            yield
        finally:
            running = [*tasks, self._listing, *self._working.values(), *self._once.values()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self.store.close()

    async def choices(self) -> Choices:
        """Wait until the models are known, and tell all that can be chosen; raises ProblemError."""
        return await asyncio.shield(self._listing)

    async def _list(self) -> Choices:
        folder = None if self._models is None else str(self._models)
        listed = await self.small("models", {"folder": folder}, self.root, seconds=self.limits.wall_seconds)
        return Choices(tuple(Model(**one) for one in listed["models"]))

    async def small(
        self, task: str, request: dict[str, Any], folder: Path, *, seconds: int | None = None
    ) -> dict[str, Any]:
        """Do a task that somebody waits for; few at a time. Raises ProblemError."""
        async with self._small:
            return await run_task(task, request, folder, self.limits, seconds=seconds or self.limits.look_seconds)

    async def once(self, key: str, task: str, request: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Do a small task, or wait for the same one where it is being done; what it gave is remembered by `key`."""
        if key not in self._once:
            self._once[key] = asyncio.create_task(self.small(task, request, folder))
        work = self._once[key]
        try:
            return await asyncio.shield(work)
        except ProblemError as problem:
            # What cannot be done stays so; a process that was killed may do better next time.
            if problem.status == 422 and problem.code not in {"died", "out_of_time", "out_of_memory"}:
                raise
            self._once.pop(key, None)
            raise

    async def look(self, item: Item, content: str, labels: Path | None = None) -> Item:
        """Decode what was sent, and a TextGrid that goes with it, into an item's folder.

        Deletes the item and raises ProblemError when that fails.
        """
        folder = self.store.folder(item.id)
        source = str(folder / SOURCE)
        request = {
            "source": source,
            "content": content,
            "labels": None if labels is None else str(labels),
            "names": {source: item.name},
        }
        try:
            found = await self.small("look", request, folder)
            pictures = Pictures.read(found["pictures"], folder / FRAMES) if "pictures" in found else None
            self.store.change(
                item.id,
                kind=found["kind"],
                pictures=pictures,
                seconds=found.get("seconds"),
                facts=found.get("facts", {}),
                state="done",
            )
        except BaseException:
            with contextlib.suppress(ProblemError):
                self.store.delete(item.id)
            raise
        self.store.weigh(item.id)
        return self.store.get(item.id)

    def submit(self, item: Item, task: str, request: dict[str, Any]) -> None:
        """Put an item in line; deletes it and raises ProblemError when too many wait."""
        try:
            self.queue.put(item.owner, item.id)
        except ProblemError:
            self.store.delete(item.id)
            raise
        self._requests[item.id] = (task, request)

    def place(self, identity: str) -> int | None:
        """Tell how many are made before an item that waits; None when it does not wait."""
        if self.store.get(identity).state != "waiting":
            return None
        order = self.queue.order()
        return order.index(identity) + len(self._working) if identity in order else 0

    def cancel(self, identity: str) -> None:
        """Break off what an item waits for or is made by; nothing happens when it has ended."""
        if self.store.get(identity).state in ENDED:
            return
        self.queue.remove(identity)
        self._requests.pop(identity, None)
        self.store.change(identity, state="cancelled")
        if identity in self._working:
            self._working[identity].cancel()
        else:
            self.store.empty(identity)
        for waiting in self.queue.order():
            self.store.change(waiting)

    def delete(self, identity: str) -> None:
        """Break off and delete an item."""
        self.cancel(identity)
        for key in [key for key in self._once if key.startswith(identity)]:
            self._once.pop(key).cancel()
        self.store.delete(identity)

    async def _work(self) -> None:
        while True:
            identity = await self.queue.take()
            if identity not in self._requests:
                continue
            self._working[identity] = asyncio.create_task(self._one(identity, *self._requests.pop(identity)))
            # Who waits hears of its new place.
            for waiting in self.queue.order():
                self.store.change(waiting)
            await asyncio.wait([self._working[identity]])
            del self._working[identity]

    async def _one(self, identity: str, task: str, request: dict[str, Any]) -> None:
        folder = self.store.folder(identity)
        self.store.change(identity, state="working", progress=Progress("start", 0, 1))

        def tell(stage: str, done: int, total: int) -> None:
            self.store.change(identity, progress=Progress(stage, done, total))

        try:
            found = await run_task(task, request, folder, self.limits, tell=tell)
            pictures = Pictures.read(found["pictures"], folder / FRAMES) if "pictures" in found else None
            facts = {**self.store.get(identity).facts, **found.get("facts", {})}
            self.store.change(identity, pictures=pictures, seconds=found.get("seconds"), facts=facts, state="done")
            self.store.weigh(identity)
        except ProblemError as problem:
            self.store.change(identity, state="failed", problem=problem.as_json())
        except Exception:  # noqa: BLE001  (whatever goes wrong with one job, the others go on)
            mistake = ProblemError("internal", "the studio made a mistake; try again, and report it if it stays")
            self.store.change(identity, state="failed", problem=mistake.as_json())
        finally:
            if self.store.known(identity) and self.store.get(identity).state != "done":
                self.store.empty(identity)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for identity in self.store.overdue():
                self.delete(identity)
