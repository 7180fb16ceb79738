"""`python -m seido.cli` is `seido`."""

import sys

from seido.cli import main

if __name__ == "__main__":
    sys.exit(main())
