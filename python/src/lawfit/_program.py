"""The `lawfit` program: finding and calling it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import Diagnostic, ProgramNotFoundError, of_exit


def find_program() -> str:
    """The path of the program.

    It is looked for in this order: the environment variable LAWFIT_PROGRAM; the scripts of this Python; those of
    the Python that this virtual environment was made of; `bin` of the prefix around this package (`pip install
    --prefix`); `bin` beside this package (`pip install --target`); the scripts of the user; PATH.

    Raises:
        ProgramNotFoundError: It is in none of these places.
    """
    named = os.environ.get("LAWFIT_PROGRAM")
    if named:
        if os.path.isfile(named):
            return named
        raise _not_found(f"LAWFIT_PROGRAM is {named}, which is no file", [])
    name = "lawfit" + (sysconfig.get_config_var("EXE") or "")
    folders = _folders()
    for folder in folders:
        candidate = os.path.join(folder, name)
        if os.path.isfile(candidate):
            return candidate
    raise _not_found("the lawfit program was not found", folders)


def _folders() -> list[str]:
    package = Path(__file__).resolve().parent
    windows = sys.platform == "win32"
    scripts = "Scripts" if windows else "bin"
    folders = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", vars={"base": sys.base_prefix}),
    ]
    # <prefix>/lib/python3.x/site-packages/lawfit, and <prefix>/Lib/site-packages/lawfit on Windows.
    parents = package.parents
    depth = 2 if windows else 3
    if package.parent.name == "site-packages" and len(parents) > depth:
        folders.append(str(parents[depth] / scripts))
    folders.append(str(package.parent / "bin"))
    user = sysconfig.get_preferred_scheme("user")
    folders.append(sysconfig.get_path("scripts", scheme=user))
    folders.extend(folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)
    return list(dict.fromkeys(folder for folder in folders if folder))


def _not_found(message: str, folders: Sequence[str]) -> ProgramNotFoundError:
    hints = ("install it with `pip install lawfit`, or name it in the environment variable LAWFIT_PROGRAM",)
    looked = f"\n  looked in {', '.join(folders)}" if folders else ""
    text = f"{message}{looked}\n  help: {hints[0]}"
    return ProgramNotFoundError((Diagnostic("error", "no-program", message, None, hints, text),))


@dataclass(frozen=True)
class Ended:
    """The result of a call of the program."""

    exit_code: int
    stdout: str
    stderr: str


def call(arguments: Sequence[str], places: Mapping[int, str] | None = None) -> str:
    """Calls the program and returns its output.

    Raises:
        LawfitError: The exit code is not 0. `places` are the settings by the lines of the spec.
    """
    return done(arguments, places).stdout


def done(arguments: Sequence[str], places: Mapping[int, str] | None = None) -> Ended:
    """Like `call`, with the standard error as well."""
    ended = run(arguments)
    if ended.exit_code != 0:
        raise of_exit(ended.exit_code, ended.stderr, places)
    return ended


def run(arguments: Sequence[str]) -> Ended:
    """Calls the program and returns its exit code, unless it was interrupted.

    Raises:
        KeyboardInterrupt: This process or the program was interrupted; both end.
    """
    command = [find_program(), *arguments]
    process = None
    try:
        with _interruption_put_off():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
            )
        out, err = process.communicate()
    except BaseException:
        if process is not None:
            _stop(process)
        raise
    ended = Ended(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
    if ended.exit_code in (130, -signal.SIGINT):
        raise KeyboardInterrupt
    return ended


def _environment() -> dict[str, str]:
    """The environment of this process without variables that change the form of messages."""
    environment = {k: v for k, v in os.environ.items() if k not in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY")}
    return {**environment, "NO_COLOR": "1", "COLUMNS": "100000"}


@contextmanager
def _interruption_put_off() -> Iterator[None]:
    """Delays an interruption to the end of a block, since during a start it would leave an orphaned process."""
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread is interrupted, and not where interruptions are ignored or others than Python see to them.
    if before in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the program like Ctrl-C, so that finished results are kept; a second interruption kills it."""
    try:
        if os.name == "nt":
            process.terminate()
        else:
            process.send_signal(signal.SIGINT)
        process.communicate()
    except BaseException:
        process.kill()
        process.communicate()
