"""Starting a child process for a task, listening to it, and turning its death into an error message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seido.studio.limits import Limits
from seido.studio.problems import ProblemError

Tell = Callable[[str, int, int], None]
_LONGEST_LINE = 32 << 20
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""What the child sees of the environment: no keys, no tokens."""
_TIME = {getattr(signal, name) for name in ("SIGXCPU",) if hasattr(signal, name)}
_SIZE = {getattr(signal, name) for name in ("SIGXFSZ",) if hasattr(signal, name)}


async def run_task(
    task: str,
    request: dict[str, Any],
    folder: Path,
    limits: Limits,
    *,
    seconds: int | None = None,
    tell: Tell = lambda *_: None,
) -> dict[str, Any]:
    """Do a task of `seido.studio.child` in a process that works in `folder`, and return its result.

    Cancelling kills the process. Raises ProblemError: what the task said, or why its process died.
    """
    process = await start("seido.studio.child", folder)
    try:
        async with asyncio.timeout(seconds or limits.wall_seconds):
            answer = await _converse(process, {**request, "task": task, "limits": limits.as_json()}, tell)
            code = await process.wait()
    except TimeoutError:
        raise _too_slow() from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    if answer is None:
        raise died(code)
    if "problem" in answer:
        told = answer["problem"]
        raise ProblemError(str(told.get("code")), str(told.get("message")), **dict(told.get("facts") or {}))
    return dict(answer["result"])


async def start(module: str, folder: Path) -> asyncio.subprocess.Process:
    """Start a module as a process that works in `folder`; its standard input and output are pipes."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env=environment | {"TMPDIR": str(folder), "OMP_WAIT_POLICY": "PASSIVE"},
        limit=_LONGEST_LINE,
        start_new_session=True,
    )


async def _converse(process: asyncio.subprocess.Process, request: dict[str, Any], tell: Tell) -> dict[str, Any] | None:
    """Hand the request in and take the answers; None when the process ends without a last one."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None  # noqa: S101  (both were asked for)
    assert stdout is not None  # noqa: S101
    with contextlib.suppress(ConnectionError):
        stdin.write(json.dumps(request).encode() + b"\n")
        await stdin.drain()
        stdin.close()
    try:
        while line := await stdout.readline():
            answer = json.loads(line)
            if "progress" not in answer:
                return answer if {"result", "problem"} & answer.keys() else None
            stage, done, total = answer["progress"]
            tell(str(stage), int(done), int(total))
    except (ValueError, TypeError, AttributeError):
        return None
    return None


def _too_slow() -> ProblemError:
    return ProblemError("out_of_time", "this took longer than the studio gives; try something shorter")


def died(code: int) -> ProblemError:
    """Say why a process died that ended with this exit code, or the negative of a signal."""
    if code < 0 and -code in _TIME:
        return _too_slow()
    if code < 0 and -code in _SIZE:
        return ProblemError("too_large", "what was decoded grew larger than the studio allows; send less")
    # Linux kills with SIGKILL where memory runs out, and FFmpeg or torch abort when they are refused it.
    if code in {-9, -6}:
        return ProblemError("out_of_memory", "the process that worked on this ran out of memory; send less at a time")
    return ProblemError(
        "died", "the process that worked on this crashed, which damaged files can cause; export it again"
    )
