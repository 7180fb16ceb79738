"""The command line: one command, `seido`, with a verb for each stage."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from seido.cli.codes import DONE, STOPPED, UNUSABLE
from seido.errors import SeidoError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `seido` with these arguments, by default the process's own; returns the exit code."""
    from cyclopts import CycloptsError

    from seido.cli.verbs import app

    try:
        code = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return UNUSABLE
    except SeidoError as error:
        return _complain(str(error), UNUSABLE)
    except MemoryError:
        return _complain("there is not enough memory; lower --batch or give shorter speech", UNUSABLE)
    except KeyboardInterrupt:
        return _complain("stopped; nothing half-written is left", STOPPED)
    return code if isinstance(code, int) else DONE


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(f"seido: {sentence}\n")
    return code
