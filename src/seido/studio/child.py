"""Work on what was sent, in a process of its own with limits in memory and time.

It reads one line of JSON, `{"task": …, …}`, and writes lines of JSON: `{"progress": […]}` while it works, and at the
end `{"result": {…}}` or `{"problem": {…}}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from seido.errors import SeidoError
from seido.studio.problems import ProblemError

Tell = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""
_GRACE = 5
TASKS = {
    "look": "seido.studio.looking",
    "make": "seido.studio.making",
    "suggest": "seido.studio.making",
    "measure": "seido.studio.measuring",
    "compare": "seido.studio.comparing",
    "movie": "seido.studio.exporting",
    "gif": "seido.studio.exporting",
    "models": "seido.studio.choices",
}
"""Which module does what; each has a function of the task's name, loaded when it is needed."""


def main() -> int:
    """Do one task."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    # What a decoder has to say on standard output is no answer.
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    limit(request["limits"]["memory_bytes"], request["limits"]["cpu_seconds"], request["limits"]["disk_bytes"])

    def tell(stage: str, done: int, total: int) -> None:
        answers.write(json.dumps({"progress": [stage, done, total]}) + "\n")

    answer: dict[str, Any]
    try:
        work = getattr(import_module(TASKS[request["task"]]), request["task"])
        answer = {"result": work(request, tell)}
    except ProblemError as problem:
        answer = {"problem": problem.as_json()}
    except SeidoError as error:
        answer = {"problem": ProblemError("unreadable", named(str(error), request.get("names", {}))).as_json()}
    except MemoryError:
        answer = {"problem": ProblemError("out_of_memory", "this needs more memory than the studio gives").as_json()}
    answers.write(json.dumps(answer, allow_nan=False) + "\n")
    answers.flush()
    return 0


def named(sentence: str, names: dict[str, str]) -> str:
    """Put the names that senders gave in the place of the studio's own paths.

    >>> named("/tmp/x/source: cut off", {"/tmp/x/source": "ma.wav"})
    'ma.wav: cut off'
    """
    for path, name in sorted(names.items(), key=lambda pair: -len(pair[0])):
        sentence = sentence.replace(path, name)
    for path in names:
        sentence = sentence.replace(f"{Path(path).parent}{os.sep}", "")
    return sentence


def limit(memory: int, seconds: int, file: int) -> None:
    """Let this process hold so many bytes of data, run so many seconds of processor time, and write no larger file."""
    try:
        import resource
    except ImportError:  # Windows has none: there, only how long the process runs is limited
        return
    wanted = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: file,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    for what, most in wanted.items():
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))
    # First a signal that tells why, and a little later one that nothing survives.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _GRACE))


if __name__ == "__main__":
    raise SystemExit(main())
