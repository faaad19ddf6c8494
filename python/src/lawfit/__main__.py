"""`python -m lawfit`: the program itself."""

import os
import subprocess
import sys

from ._program import find_program


def main() -> int:
    """Runs the program in the place of this process, where the platform can."""
    command = [find_program(), *sys.argv[1:]]
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
