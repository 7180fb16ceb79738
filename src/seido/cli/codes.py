"""What the process returns to the shell."""

DONE = 0
SOME_LEFT_OUT = 1
"""Work was done, but some recordings could not be used."""
UNUSABLE = 2
"""Input that cannot be used, or a command that makes no sense."""
STOPPED = 130
"""Ctrl-C, as shells have it."""
